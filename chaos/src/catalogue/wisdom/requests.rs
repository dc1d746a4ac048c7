//! Requests and expected replies that several tables use.

use conformance::case::Allowed;
use conformance::case::Template;

/// A request for a challenge.
pub(crate) const REQUEST: Template = b"WW\x01\x01\0\0\0\x02{}";

/// A challenge is required.
pub(crate) const CHALLENGE: Allowed = Allowed::Lines(&[b"CHALLENGE"]);

/// A quotation is required.
pub(crate) const QUOTE: Allowed = Allowed::Lines(&[b"QUOTE"]);

/// A challenge, or a refusal, which a client in a crowd may receive.
pub(crate) const CHALLENGE_OR_REFUSED: Allowed =
    Allowed::Lines(&[b"CHALLENGE", b"ERROR RATE_LIMITED", b"ERROR SERVER_BUSY", b"ERROR TIMEOUT"]);

/// A quotation, or a refusal, which a client in a crowd may receive.
pub(crate) const QUOTE_OR_REFUSED: Allowed =
    Allowed::Lines(&[b"QUOTE", b"ERROR RATE_LIMITED", b"ERROR SERVER_BUSY", b"ERROR TIMEOUT"]);

/// A challenge, a refusal, or the end of the connection, which a client above a limit may receive.
pub(crate) const CHALLENGE_OR_END: Allowed =
    Allowed::LinesOrEnd(&[b"CHALLENGE", b"ERROR RATE_LIMITED", b"ERROR SERVER_BUSY", b"ERROR TIMEOUT"]);

/// The replies to several solutions of one challenge: one quotation, and errors.
pub(crate) const QUOTE_OR_REPLAYED: Allowed = Allowed::Lines(&[b"QUOTE", b"ERROR REPLAYED"]);

/// An error with this code is required.
macro_rules! error {
    ($code:literal) => {
        conformance::case::Allowed::Lines(&[concat!("ERROR ", $code).as_bytes()])
    };
}
pub(crate) use error;
