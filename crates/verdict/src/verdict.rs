//! The verdict on a case, a workload or a run.

use serde::{Deserialize, Serialize};

/// The verdict on a case, a workload or a whole run, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was not tried, for a cause that is told.
    NotRun,
    /// Everything was as the protocol wants it.
    Pass,
    /// It failed as it was listed to.
    Expected,
    /// A clause was broken that a robust server keeps.
    Warn,
    /// Something that should have been decided was not, and that is not the target's fault.
    Unknown,
    /// There is no target, or it speaks another protocol.
    Unreachable,
    /// A clause was violated.
    Fail,
}

impl Verdict {
    /// All verdicts, in the order in which they are counted.
    pub const ALL: [Self; 7] =
        [Self::Pass, Self::Fail, Self::Warn, Self::Unknown, Self::Unreachable, Self::Expected, Self::NotRun];

    /// The word for it in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotRun => "NOT RUN",
            Self::Pass => "PASS",
            Self::Expected => "EXPECTED",
            Self::Warn => "WARN",
            Self::Unknown => "UNKNOWN",
            Self::Unreachable => "UNREACHABLE",
            Self::Fail => "FAIL",
        }
    }
}
