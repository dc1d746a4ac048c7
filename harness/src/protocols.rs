//! The protocol registry: what the harness knows of each protocol that it can judge.

use conformance::case::Case;
use conformance::suite::Suite;
use conformance::workload::Workload;
use protocol::Clause;
use target::settings::Settings;

use crate::catalogue;
use crate::workload::contention::{Contention, ContentionPipelined};
use crate::workload::replay::Replay;
use crate::workload::wisdom::Quotations;

/// A protocol that can be judged.
#[derive(Debug)]
pub struct ProtocolEntry {
    /// The value of `--protocol`; the ids of its cases and workloads begin with it.
    pub name: &'static str,
    /// Its cases.
    pub suite: Suite,
    /// Its workloads, in the order in which they run.
    pub workloads: &'static [&'static dyn Workload],
    /// The settings of a target that the harness starts.
    pub settings: Settings,
    /// Whether a package graph is replayed; if not, the options that concern the graph are left out.
    pub replays_a_graph: bool,
}

/// All protocols, the default one first.
pub static PROTOCOLS: [&ProtocolEntry; 2] = [&INDEX, &WISDOM];

/// The package index.
pub static INDEX: ProtocolEntry = ProtocolEntry {
    name: "index",
    suite: catalogue::index::SUITE,
    workloads: &[&Replay, &Contention, &ContentionPipelined],
    settings: Settings::of_built_in("index"),
    replays_a_graph: true,
};

/// Quotations for a proof of work.
pub static WISDOM: ProtocolEntry = ProtocolEntry {
    name: "wisdom",
    suite: catalogue::wisdom::SUITE,
    workloads: &[&Quotations],
    settings: catalogue::wisdom::SETTINGS,
    replays_a_graph: false,
};

impl ProtocolEntry {
    /// Returns the flag that chooses the protocol, with a space after it; empty for the default one.
    #[must_use]
    pub fn flag(&self) -> String {
        if self.name == PROTOCOLS[0].name { String::new() } else { format!("--protocol {} ", self.name) }
    }
}

/// Returns the protocol with this name.
///
/// # Errors
/// No protocol has this name; the error lists the names.
pub fn by_name(name: &str) -> Result<&'static ProtocolEntry, String> {
    let found = PROTOCOLS.into_iter().find(|protocol| protocol.name == name);
    let names = || PROTOCOLS.map(|protocol| protocol.name).join(", ");
    found.ok_or_else(|| format!("the protocols are: {}", names()))
}

/// Parses the name of a protocol.
///
/// # Errors
/// No protocol has this name; the error lists the names.
pub fn parse_name(name: &str) -> Result<&'static str, String> {
    by_name(name).map(|protocol| protocol.name)
}

/// Returns the protocol with a name that was parsed, or the default one.
#[must_use]
pub fn named(name: &str) -> &'static ProtocolEntry {
    by_name(name).unwrap_or(PROTOCOLS[0])
}

/// Returns the case with this id, of any protocol.
#[must_use]
pub fn find_case(id: &str) -> Option<&'static Case> {
    PROTOCOLS.into_iter().find_map(|protocol| protocol.suite.find(id))
}

/// Returns the workload with this id, of any protocol.
#[must_use]
pub fn find_workload(id: &str) -> Option<&'static dyn Workload> {
    PROTOCOLS
        .into_iter()
        .flat_map(|protocol| protocol.workloads)
        .copied()
        .find(|workload| workload.id() == id)
}

/// Returns the clause with this id and its suite, of any protocol.
#[must_use]
pub fn find_clause(id: &str) -> Option<(Suite, &'static Clause)> {
    let of = |suite: Suite| Some((suite, suite.clauses.iter().find(|clause| clause.id == id)?));
    PROTOCOLS.into_iter().find_map(|protocol| of(protocol.suite))
}

#[cfg(test)]
mod tests;
