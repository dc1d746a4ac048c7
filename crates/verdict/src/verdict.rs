//! The verdict on a case, a workload or a run.

use serde::{Deserialize, Serialize};

/// The verdict on a case, a workload or a whole run, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Not tried; the cause is stated.
    NotRun,
    /// All requirements are met.
    Pass,
    /// A failure that is listed as known.
    Expected,
    /// A SHOULD is violated.
    Warn,
    /// A result is missing for reasons that are not the target's fault.
    Unknown,
    /// There is no target, or it speaks another protocol.
    Unreachable,
    /// A MUST is violated.
    Fail,
}

impl Verdict {
    /// All verdicts, in the order in which reports count them.
    pub const ALL: [Self; 7] =
        [Self::Pass, Self::Fail, Self::Warn, Self::Unknown, Self::Unreachable, Self::Expected, Self::NotRun];

    /// Returns the word for the verdict in reports.
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
