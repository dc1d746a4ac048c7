//! Protocol definitions that servers and judges share: framing, wire formats, models and clauses.
//!
//! The crate performs no I/O and uses neither a clock nor random numbers. Each protocol is a module: [`index`] is the
//! package index, [`wisdom`] is WOW/1, quotations for a proof of work. A module contains the wire format, the
//! sequential model, and the clauses that docs/PROTOCOL.md or docs/WISDOM.md lists.
//!
//! The main types are [`Protocol`], which combines the parts of a protocol; [`Framing`], which splits a stream of
//! bytes into frames; and [`Clause`] with its [`Level`], which identifies a rule.
//!
//! ```
//! use protocol::index::clauses::S1;
//! use protocol::index::wire::Reply;
//! use protocol::index::{Index, model::Model};
//! use protocol::{Framing, Level, Next, Protocol, Unacceptable};
//!
//! let mut lines = Index::framing(64 * 1024);
//! assert_eq!(lines.next(b"INDEX|a|b\nQUERY"), (10, Next::Frame(b"INDEX|a|b")));
//!
//! let mut model = Model::default();
//! let verdict = Index::accept(&mut model, b"INDEX|a|b", &Reply::Ok);
//! assert_eq!(verdict, Err(Unacceptable { expected: Reply::Fail }), "b is not indexed");
//! assert_eq!(S1.level, Level::Must);
//! ```

mod clause;
mod framing;
pub mod index;
pub mod text;
pub mod wisdom;

pub use clause::{Clause, Level};
pub use framing::{Framing, Lines, Next};

/// A request-and-reply protocol over a stream of bytes.
///
/// A frame is one message of the stream. In a line protocol it is a line without its line end.
pub trait Protocol {
    /// The framing of the stream, in both directions.
    type Framing: Framing;
    /// A decoded request. It may borrow from its frame.
    type Request<'a>;
    /// A decoded reply.
    type Response;
    /// The reason why a frame cannot be decoded.
    type Malformed: std::error::Error;
    /// The sequential specification: the state of a server between two requests.
    type Model: Default;

    /// Creates a framing with a maximum frame length in bytes.
    fn framing(frame_bytes_max: usize) -> Self::Framing;

    /// Decodes a frame that a client sent.
    ///
    /// # Errors
    /// Returns the rule of the wire format that the frame violates.
    fn decode_request(frame: &[u8]) -> Result<Self::Request<'_>, Self::Malformed>;

    /// Appends a request with its delimiter.
    fn encode_request(request: &Self::Request<'_>, out: &mut Vec<u8>);

    /// Decodes a frame that a server sent.
    ///
    /// # Errors
    /// Returns the rule of the wire format that the frame violates.
    fn decode_response(frame: &[u8]) -> Result<Self::Response, Self::Malformed>;

    /// Appends a reply with its delimiter.
    fn encode_response(response: &Self::Response, out: &mut Vec<u8>);

    /// Applies one request with its reply to the model.
    ///
    /// The method checks a reply and does not predict it, because some replies cannot be predicted.
    ///
    /// # Errors
    /// If the specification does not allow the reply, returns one that it allows. The model remains unchanged.
    fn accept(
        model: &mut Self::Model,
        request: &[u8],
        response: &Self::Response,
    ) -> Result<(), Unacceptable<Self::Response>>;
}

/// A reply that the specification does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unacceptable<R> {
    /// A reply that the specification allows.
    pub expected: R,
}
