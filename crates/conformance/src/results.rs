//! What running cases came to, so far: a result for each case, and what it says of the target.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::Level;

use crate::case::Case;
use crate::dialect::Broken;
use crate::judge::CaseJudge;
use crate::wire::WireLog;
use verdict::Finding;
use verdict::Verdict;

/// What running cases came to.
#[derive(Debug, Default)]
pub struct Results {
    /// Each case, by id.
    pub cases: BTreeMap<&'static str, CaseResult>,
    /// Each time the target was lost.
    pub losses: Vec<Loss>,
    /// How many requests were answered.
    pub requests: u64,
    /// Whether the target has served anybody.
    pub has_served: bool,
    /// How long the slowest reply took that came.
    pub slowest_reply_ns: u64,
    /// How long each case took, its own pauses left out.
    pub(crate) durations_ns: Vec<u64>,
    /// Whether a reply did not come in time; others are not waited for as long then.
    pub has_timed_out: bool,
    /// The protocol that the target gives itself away to speak, if it is another one.
    pub speaks: Option<&'static str>,
}

/// What one case came to.
#[derive(Debug)]
pub struct CaseResult {
    /// Its verdict.
    pub verdict: Verdict,
    /// What it rests on.
    pub finding: Option<Finding>,
    /// For an INFO case, what the target did.
    pub observed: Option<String>,
    /// Why it was not run.
    pub cause: Option<String>,
    /// What was sent and what came.
    pub wire: WireLog,
    /// From its first event to its last.
    pub duration_ns: u64,
}

impl CaseResult {
    /// A case that was not run, or not decided.
    #[must_use]
    pub fn without(verdict: Verdict, cause: String) -> Self {
        let wire = WireLog::default();
        Self { verdict, finding: None, observed: None, cause: Some(cause), wire, duration_ns: 0 }
    }
}

/// A time when the target was lost.
#[derive(Clone, Debug)]
pub struct Loss {
    /// How it showed, and how its process ended, as far as that is known.
    pub how: String,
    /// The cases that were under way.
    pub during: Vec<&'static str>,
    /// The last that was sent to it in each of them, printable.
    pub last_sent: Vec<String>,
}

/// How long is waited for a reply at least once one did not come in time.
const REPLY_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// How many times longer than the slowest reply so far.
const REPLY_TIMEOUT_FACTOR: u32 = 20;

/// A target is slow if its cases take longer than this, which is most of all the way there and back.
const SLOW_CASE_NS: u64 = 150_000_000;

impl Results {
    /// How long a reply is waited for, now.
    #[must_use]
    pub fn patience(&self, reply_timeout: Duration) -> Duration {
        if self.has_timed_out { self.patience_after_one(reply_timeout) } else { reply_timeout }
    }

    /// How long a reply is waited for once one did not come in time: the target is wrong then, and a run that waited
    /// as long each time would not end. Of one that answers slowly no more is known than that.
    pub(crate) fn patience_after_one(&self, reply_timeout: Duration) -> Duration {
        let slowest = Duration::from_nanos(self.slowest_reply_ns) * REPLY_TIMEOUT_FACTOR;
        if self.has_served {
            slowest.clamp(REPLY_TIMEOUT_MIN.min(reply_timeout), reply_timeout)
        } else {
            reply_timeout
        }
    }

    /// Whether cases take so long that running them one by one would take up the time for the run.
    pub(crate) fn is_slow(&self) -> bool {
        let mean_ns = self.durations_ns.iter().sum::<u64>() / (self.durations_ns.len() as u64).max(1);
        mean_ns > SLOW_CASE_NS
    }

    pub(crate) fn leave_out(&mut self, cases: &[&'static Case], verdict: Verdict, cause: &str) {
        for case in cases {
            // One that was under way when the target was lost keeps what is known of it.
            self.cases.entry(case.id).or_insert_with(|| CaseResult::without(verdict, cause.to_owned()));
        }
    }
}

impl Results {
    pub(crate) fn decide(&mut self, judge: CaseJudge) {
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

    /// The target was lost while this case ran, and nothing else did.
    pub(crate) fn blame(&mut self, judge: CaseJudge, how: &str) {
        let case = judge.plan().case;
        let last_sent = judge.last_sent();
        let clause = judge.clause(Broken::Lost);
        let outcome = judge.outcome();
        let verdict = match case.level {
            Level::Must => Verdict::Fail,
            Level::Should => Verdict::Warn,
            Level::Info => Verdict::Pass,
        };
        let mut finding = Finding { clause: Some(clause), ..Finding::new(verdict, "the target was lost") };
        finding.show(
            last_sent.unwrap_or_default(),
            how.to_owned(),
            "a target that goes on serving".to_owned(),
        );
        let is_info = case.level == Level::Info;
        let result = CaseResult {
            verdict,
            finding: (!is_info).then_some(finding),
            observed: is_info.then(|| "the target was lost".to_owned()),
            cause: None,
            wire: outcome.wire,
            duration_ns: outcome.duration_ns,
        };
        self.cases.insert(case.id, result);
    }
}
