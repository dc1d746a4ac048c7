//! The result of a search.

use protocol::Clause;
use protocol::index::wire::Reply;

/// The result of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchResult {
    /// Whether the history is linearizable.
    pub conclusion: Conclusion,
    /// The cost of the search.
    pub statistics: Statistics,
}

/// Whether a history is linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// A linearization exists.
    Linearizable,
    /// No linearization exists, even if parts of the history were not searched.
    Violation(Box<Violation>),
    /// Some components are inconclusive; the others are linearizable.
    Unknown(Inconclusive),
}

/// The earliest reply, by the time of its receipt, after which no linearization exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The index of the operation.
    pub operation: usize,
    /// The violated clause; C2 if other changes were pending and no more specific clause applies.
    pub clause: Clause,
    /// The replies with which a linearization would exist; empty if the budget was exhausted.
    pub possible: Vec<Reply>,
    /// Operations that together have no linearization, in the order in which they were sent. They include the
    /// violating one.
    pub window: Vec<usize>,
    /// Some of the possible states of the index when the first of them was sent. Each describes every package that the
    /// window names. Changes that were sent before may have taken effect already.
    pub states: Vec<String>,
    /// The explanation, in one sentence.
    pub explanation: String,
}

/// The components of a history for which the search is inconclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inconclusive {
    /// The reason, for the largest of these components.
    pub reason: Reason,
    /// The number of these components.
    pub components: usize,
    /// The number of their operations.
    pub operations: usize,
}

/// The reason for which a search is inconclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The limit on nodes, in total or of one component.
    Nodes,
    /// The time limit.
    Time,
    /// The memory limit.
    Memory,
    /// More configurations are possible than the search keeps.
    Configurations,
    /// Too many changes whose replies were lost.
    LostChanges,
    /// Too many pending operations at the same time.
    PendingOperations,
    /// Requests whose interpretation the protocol does not specify.
    Unspecified,
}

/// The cost of a search. After a violation the rest of the history is not searched, so that the figures vary between
/// runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The number of components.
    pub components: usize,
    /// The largest number of configurations of one component at one time.
    pub configurations_max: usize,
    /// The number of nodes: events passed and changes tried.
    pub nodes: u64,
}
