//! The judgement on whether the target survived the run.

use std::time::Duration;

use driver::run_limits::RunLimits;
use protocol::Level;
use report::{Item, ItemKind};
use target::Target;
use verdict::{Finding, Verdict};

use crate::gate::state::Gate;

/// The time to wait for the end of the target's process after a run that did not pass.
const DEATH_DEADLINE: Duration = Duration::from_millis(300);

impl Gate<'_> {
    /// Judges whether the target survived the run.
    pub(super) async fn judge_survival(
        &mut self,
        target: &mut Target,
        limits: &mut RunLimits,
        workload_items: &[Item],
    ) -> Item {
        let suite = self.protocol.suite;
        let mut item = Item {
            requirement: "The target survives the run.".to_owned(),
            clause: Some(suite.alive_clause),
            ..Item::new(suite.alive, ItemKind::Alive, Level::Must)
        };
        if self.report.verdict == Verdict::Unreachable || self.skipped.contains_key(suite.alive) {
            item.cause = self.report.cause.clone().or_else(|| self.skipped.get(suite.alive).cloned());
            return item;
        }
        let has_failure = workload_items.iter().any(|item| item.verdict > Verdict::Warn);
        let deadline = if has_failure { DEATH_DEADLINE } else { Duration::ZERO };
        self.report.target_ended = target.ended(deadline).await;
        item.verdict = Verdict::Pass;
        for loss in &self.results.losses {
            let mut finding = Finding {
                clause: Some(suite.alive_clause),
                ..Finding::new(Verdict::Fail, "the target was lost")
            };
            let during = loss.last_sent.join("; ");
            finding.show(during, loss.how.clone(), "a target that continues to serve clients".to_owned());
            finding.reason = (!loss.during.is_empty())
                .then(|| format!("cases that were running: {}", loss.during.join(" ")));
            item.findings.push(finding);
        }
        let is_lost = has_failure
            && !target.is_started()
            && limits.reached_limit().is_none()
            && !target.is_reachable().await;
        let ended = self.report.target_ended.clone();
        let ended = ended.map(|ended| format!("the target's process ended: {ended}"));
        if let Some(how) =
            ended.or_else(|| is_lost.then(|| "the target no longer accepts connections".to_owned()))
        {
            let mut finding = Finding {
                clause: Some(suite.alive_clause),
                ..Finding::new(Verdict::Fail, "the target did not survive the run")
            };
            finding.actual = Some(how);
            item.findings.push(finding);
        }
        if !item.findings.is_empty() {
            item.verdict = Verdict::Fail;
        }
        item
    }
}
