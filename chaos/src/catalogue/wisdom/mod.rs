//! The faults of quotations for a proof of work, WOW/1.

mod clients;
mod crowds;
mod disconnects;
mod frames;
mod network;
mod process;
mod resources;
mod spending;
pub(crate) mod states;

use conformance::case::Allowed;
use conformance::case::Template;
use protocol::Clause;

use crate::fault::Fault;
use states::NEW;

/// All of them, in order.
pub(crate) const TABLES: &[&[Fault]] = &[
    frames::FAULTS,
    clients::FAULTS,
    disconnects::FAULTS,
    crowds::FAULTS,
    spending::FAULTS,
    network::FAULTS,
    process::FAULTS,
    resources::FAULTS,
];

/// A request for a challenge.
pub(crate) const REQUEST: Template = b"WW\x01\x01\0\0\0\x02{}";

/// A challenge has to come.
const CHALLENGE: Allowed = Allowed::Lines(&[b"CHALLENGE"]);

/// A quotation has to come.
const QUOTE: Allowed = Allowed::Lines(&[b"QUOTE"]);

/// The same of one of a crowd, which may be told to come again.
const CHALLENGE_OR_LATER: Allowed =
    Allowed::Lines(&[b"CHALLENGE", b"ERROR RATE_LIMITED", b"ERROR SERVER_BUSY", b"ERROR TIMEOUT"]);
const QUOTE_OR_LATER: Allowed =
    Allowed::Lines(&[b"QUOTE", b"ERROR RATE_LIMITED", b"ERROR SERVER_BUSY", b"ERROR TIMEOUT"]);

/// Whoever is beyond a limit is told so, or finds nobody.
const CHALLENGE_OR_END: Allowed =
    Allowed::LinesOrEnd(&[b"CHALLENGE", b"ERROR RATE_LIMITED", b"ERROR SERVER_BUSY", b"ERROR TIMEOUT"]);

/// Of solutions of one challenge one brings the quotation, and no other.
const QUOTE_OR_REPLAYED: Allowed = Allowed::Lines(&[b"QUOTE", b"ERROR REPLAYED"]);

/// An error with this code has to come.
macro_rules! error {
    ($code:literal) => {
        conformance::case::Allowed::Lines(&[concat!("ERROR ", $code).as_bytes()])
    };
}
use error;

/// A fault of a connection on which nothing was said yet, with nothing done.
const fn fault(id: &'static str, clause: Clause, summary: &'static str) -> Fault {
    Fault::new(id, clause, summary, &[NEW])
}
