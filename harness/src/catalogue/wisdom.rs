//! The catalogue of quotations for a proof of work, WOW/1.

mod clients;
mod frames;
mod solutions;
mod spending;
mod times;

use protocol::wisdom::clauses::{CLAUSES, W31};

use conformance::case::Allowed;
use conformance::suite::Suite;
use target::settings::{BuiltIn, Settings};

/// All cases of WOW/1, in the order of the clauses.
pub const SUITE: Suite = Suite {
    opening: "wisdom/W01/4",
    first: "wisdom/W02/1",
    gates: &["wisdom/W03/2"],
    alive: "wisdom/alive",
    alive_clause: W31,
    workload: "wisdom/cases",
    protocol_name: "WOW/1",
    clauses: &CLAUSES,
    dialect: &conformance::dialects::wisdom::DIALECT,
    tables: &[frames::CASES, solutions::CASES, spending::CASES, times::CASES, clients::CASES],
};

/// What a target is told that the harness starts: little work, a short life of challenges, few places, and keys that change.
pub const SETTINGS: Settings = Settings {
    values: &[
        ("difficulty", "10"),
        ("ttl", "6"),
        ("max-connections", "256"),
        ("max-connections-per-address", "200"),
        ("key-grace", "3"),
    ],
    file: Some(("secret-file", &["1 the first secret of a test\n", "2 the second secret of a test\n"])),
    built_in: BuiltIn { server: "wisdom", arguments: &["--difficulty-min=8"] },
};

/// A challenge has to come.
const CHALLENGE: Allowed = Allowed::Lines(&[b"CHALLENGE"]);
/// A quotation has to come.
const QUOTE: Allowed = Allowed::Lines(&[b"QUOTE"]);

/// An error with this code has to come.
macro_rules! error {
    ($code:literal) => {
        conformance::case::Allowed::Lines(&[concat!("ERROR ", $code).as_bytes()])
    };
}
use error;
