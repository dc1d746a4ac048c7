//! A batch of cases as a workload: its history header, and the judge of all its cases.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use driver::exchanges::{Exchange, Observation};
use driver::history::{Ending, Event, EventKind, Header, Params, VERSION};
use driver::moves::Script;
use protocol::text::hex;
use verdict::{Finding, Verdict};

use crate::judge::{CaseJudge, CaseState, TargetStatus};
use crate::messages;
use crate::plan::CasePlan;
use crate::script::CaseScript;
use crate::suite::Suite;
use crate::workload::{
    Conditions, Found, Inconclusive, Judge, Judgement, Pilot, Plan, PlanError, Progress, Size, Workload,
};

/// The number of successive new clients whose connections end without a reply after which the target counts as lost.
const CLOSED_CONNECTIONS_MAX: u32 = 3;

/// A batch of cases of a suite. The parameters name the seed, the stall limit, the cases, and whether the target had
/// served a client before.
#[derive(Clone, Copy, Debug)]
pub struct CaseBatch(pub Suite);

impl Workload for CaseBatch {
    fn id(&self) -> &'static str {
        self.0.workload
    }

    fn has_index_operations(&self) -> bool {
        self.0.dialect.has_index_operations
    }

    fn requirement(&self, _: &str) -> String {
        "Each case of the batch passes.".to_owned()
    }

    fn explanation(&self) -> &'static str {
        "Cases that run concurrently; `harness explain ID` explains each of them."
    }

    fn size(&self, params: &Params, _: &Conditions, _: Option<&Pilot>) -> Size {
        Size::Run(params.clone())
    }

    fn plan(&self, params: &Params) -> Result<Plan, PlanError> {
        let seed = params.number("seed", 0..=u64::MAX)?;
        let stall_limit = params.number("stall-limit", 0.0..=f64::MAX).unwrap_or(0.0);
        let stall_limit = Duration::try_from_secs_f64(stall_limit).unwrap_or_default();
        let mut plans = Vec::new();
        let mut ids = BTreeSet::new();
        for id in params.get("only").unwrap_or_default().split(',').filter(|id| !id.is_empty()) {
            let case =
                self.0.find(id).ok_or_else(|| format!("no case has the id '{}'", id.escape_debug()))?;
            if !ids.insert(case.id) {
                return Err(format!("the parameters name {} twice", case.id).into());
            }
            plans.push(Rc::new(CasePlan::new(self.0.dialect, case, seed, stall_limit)));
        }
        let script = |plan: &Rc<CasePlan>| -> Box<dyn Script> { Box::new(CaseScript::new(Rc::clone(plan))) };
        Ok(Plan {
            sha256: plan_sha256(&plans),
            phases: &[],
            framing: self.0.dialect.framing,
            label: |_| "request",
            scripts: plans.iter().map(script).collect(),
            judge: Box::new(BatchJudge::new(self.0, plans, params.get("served").is_some())),
        })
    }
}

/// Returns the history header of a batch.
pub(crate) fn header(
    suite: Suite,
    plans: &[Rc<CasePlan>],
    seed: u64,
    stall_limit: Duration,
    has_served: bool,
) -> Header {
    let ids: Vec<&str> = plans.iter().map(|plan| plan.case.id).collect();
    let mut params = Params::default()
        .with("seed", seed)
        .with("stall-limit", stall_limit.as_secs_f64())
        .with("only", ids.join(","));
    if has_served {
        params.set("served", true);
    }
    let (workload, plan_sha256) = (suite.workload.to_owned(), plan_sha256(plans));
    Header { history: VERSION, workload, params, plan_sha256 }
}

/// Returns the SHA-256 of the plan of a batch in hexadecimal digits.
fn plan_sha256(plans: &[Rc<CasePlan>]) -> String {
    let mut hash = Sha256::new();
    for plan in plans {
        plan.bytes().for_each(|bytes| hash.update(bytes));
    }
    hex(&hash.finalize())
}

/// The judges of all cases of a batch, and what their exchanges reveal about the target.
#[derive(Debug)]
pub(crate) struct BatchJudge {
    suite: Suite,
    judges: Vec<CaseJudge>,
    /// The status that shows that the target cannot serve clients any more, once it was observed.
    status: Option<TargetStatus>,
    closed_connections: u32,
    has_served: bool,
    has_timed_out: bool,
    slowest_reply_ns: u64,
    requests: u64,
}

impl BatchJudge {
    /// Returns the judge of these cases; `has_served` says whether the target served a client before the batch.
    pub(crate) fn new(suite: Suite, plans: Vec<Rc<CasePlan>>, has_served: bool) -> Self {
        Self {
            suite,
            judges: plans.into_iter().map(CaseJudge::new).collect(),
            status: None,
            closed_connections: 0,
            has_served,
            has_timed_out: false,
            slowest_reply_ns: 0,
            requests: 0,
        }
    }

