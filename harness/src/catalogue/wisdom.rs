//! The catalogue of WOW/1: quotations in exchange for a proof of work.

mod clients;
mod frames;
mod replies;
mod solutions;
mod spending;
mod times;

use conformance::suite::Suite;
use protocol::wisdom::clauses::{CLAUSES, W31};
use target::settings::{BuiltIn, Settings};

/// The cases of WOW/1, in the order of the clauses.
pub(crate) const SUITE: Suite = Suite {
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

/// The settings of a target that the harness starts: low difficulty, short-lived challenges, few connections, and keys
/// that change.
pub(crate) const SETTINGS: Settings = Settings {
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
