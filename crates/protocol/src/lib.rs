//! The words and rules that both sides of a connection agree on.
//!
//! Nothing here does I/O, reads a clock or knows a runtime. A protocol is a module with its wire form and its
//! model, joined by one implementation of [`Protocol`].

mod clause;
mod framing;
pub mod index;
pub mod wisdom;

pub use clause::{Clause, Level};
pub use framing::{Framing, Lines, Next};

/// A request-and-reply protocol over a stream of bytes.
///
/// Frames are what lies between the protocol's delimiters: for a line protocol a line without its line end.
pub trait Protocol {
    /// How a stream of bytes is cut into frames, in both directions.
    type Framing: Framing;
    /// A request that could be read as one; it borrows from the frame.
    type Request<'a>;
    /// A reply.
    type Response;
    /// Why a frame could not be read.
    type Malformed: std::error::Error;
    /// The sequential specification: the state that a server is in between two requests.
    type Model: Default;

    /// Cuts a stream into frames of at most `frame_bytes_max` bytes.
    fn framing(frame_bytes_max: usize) -> Self::Framing;

    /// Reads a frame that a client sent.
    ///
    /// # Errors
    /// Says which rule of the wire form the frame breaks.
    fn decode_request(frame: &[u8]) -> Result<Self::Request<'_>, Self::Malformed>;

    /// Appends a request, delimiter included.
    fn encode_request(request: &Self::Request<'_>, out: &mut Vec<u8>);

    /// Reads a frame that a server sent.
    ///
    /// # Errors
    /// Says which rule of the wire form the frame breaks.
    fn decode_response(frame: &[u8]) -> Result<Self::Response, Self::Malformed>;

    /// Appends a reply, delimiter included.
    fn encode_response(response: &Self::Response, out: &mut Vec<u8>);

    /// Takes one step of the specification: a frame that a client sent, and the reply that it got.
    ///
    /// The model accepts rather than predicts, because not every protocol's replies can be predicted.
    ///
    /// # Errors
    /// The specification does not allow this reply in this state; the model is left as it was.
    fn accept(
        model: &mut Self::Model,
        request: &[u8],
        response: &Self::Response,
    ) -> Result<(), Unacceptable<Self::Response>>;
}

/// A reply that the specification does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unacceptable<R> {
    /// A reply that it would have allowed.
    pub expected: R,
}
