//! A row of a catalogue of mutants.

use std::fmt;

use protocol::{Clause, Level};

/// A server with one deliberate defect. `D` is the type that identifies the defect in the server's code.
#[derive(Debug)]
pub struct Mutant<D> {
    /// The name, in kebab-case.
    pub name: &'static str,
    /// The clause that the server violates.
    pub clause: Clause,
    /// The level of the violated requirement. It is the clause's level, except where a clause contains a requirement
    /// of another level.
    pub level: Level,
    /// The means that a judge needs to detect the defect; `None` if a few exchanges suffice.
    pub mark: Option<Mark>,
    /// The wrong behaviour, in one sentence.
    pub summary: &'static str,
    pub(crate) defect: D,
}

/// The means that a judge needs to detect a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Concurrent requests: the defect shows only if two clients meet at the wrong moment.
    Race,
    /// Faults or many connections, and samples of the process's resources.
    Chaos,
    /// Time: the defect shows only when a deadline expires.
    Slow,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Race => "race",
            Self::Chaos => "chaos",
            Self::Slow => "slow",
        })
    }
}
