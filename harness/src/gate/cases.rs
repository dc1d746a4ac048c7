//! The cases of a run and their items in the report.

use std::time::Duration;

use conformance::case::{Case, Runs};
use conformance::results::CaseResult;
use conformance::run::RunSettings;
use driver::run_limits::RunLimits;
use protocol::Level;
use report::{Item, ItemKind, reproduction};
use target::{Choice, Target};
use verdict::Verdict;

use crate::flags::Flags;
use crate::gate::consequences;
use crate::gate::expectation::apply_lists;
use crate::gate::state::Gate;

/// A case with many requests runs only if the pace of the target allows it to end within this time.
const MANY_REQUESTS_TIME: Duration = Duration::from_secs(4);

/// The time, beside the timeout for a reply, after which a case with many requests is abandoned. Some servers look at every
/// package for each REMOVE, so the pace alone does not predict the duration.
const MANY_REQUESTS_TIME_MAX: Duration = Duration::from_secs(20);

impl Gate<'_> {
    /// Runs cases and adds their results.
    pub(super) async fn run_cases(
        &mut self,
        cases: Vec<&'static Case>,
        case_timeout: Option<Duration>,
        target: &mut Target,
        limits: &mut RunLimits,
    ) {
        let Flags { timeout, stall_limit, .. } = self.options.flags;
        let stall_limit = stall_limit.unwrap_or_default();
        let terms = RunSettings { seed: self.seed, reply_timeout: timeout, stall_limit, case_timeout };
        let recorder = self.recorder.clone();
        conformance::run::run(
            self.protocol.suite,
            cases,
            terms,
            target,
            &recorder,
            limits,
            &mut self.results,
        )
        .await;
    }

    /// Runs the cases with many requests for which the target is fast enough.
    pub(super) async fn run_cases_with_pace(
        &mut self,
        many: Vec<&'static Case>,
        pace: u64,
        target: &mut Target,
        limits: &mut RunLimits,
    ) {
        let (fast, slow): (Vec<&'static Case>, Vec<&'static Case>) =
            many.into_iter().partition(|case| is_fast_enough(case, pace));
        let case_timeout = self.options.flags.timeout + MANY_REQUESTS_TIME_MAX;
        self.run_cases(fast, Some(case_timeout), target, limits).await;
        let cause = format!("the target answers {pace} requests per second, which is too slow for this case");
        self.skip_cases(&slow, &cause);
    }

    /// Marks cases without a result as not run.
    pub(super) fn skip_cases(&mut self, cases: &[&'static Case], cause: &str) {
        for case in cases {
            self.results
                .cases
                .entry(case.id)
                .or_insert_with(|| CaseResult::without(Verdict::NotRun, cause.to_owned()));
        }
    }

    /// Adds the items of all cases to the report.
    pub(super) fn add_cases(&mut self) {
        consequences::attribute(&self.protocol.suite, &mut self.results.cases);
        for case in self.protocol.suite.cases() {
            let plain = Item {
                clause: Some(case.clause),
                usual_cause: case.usual_cause,
                requirement: case.requirement.to_owned(),
                ..Item::new(case.id, ItemKind::Case, case.level)
            };
            let item = match (self.results.cases.remove(case.id), self.skipped.get(case.id)) {
                (Some(result), _) => self.with_result(plain, case, result),
                (None, Some(cause)) => Item { cause: Some(cause.clone()), ..plain },
                (None, None) => Item { cause: Some("the run ended before this case".to_owned()), ..plain },
            };
            self.report.items.push(item);
        }
        self.report.case_requests = self.results.requests;
    }

    fn with_result(&mut self, plain: Item, case: &Case, result: CaseResult) -> Item {
        let flags = self.protocol.flag() + &self.options.choice.flags() + &self.flags_of(case);
        let is_violated = matches!(result.verdict, Verdict::Fail | Verdict::Warn);
        let reproduction = if is_violated {
            // A target that was started for this run has another address, or none, afterwards.
            if let (Choice::Addr(_), Some(by_hand)) =
                (&self.options.choice, reproduction::by_hand(&self.report.addr, &result.wire))
            {
                self.by_hand.insert(plain.id, by_hand);
            }
            vec![reproduction::harness_command(plain.id, self.seed, &flags)]
        } else {
            Vec::new()
        };
        let verdict = self.apply_strict(result.verdict);
        let item = Item {
            verdict,
            cause: result.cause,
            findings: result.finding.into_iter().collect(),
            observed: result.observed,
            duration_ns: result.duration_ns,
            wire: result.wire.entries().to_vec(),
            wire_omitted: result.wire.omitted(),
            reproduction,
            ..plain
        };
        apply_lists(item, self.options)
    }

    /// Returns the flags without which the case would not run, or would only warn, with a trailing space.
    fn flags_of(&self, case: &Case) -> String {
        let Flags { stall_limit, strict, .. } = self.options.flags;
        let condition = match (case.runs, stall_limit) {
            (Runs::WithProcess, _) => "--process ".to_owned(),
            (Runs::WithStallLimit, Some(limit)) => format!("--stall-limit {} ", limit.as_secs_f64()),
            _ => String::new(),
        };
        let strict = if strict && case.level == Level::Should { "--strict " } else { "" };
        condition + strict
    }
}

/// Returns whether a target with this pace, in requests per second, is fast enough for the case.
fn is_fast_enough(case: &Case, pace: u64) -> bool {
    match case.runs {
        Runs::WithPace(requests) => u64::from(requests) <= pace * MANY_REQUESTS_TIME.as_secs(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocols::PROTOCOLS;
    use crate::workload::pace::ENOUGH_PER_SECOND;

    #[test]
    fn the_pace_that_is_not_measured_again_is_enough_for_every_case_and_no_more() {
        let runs_all = |pace| {
            PROTOCOLS.iter().flat_map(|entry| entry.suite.cases()).all(|case| is_fast_enough(case, pace))
        };
        assert!(runs_all(ENOUGH_PER_SECOND));
        assert!(!runs_all(ENOUGH_PER_SECOND - 1));
    }
}
