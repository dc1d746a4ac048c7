//! The catalogue of a protocol: its cases, its clauses and its dialect.

use protocol::Clause;

use crate::case::Case;
use crate::dialect::Dialect;

/// The catalogue of a protocol.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// The case that sees a target which speaks first: it runs before all others.
    pub opening: &'static str,
    /// The case without which nothing else can be judged.
    pub first: &'static str,
    /// The cases without which none with several clients can be.
    pub gates: &'static [&'static str],
    /// Under which id it is told whether the target lived through it all.
    pub alive: &'static str,
    /// The clause that a target breaks which does not.
    pub alive_clause: Clause,
    /// The id under which cases stand in a history.
    pub workload: &'static str,
    /// The protocol in words.
    pub spoken: &'static str,
    /// The clauses of the protocol, in order.
    pub clauses: &'static [Clause],
    /// The wire.
    pub dialect: &'static Dialect,
    /// The cases, a table for each group of clauses.
    pub tables: &'static [&'static [Case]],
}

impl Suite {
    /// All cases, in order.
    pub fn cases(&self) -> impl Iterator<Item = &'static Case> + use<> {
        self.tables.iter().copied().flatten()
    }

    /// The case with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&'static Case> {
        self.cases().find(|case| case.id == id)
    }
}