    pub(crate) fn status(&self) -> Option<&TargetStatus> {
        self.status.as_ref()
    }

    pub(crate) fn has_served(&self) -> bool {
        self.has_served
    }

    pub(crate) fn has_timed_out(&self) -> bool {
        self.has_timed_out
    }

    pub(crate) fn slowest_reply_ns(&self) -> u64 {
        self.slowest_reply_ns
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    pub(crate) fn into_parts(self) -> (Vec<CaseJudge>, Option<TargetStatus>) {
        (self.judges, self.status)
    }

    fn note_status(&mut self, status: TargetStatus) {
        match status {
            // A target that has never served a client is defective from the start; it is not lost.
            TargetStatus::ClosesConnections | TargetStatus::Silent if !self.has_served => {}
            TargetStatus::Serving => {
                self.closed_connections = 0;
                self.has_served = true;
            }
            TargetStatus::ClosesConnections => {
                self.closed_connections += 1;
                if self.closed_connections == CLOSED_CONNECTIONS_MAX {
                    self.status = Some(TargetStatus::ClosesConnections);
                }
            }
            other => self.status = Some(other),
        }
    }
}

impl Judge for BatchJudge {
    fn observe_event(&mut self, event: &Event<'_>) {
        if self.status.is_some() {
            return;
        }
        self.has_timed_out |= matches!(event.event, EventKind::TimedOut { .. });
        if let Some(judge) = self.judges.get_mut(event.client as usize) {
            judge.note(event);
        }
    }

    fn observe(&mut self, observation: &Observation<'_>) {
        // After the loss of the target nothing is judged.
        if self.status.is_some() {
            return;
        }
        let Some(judge) = self.judges.get_mut(observation.client() as usize) else { return };
        if let Observation::Exchange(Exchange { sent_ns, replied_ns, .. }) = observation {
            self.requests += 1;
            self.slowest_reply_ns = replied_ns.saturating_sub(*sent_ns).max(self.slowest_reply_ns);
        }
        if let Some(status) = judge.observe(observation) {
            self.note_status(status);
        }
    }

    fn progress(&self) -> Progress {
        let done = self.judges.iter().filter(|judge| judge.state() == CaseState::Done).count();
        Progress { phase: 0, done: done as u64, of: self.judges.len() as u64 }
    }

    fn findings(&self) -> &[Finding] {
        &[]
    }

    fn finish(&mut self, ending: Option<Ending>, _: &(dyn Fn() -> bool + Sync)) -> Judgement {
        let (verdict, cause) = match (&self.status, ending) {
            (Some(_), _) => (Verdict::NotRun, messages::TARGET_LOST),
            (None, None) => (Verdict::Unknown, messages::HISTORY_ENDS_EARLY),
            (None, Some(Ending::Interrupted)) => (Verdict::Unknown, messages::INTERRUPTED),
            (None, Some(Ending::TimeOver)) => (Verdict::Unknown, messages::TIME_LIMIT),
            (None, Some(_)) => (Verdict::Unknown, messages::STOPPED),
        };
        let mut judgement = Judgement::new(Verdict::Pass, self.suite.workload, &[]);
        let mut cases = 0;
        for judge in std::mem::take(&mut self.judges) {
            let id = judge.plan().case.id;
            if judge.state() != CaseState::Done {
                judgement.inconclusive.push(Inconclusive { cause: cause.to_owned(), id: Some(id), verdict });
                continue;
            }
            let outcome = judge.outcome();
            cases += usize::from(matches!(outcome.verdict, Verdict::Pass | Verdict::Warn | Verdict::Fail));
            judgement.found.extend(outcome.finding.map(|finding| Found { id, finding }));
            let inconclusive = |cause| Inconclusive { cause, id: Some(id), verdict: outcome.verdict };
            judgement.inconclusive.extend(outcome.cause.map(inconclusive));
        }
        if let Some(status) = &self.status {
            judgement.found.push(Found { id: self.suite.alive, finding: loss(self.suite, status) });
        }
        judgement.cases = Some(cases);
        let found = judgement.found.iter().map(|found| found.finding.verdict);
        let inconclusive = judgement.inconclusive.iter().map(|inconclusive| inconclusive.verdict);
        judgement.verdict = found.chain(inconclusive).fold(Verdict::Pass, Verdict::max);
        judgement
    }
}

/// Returns the finding about a target that was lost, or that speaks another protocol.
fn loss(suite: Suite, status: &TargetStatus) -> Finding {
    if let TargetStatus::OtherProtocol(protocol) = status {
        let summary = messages::other_protocol_instead(protocol, suite.protocol_name);
        return Finding::new(Verdict::Unreachable, &summary);
    }
    let mut finding =
        Finding { clause: Some(suite.alive_clause), ..Finding::new(Verdict::Fail, messages::TARGET_LOST) };
    finding.actual = Some(status.evidence_of_loss().to_owned());
    finding.expected = Some(messages::TARGET_SERVES.to_owned());
    finding
}
