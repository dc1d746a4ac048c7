//! The package index: its row in the protocol registry.

mod bystander;
mod bystander_judge;
mod invariant;

use std::sync::OnceLock;

use protocol::index::clauses::{A3, A4, C1, C2, C3, C4, C6, F2, F4, F5, S1, S3, S5};
use target::settings::Settings;

use crate::catalogue::index::TABLES;
use crate::catalogue::index::states::{IDLE, STATES};
use crate::chaos_protocol::ChaosProtocol;
use crate::fault::{Fault, State};
use crate::harm::evidence::{HarmClauses, Newcomer};
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
    bystander_judge: || Box::new(IndexJudge::default()),
    invariant: || Box::new(Linearizable::new()),
    newcomer: Newcomer {
        request: b"QUERY|newcomer|\n",
        is_served: |reply| matches!(reply, b"OK" | b"FAIL"),
        wanted: r"OK\n or FAIL\n",
    },
    deadline: None,
    kept_waiting: C1,
    without_fault: |request| match request.split('|').next() {
        Some("INDEX") => S1,
        Some("REMOVE") => S3,
        _ => S5,
    },
    half_closed: Some(F5),
    idle: Some(C4),
    harm_clauses,
    scenes: OnceLock::new(),
};

/// Harm violates the clause of the fault if that is about other clients (A3, C1 to C4). Otherwise it violates C3 if a client
/// left, A3 if clients connected at once, and A4 if it sent arbitrary input. A stuck client is a matter of C1, whatever it sent before.
fn harm_clauses(fault: &Fault, state: &State) -> HarmClauses {
    let other = match fault.clause {
        clause if [A3, C1, C2, C3, C4].contains(&clause) => clause,
        clause if [F4, F5].contains(&clause) => C3,
        clause if clause == C6 => A3,
        _ => A4,
    };
    let is_stuck = state.name != IDLE.name || fault.clause == F2;
    let is_its_own = [A3, C3].contains(&other) && fault.clause != C6 || other == A4 && !is_stuck;
    let silent = if is_its_own { other } else { C1 };
    let closed = if [C1, C2].contains(&other) { A3 } else { other };
    // What takes effect although it is no request violates F4.
    let impossible = if fault.clause == F4 { F4 } else { other };
    // No repetition of visits may end a server: A4 speaks of its end, and C4 of its resources.
    let gone = if other == C4 { A4 } else { other };
    // A service that the target uses has failed.
    let gone = if fault.needs_dependency { C1 } else { gone };
    // A crowd that has connected before the newcomer may keep it waiting.
    let newcomer = if fault.clause == C6 { C6 } else { silent };
    HarmClauses { silent, newcomer, closed, impossible, gone, other }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the clauses for the scene with this id.
    fn clauses(id: &str) -> [&'static str; 4] {
        let scene = INDEX.find(id).unwrap();
        let HarmClauses { silent, closed, impossible, other, .. } = harm_clauses(scene.fault, scene.state);
        [silent, closed, impossible, other].map(|clause| clause.id)
    }

    #[test]
    fn harm_violates_the_clause_of_its_cause() {
        // Silent, closed, impossible, other.
        assert_eq!(clauses("lines/nul-bytes/idle"), ["A4", "A4", "A4", "A4"]);
        assert_eq!(clauses("lines/noise/mid-line"), ["C1", "A4", "A4", "A4"]);
        assert_eq!(clauses("disconnects/reset/mid-line"), ["C3", "C3", "C3", "C3"]);
        assert_eq!(clauses("disconnects/half-close/idle"), ["C3", "C3", "F4", "C3"]);
        assert_eq!(clauses("readers/several/idle"), ["C1", "A3", "C1", "C1"]);
        assert_eq!(clauses("writers/pause-within-line/idle"), ["C1", "A4", "A4", "A4"]);
        assert_eq!(clauses("process/stopped-long/idle"), ["A3", "A3", "A3", "A3"]);
        assert_eq!(clauses("process/stopped-crowd/idle"), ["C1", "A3", "A3", "A3"]);
        assert_eq!(clauses("resources/visits/idle"), ["C1", "C4", "C4", "C4"]);
    }
}
