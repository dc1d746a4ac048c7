//! What has a verdict in one run of the gate, and how flags and lists change it.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::Level;

use super::Gate;
use crate::options::Options;
use crate::options::subjects;
use conformance::case::Runs;
use conformance::results::CaseResult;
use driver::run_limits::RunLimits;
use report::reproduction;
use report::{Item, ItemKind};
use target::Target;
use verdict::Finding;
use verdict::Verdict;
use verdict::selection::NOT_SELECTED;
use verdict::selection::Subject;

/// How long after a run that did not pass it is looked whether the target has died.
const DEATH_PATIENCE: Duration = Duration::from_millis(300);

impl Gate<'_> {
    /// Whether the target lived through it all.
    pub(super) async fn look_whether_alive(
        &mut self,
        target: &mut Target,
        limits: &mut RunLimits,
        of_workloads: &[Item],
    ) -> Item {
        let suite = self.protocol.suite;
        let mut item = Item {
            requirement: "The target lives through the run.".to_owned(),
            clause: Some(suite.alive_clause),
            ..Item::new(suite.alive, ItemKind::Alive, Level::Must)
        };
        if self.report.verdict == Verdict::Unreachable || self.left_out.contains_key(suite.alive) {
            item.cause = self.report.cause.clone().or_else(|| self.left_out.get(suite.alive).cloned());
            return item;
        }
        let is_bad = of_workloads.iter().any(|item| item.verdict > Verdict::Warn);
        let patience = if is_bad { DEATH_PATIENCE } else { Duration::ZERO };
        self.report.target_ended = target.ended(patience).await;
        item.verdict = Verdict::Pass;
        for loss in &self.results.losses {
            let mut finding = Finding {
                clause: Some(suite.alive_clause),
                ..Finding::new(Verdict::Fail, "the target was lost")
            };
            let during = loss.last_sent.join("; ");
            finding.show(during, loss.how.clone(), "a target that goes on serving".to_owned());
            finding.reason = (!loss.during.is_empty())
                .then(|| format!("cases that were under way: {}", loss.during.join(" ")));
            item.findings.push(finding);
        }
        let is_gone = is_bad
            && !target.is_started()
            && limits.reached_limit().is_none()
            && !target.is_reachable().await;
        let ended = self.report.target_ended.clone();
        let ended = ended.map(|ended| format!("the target's process ended: {ended}"));
        if let Some(how) = ended.or_else(|| is_gone.then(|| "nothing takes connections any more".to_owned()))
        {
            let mut finding = Finding {
                clause: Some(suite.alive_clause),
                ..Finding::new(Verdict::Fail, "the target is gone")
            };
            finding.actual = Some(how);
            item.findings.push(finding);
        }
        if !item.findings.is_empty() {
            item.verdict = Verdict::Fail;
        }
        item
    }

    /// Makes items of what the cases came to.
    pub(super) fn add_cases(&mut self) {
        for case in self.protocol.suite.cases() {
            let plain = Item {
                clause: Some(case.clause),
                usual_cause: case.usual_cause,
                requirement: case.requirement.to_owned(),
                ..Item::new(case.id, ItemKind::Case, case.level)
            };
            let item = match (self.results.cases.remove(case.id), self.left_out.get(case.id)) {
                (Some(result), _) => self.with_result(plain, result),
                (None, Some(cause)) => Item { cause: Some(cause.clone()), ..plain },
                (None, None) => Item { cause: Some("the run ended before it".to_owned()), ..plain },
            };
            self.report.items.push(item);
        }
        self.report.case_requests = self.results.requests;
    }

    fn with_result(&self, plain: Item, result: CaseResult) -> Item {
        let flags = self.protocol.flag() + &self.options.choice.flags();
        let is_wrong = matches!(result.verdict, Verdict::Fail | Verdict::Warn);
        let reproduction = if is_wrong {
            reproduction::lines(plain.id, self.seed, &flags, &self.report.addr, &result.wire)
        } else {
            Vec::new()
        };
        let verdict = self.strictly(result.verdict);
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
        with_expectation(item, self.options)
    }

    pub(super) fn strictly(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Warn if self.options.flags.strict => Verdict::Fail,
            verdict => verdict,
        }
    }
}

/// Applies the list of known failures: a listed failure is expected; a listed item that passes is an error, so that the
/// list can only shrink.
pub(super) fn with_expectation(mut item: Item, options: &Options) -> Item {
    let Some(reason) = options.expected.reason(item.id) else { return item };
    match item.verdict {
        Verdict::Fail | Verdict::Warn => {
            item.verdict = Verdict::Expected;
            item.cause = Some(reason.to_owned());
        }
        Verdict::Pass => {
            item.verdict = Verdict::Fail;
            let summary = "it is listed as a known failure and passes: remove it from the list";
            item.findings.push(Finding::new(Verdict::Fail, summary));
        }
        _ => {}
    }
    item
}

/// Why clients of several addresses are not tried.
const BEHIND_A_RELAY: &str = "it takes clients of several addresses, which a target is sure to see as such only where the \
     harness starts it on 127.0.0.1, by --exec";

/// Why each subject that is not run is not, as far as the options say it.
pub(super) fn left_out(options: &Options) -> BTreeMap<&'static str, String> {
    let kit = options.protocol;
    let missing = |runs| match runs {
        Runs::WithSettings(names) => options.choice.missing_setting(names),
        Runs::WithAddresses => (!options.choice.sees_addresses()).then(|| BEHIND_A_RELAY.to_owned()),
        _ => None,
    };
    let why = |subject: &Subject| {
        // Whatever is run, a target that does not live through it has failed.
        let is_always = subject.id == kit.suite.alive;
        let unwanted = options.selection.wants(subject).err();
        let unwanted = unwanted.filter(|cause| !is_always || *cause != NOT_SELECTED);
        let runs = kit.suite.find(subject.id).map_or(Runs::Always, |case| case.runs);
        let is_asked_for = match runs {
            Runs::WithStallLimit => options.flags.stall_limit.is_some(),
            Runs::WithProcess => options.flags.process,
            Runs::Always | Runs::WithPace(_) | Runs::WithAddresses | Runs::WithSettings(_) => true,
        };
        let on_request = runs.skip_reason().filter(|_| !is_asked_for);
        let cause = unwanted.or(on_request).map(str::to_owned);
        cause.or_else(|| missing(runs)).map(|cause| (subject.id, cause))
    };
    subjects(kit).iter().filter_map(why).collect()
}
