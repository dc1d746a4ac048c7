//! The results of cases so far, and what they reveal about the target.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::Level;
use verdict::{Finding, Verdict};

use crate::case::Case;
use crate::dialect::ViolationKind;
use crate::judge::CaseJudge;
use crate::messages;
use crate::wire::WireLog;

/// The results of cases.
#[derive(Debug, Default)]
pub struct Results {
    /// The result of each case, by id.
    pub cases: BTreeMap<&'static str, CaseResult>,
    /// Each loss of the target.
    pub losses: Vec<Loss>,
    /// The number of requests that were answered.
    pub requests: u64,
    /// Whether the target has served any client.
    pub has_served: bool,
    /// The latency of the slowest reply, in nanoseconds.
    pub slowest_reply_ns: u64,
    /// The duration of each case without its own pauses, in nanoseconds.
    pub(crate) durations_ns: Vec<u64>,
    /// Whether a reply was late. Later replies have a shorter timeout then.
    pub has_timed_out: bool,
    /// The other protocol that the target speaks, if its replies reveal one.
    pub other_protocol: Option<&'static str>,
}

/// The result of one case.
#[derive(Debug)]
pub struct CaseResult {
    /// The verdict.
    pub verdict: Verdict,
    /// The finding that supports it.
    pub finding: Option<Finding>,
    /// For an INFO case, the behaviour of the target.
    pub observed: Option<String>,
    /// The cause for which it was not run.
    pub cause: Option<String>,
    /// The transcript.
    pub wire: WireLog,
    /// The time from its first event to its last, in nanoseconds.
    pub duration_ns: u64,
}

impl CaseResult {
    /// Returns the result of a case that was not run or is inconclusive.
    #[must_use]
    pub fn without(verdict: Verdict, cause: String) -> Self {
        let wire = WireLog::default();
        Self { verdict, finding: None, observed: None, cause: Some(cause), wire, duration_ns: 0 }
    }
}

impl CaseResult {
    /// Returns whether the finding is the loss of the target, which concerns every case that was running.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        self.finding.as_ref().is_some_and(|finding| finding.summary == messages::TARGET_LOST)
    }
}

/// A loss of the target: from this time on it served no client.
#[derive(Clone, Debug)]
pub struct Loss {
    /// How the loss was observed, and how the process ended if that is known.
    pub how: String,
    /// The cases that were running.
    pub during: Vec<&'static str>,
    /// The last bytes that each of them sent, in printable form.
    pub last_sent: Vec<String>,
}

/// The shortest reply timeout after a late reply.
const REPLY_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// The reply timeout after a late reply, as a multiple of the slowest reply so far.
const REPLY_TIMEOUT_FACTOR: u32 = 20;

/// The mean duration of a case above which a target counts as slow. Most of it is the latency of the network.
const SLOW_CASE_NS: u64 = 150_000_000;

impl Results {
    /// Returns the current reply timeout.
    #[must_use]
    pub fn reply_timeout(&self, configured: Duration) -> Duration {
        if self.has_timed_out { self.reply_timeout_after_one(configured) } else { configured }
    }

    /// Returns the reply timeout after a late reply. The target already violates the protocol, and waiting the full
    /// time for each reply would exceed the time of the run. For a target that is only slow, the timeout stays
    /// proportional to its latency.
    pub(crate) fn reply_timeout_after_one(&self, configured: Duration) -> Duration {
        let slowest = Duration::from_nanos(self.slowest_reply_ns) * REPLY_TIMEOUT_FACTOR;
        if self.has_served {
            slowest.clamp(REPLY_TIMEOUT_MIN.min(configured), configured)
        } else {
            configured
        }
    }

    /// Returns whether cases take so long that running them one by one would exceed the time of the run.
    pub(crate) fn is_slow(&self) -> bool {
        let mean_ns = self.durations_ns.iter().sum::<u64>() / (self.durations_ns.len() as u64).max(1);
        mean_ns > SLOW_CASE_NS
    }

    /// Records a result for cases that were not run or are inconclusive.
    pub(crate) fn record_without(&mut self, cases: &[&'static Case], verdict: Verdict, cause: &str) {
        for case in cases {
            // A case that was running when the target was lost keeps its earlier result.
            self.cases.entry(case.id).or_insert_with(|| CaseResult::without(verdict, cause.to_owned()));
        }
    }
}

impl Results {
    /// Records the result of a case that is done.
    pub(crate) fn record(&mut self, judge: CaseJudge) {
        let id = judge.plan().case.id;
        let pauses_ns = judge.plan().pauses_ns();
        let outcome = judge.outcome();
        self.durations_ns.push(outcome.duration_ns.saturating_sub(pauses_ns));
        let result = CaseResult {
            verdict: outcome.verdict,
            finding: outcome.finding,
            observed: outcome.observed,
            cause: outcome.cause,
            wire: outcome.wire,
            duration_ns: outcome.duration_ns,
        };
        self.cases.insert(id, result);
    }

    /// Attributes the loss of the target to a case that ended it alone. A case about another clause is undecided, and so is
    /// one whose control ended the target too: the loss is reported as such.
    pub(crate) fn record_loss(&mut self, judge: CaseJudge, how: &str, is_reason: bool) {
        let case = judge.plan().case;
        let last_sent = judge.last_sent();
        let clause = judge.clause(ViolationKind::TargetLost);
        let outcome = judge.outcome();
        let (wire, duration_ns) = (outcome.wire, outcome.duration_ns);
        if case.level != Level::Info && (clause != case.clause || !is_reason) {
            let unknown = CaseResult::without(Verdict::Unknown, messages::LOST_DURING_CASE.to_owned());
            self.cases.insert(case.id, CaseResult { wire, duration_ns, ..unknown });
            return;
        }
        let verdict = match case.level {
            Level::Must => Verdict::Fail,
            Level::Should => Verdict::Warn,
            Level::Info => Verdict::Pass,
        };
        let mut finding = Finding { clause: Some(clause), ..Finding::new(verdict, messages::TARGET_LOST) };
        finding.show(last_sent.unwrap_or_default(), how.to_owned(), messages::TARGET_SERVES.to_owned());
        let is_info = case.level == Level::Info;
        let result = CaseResult {
            verdict,
            finding: (!is_info).then_some(finding),
            observed: is_info.then(|| messages::TARGET_LOST.to_owned()),
            cause: None,
            wire,
            duration_ns,
        };
        self.cases.insert(case.id, result);
    }
}
