//! The package index under faults.

mod bystander;
mod truth;
mod witness;

use std::sync::OnceLock;

use protocol::Clause;
use protocol::index::clauses::{A4, C1, C2, C3, C4, F4, F5};
use target::settings::Settings;

use super::{Kit, Newcomer};
use crate::catalogue::index::TABLES;
use crate::catalogue::index::states::STATES;
use bystander::{ASK_INTERVAL, Bystander};
use truth::Rules;
use witness::IndexWitness;

pub(super) static KIT: Kit = Kit {
    name: "index",
    dialect: &conformance::dialects::index::DIALECT,
    workload: "index/chaos",
    title: "The faults",
    flag: "",
    settings: Settings::of_built_in("index"),
    states: STATES,
    tables: TABLES,
    ask_interval: ASK_INTERVAL,
    bystander: |number, seed| Box::new(Bystander::new(number, seed)),
    witness: || Box::new(IndexWitness),
    truth: || Box::new(Rules::new()),
    newcomer: Newcomer {
        request: b"QUERY|newcomer|\n",
        is_served: |reply| matches!(reply, b"OK" | b"FAIL"),
        wanted: r"OK\n or FAIL\n",
    },
    deadline: None,
    kept_waiting: C1,
    harmed,
    scenes: OnceLock::new(),
};

/// One of those on clients side by side, that a client may leave at any moment, or that nothing a client sends can do it.
fn harmed(clause: Clause) -> Clause {
    match clause {
        clause if [C1, C2, C3, C4].contains(&clause) => clause,
        clause if [F4, F5].contains(&clause) => C3,
        _ => A4,
    }
}
