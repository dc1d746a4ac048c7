//! The judgement on whether the target survived the run.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use conformance::results::Loss;
use driver::run_limits::RunLimits;
use protocol::Level;
use report::{Item, ItemKind};
use target::Target;
use verdict::{Finding, Verdict};

use crate::gate::state::Gate;

/// The time to wait for the end of the target's process after a run that did not pass.
const DEATH_DEADLINE: Duration = Duration::from_millis(300);

/// The time within which a target that answers no new client ends, if it is ending.
const END_TIME_MAX: Duration = Duration::from_secs(1);

/// The interval at which a target at an address is tried meanwhile.
const END_POLL: Duration = Duration::from_millis(50);

impl Gate<'_> {
    /// Notes that the target was lost during a workload, if it was. What the loss explains is no finding of the workload.
    pub(super) async fn note_loss_during(
        &mut self,
        item: &mut Item,
        target: &mut Target,
        limits: &RunLimits,
    ) {
        let Some(explained) = item.findings.iter().find(|finding| finding.is_explained_by_loss).cloned()
        else {
            return;
        };
        if limits.reached_limit().is_some() || self.answers(target).await {
            return;
        }
        // A target that only refuses new clients is not lost.
        let Some(how) = end_of(target).await else { return };
        let last_sent = explained.sent.into_iter().collect();
        self.results.losses.push(Loss { how, during: vec![item.id], last_sent });
        self.is_lost = true;
        item.findings.retain(|finding| !finding.is_explained_by_loss);
        if item.findings.iter().all(|finding| finding.verdict <= Verdict::Warn) {
            item.verdict = Verdict::Unknown;
            item.cause = Some("the target was lost during this workload".to_owned());
        }
    }

    /// Restores a target that was lost during a workload. Returns whether a target is there.
    pub(super) async fn restore(&mut self, target: &mut Target, limits: &mut RunLimits) -> bool {
        if self.is_lost {
            let is_restored = tokio::select! {
                revived = target.revive() => revived.is_ok(),
                _ = limits.reached() => false,
            };
            self.is_lost = !is_restored;
        }
        !self.is_lost
    }

    fn has_served(&self) -> bool {
        self.results.has_served || self.report.workloads.iter().any(|workload| workload.requests > 0)
    }

    /// Returns whether the target answers a request of a new client.
    async fn answers(&self, target: &Target) -> bool {
        let request = self.protocol.suite.dialect.plain_request;
        target.answers(request, self.results.reply_timeout(self.options.flags.timeout)).await
    }

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
            finding.reason =
                (!loss.during.is_empty()).then(|| format!("what was running: {}", loss.during.join(" ")));
            item.findings.push(finding);
        }
        let ended = self.report.target_ended.as_ref();
        let ended = ended.map(|ended| format!("the target's process ended: {ended}"));
        let how = match ended {
            Some(how) => Some(how),
            // A target that has never served a client is not lost; other findings concern it.
            None if !self.has_served() || limits.reached_limit().is_some() || self.answers(target).await => {
                None
            }
            None => Some("the target no longer answers a new client".to_owned()),
        };
        // The last loss was noted when it happened.
        if let Some(how) = how.filter(|_| !self.is_lost) {
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

/// Returns how a target has ended that answers no new client, if it has.
async fn end_of(target: &mut Target) -> Option<String> {
    if target.is_started() {
        let ended = target.ended(END_TIME_MAX).await;
        return ended.map(|ended| format!("the target's process ended: {ended}"));
    }
    let refuses = async {
        while target.is_reachable().await {
            sleep(END_POLL).await;
        }
    };
    let refuses = timeout(END_TIME_MAX, refuses).await;
    refuses.is_ok().then(|| "connections are refused".to_owned())
}
