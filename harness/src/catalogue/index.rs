//! The catalogue of the package index.

mod clients;
mod framing;
mod indexing;
mod names;
mod removal;
mod replies;
mod requests;

use conformance::suite::Suite;
use protocol::index::clauses::{A4, CLAUSES};

/// The cases of the package index, in the order of the clauses.
pub(crate) const SUITE: Suite = Suite {
    opening: "index/F1/1",
    first: "index/A1/1",
    gates: &["index/C1/1", "index/C1/2"],
    alive: "index/alive",
    alive_clause: A4,
    workload: "index/cases",
    protocol_name: "the package index",
    clauses: &CLAUSES,
    dialect: &conformance::dialects::index::DIALECT,
    tables: &[
        framing::CASES,
        requests::CASES,
        names::CASES,
        replies::CASES,
        indexing::CASES,
        removal::CASES,
        clients::CASES,
    ],
};
