//! The catalogue of a protocol: its cases, its clauses and its dialect.

use protocol::Clause;

use crate::case::Case;
use crate::dialect::Dialect;

/// The catalogue of a protocol.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// The case that detects a target that sends first. It runs before all others.
    pub opening: &'static str,
    /// The case that must pass before anything else can be judged.
    pub first: &'static str,
    /// The cases that must pass before cases with several clients can be judged.
    pub gates: &'static [&'static str],
    /// The id under which the report states whether the target survived the run.
    pub alive: &'static str,
    /// The clause that a target violates if it does not survive.
    pub alive_clause: Clause,
    /// The id of batches of cases in a history.
    pub workload: &'static str,
    /// The name of the protocol for messages.
    pub protocol_name: &'static str,
    /// The clauses of the protocol, in order.
    pub clauses: &'static [Clause],
    /// The dialect of the protocol.
    pub dialect: &'static Dialect,
    /// The cases, with one table for each group of clauses.
    pub tables: &'static [&'static [Case]],
}

impl Suite {
    /// Returns all cases, in order.
    pub fn cases(&self) -> impl Iterator<Item = &'static Case> + use<> {
        self.tables.iter().copied().flatten()
    }

    /// Returns the first of the gates that has failed and whose failure is no consequence of another case.
    pub fn failed_gate(&self, has_failed: impl Fn(&str) -> bool) -> Option<&'static str> {
        let is_consequence = |id: &str| {
            self.find(id).is_some_and(|case| case.presupposes.iter().any(|other| has_failed(other)))
        };
        self.gates.iter().copied().find(|id| has_failed(id) && !is_consequence(id))
    }

    /// Returns the case with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&'static Case> {
        self.cases().find(|case| case.id == id)
    }
}
