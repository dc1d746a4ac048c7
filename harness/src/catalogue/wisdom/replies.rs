//! The replies that the cases of WOW/1 expect.

use conformance::case::Allowed;

/// A challenge.
pub(super) const CHALLENGE: Allowed = Allowed::Lines(&[b"CHALLENGE"]);

/// A quotation.
pub(super) const QUOTE: Allowed = Allowed::Lines(&[b"QUOTE"]);

/// An error with the given code.
macro_rules! error {
    ($code:literal) => {
        conformance::case::Allowed::Lines(&[concat!("ERROR ", $code).as_bytes()])
    };
}
pub(super) use error;
