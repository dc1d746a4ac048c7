//! The package index: its row in the protocol registry.

mod bystander;
mod bystander_judge;
mod invariant;

use std::sync::OnceLock;

use protocol::Clause;
use protocol::index::clauses::{A4, C1, C2, C3, C4, F4, F5};
use target::settings::Settings;

use crate::catalogue::index::TABLES;
use crate::catalogue::index::states::STATES;
use crate::chaos_protocol::ChaosProtocol;
use crate::harm::evidence::Newcomer;
use crate::index::bystander::{ASK_INTERVAL, Bystander};
use crate::index::bystander_judge::IndexJudge;
use crate::index::invariant::Linearizable;

/// The package index.
pub(crate) static INDEX: ChaosProtocol = ChaosProtocol {
    name: "index",
    dialect: &conformance::dialects::index::DIALECT,
    workload: "index/chaos",
    title: "Faults for package-index servers",
    flag: "",
    settings: Settings::of_built_in("index"),
    states: STATES,
    tables: TABLES,
    ask_interval: ASK_INTERVAL,
    bystander: |number, seed| Box::new(Bystander::new(number, seed)),
    bystander_judge: || Box::new(IndexJudge),
    invariant: || Box::new(Linearizable::new()),
    newcomer: Newcomer {
        request: b"QUERY|newcomer|\n",
        is_served: |reply| matches!(reply, b"OK" | b"FAIL"),
        wanted: r"OK\n or FAIL\n",
    },
    deadline: None,
    kept_waiting: C1,
    idle: Some(C4),
    harmed,
    scenes: OnceLock::new(),
};

/// Harm violates a clause about concurrent clients or disconnections (C1 to C4), or the one about arbitrary input (A4).
fn harmed(clause: Clause) -> Clause {
    match clause {
        clause if [C1, C2, C3, C4].contains(&clause) => clause,
        clause if [F4, F5].contains(&clause) => C3,
        _ => A4,
    }
}
