//! The protocol registry: the cases, workloads and settings of each protocol that the harness can judge.

use conformance::case::Case;
use conformance::suite::Suite;
use conformance::workload::Workload;
use protocol::{Clause, Level};
use target::settings::Settings;
use verdict::selection::Subject;

use crate::catalogue;
use crate::workload::contention::{Contention, ContentionPipelined};
use crate::workload::replay::{Official, Replay};
use crate::workload::wisdom::Quotations;

/// A protocol that can be judged.
#[derive(Debug)]
pub struct ProtocolEntry {
    /// The value of `--protocol`; the ids of its cases and workloads begin with it.
    pub name: &'static str,
    /// The cases.
    pub suite: Suite,
    /// The workloads, in the order in which they run.
    pub workloads: &'static [&'static dyn Workload],
    /// The settings of a target that the harness starts.
    pub settings: Settings,
    /// Whether a workload replays a package graph. Otherwise, reports omit the options of the graph.
    pub replays_a_graph: bool,
}

/// All protocols, the default one first.
pub static PROTOCOLS: [&ProtocolEntry; 2] = [&INDEX, &WISDOM];

/// The package index.
pub static INDEX: ProtocolEntry = ProtocolEntry {
    name: "index",
    suite: catalogue::index::SUITE,
    workloads: &[&Replay, &Contention, &ContentionPipelined, &Official],
    settings: Settings::of_built_in("index"),
    replays_a_graph: true,
};

/// WOW/1: quotations in exchange for a proof of work.
pub static WISDOM: ProtocolEntry = ProtocolEntry {
    name: "wisdom",
    suite: catalogue::wisdom::SUITE,
    workloads: &[&Quotations],
    settings: catalogue::wisdom::SETTINGS,
    replays_a_graph: false,
};

impl ProtocolEntry {
    /// Returns the flag that selects the protocol, followed by a space, or an empty string for the default protocol.
    #[must_use]
    pub(crate) fn flag(&self) -> String {
        if self.name == PROTOCOLS[0].name { String::new() } else { format!("--protocol {} ", self.name) }
    }

    /// Returns everything that can be selected and has a verdict: the cases, the survival of the target, the workloads.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        let case = |case: &'static Case| Subject { id: case.id, clause: case.clause.id, level: case.level };
        let alive = Subject { id: self.suite.alive, clause: "", level: Level::Must };
        let workload = |workload: &&'static dyn Workload| Subject {
            id: workload.id(),
            clause: workload.clause().map_or("", |clause| clause.id),
            level: workload.level(),
        };
        let workloads = self.workloads.iter().map(workload);
        self.suite.cases().map(case).chain([alive]).chain(workloads).collect()
    }
}

/// Returns the protocol with this name.
///
/// # Errors
/// No protocol has this name; the error lists the names.
pub(crate) fn by_name(name: &str) -> Result<&'static ProtocolEntry, String> {
    let found = PROTOCOLS.into_iter().find(|protocol| protocol.name == name);
    let names = || PROTOCOLS.map(|protocol| protocol.name).join(", ");
    found.ok_or_else(|| format!("the protocols are: {}", names()))
}

/// Parses the name of a protocol and returns it with a static lifetime.
///
/// # Errors
/// No protocol has this name; the error lists the names.
pub(crate) fn parse_name(name: &str) -> Result<&'static str, String> {
    by_name(name).map(|protocol| protocol.name)
}

/// Returns the protocol with a name that [`parse_name`] returned. An unknown name selects the default protocol.
#[must_use]
pub(crate) fn named(name: &str) -> &'static ProtocolEntry {
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
pub(crate) fn find_clause(id: &str) -> Option<(Suite, &'static Clause)> {
    let of = |suite: Suite| Some((suite, suite.clauses.iter().find(|clause| clause.id == id)?));
    PROTOCOLS.into_iter().find_map(|protocol| of(protocol.suite))
}
