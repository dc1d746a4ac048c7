//! The outcome of a case.

use verdict::{Finding, Verdict};

use crate::wire::WireLog;

/// The outcome of a case.
#[derive(Debug)]
pub struct CaseOutcome {
    /// Pass, warn, fail or unknown.
    pub verdict: Verdict,
    /// The cause for which the case is inconclusive.
    pub cause: Option<String>,
    /// The finding that supports the verdict.
    pub finding: Option<Finding>,
    /// Whether the finding is that the target's memory exceeds a bound. Delays do not explain that.
    pub is_beyond_memory: bool,
    /// For an INFO case, the behaviour of the target.
    pub observed: Option<String>,
    /// The transcript.
    pub wire: WireLog,
    /// The time from its first event to its last, in nanoseconds.
    pub duration_ns: u64,
}
