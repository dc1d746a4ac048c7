//! One part of a history: the judge of its plan, and the interval check over its operations.

use std::collections::BTreeMap;
use std::time::Duration;

use driver::deadline::Deadline;
use driver::exchanges::ExchangeReader;
use driver::history::{EventKind, Header, ReadError, Reader};
use linearizability::bounds;
use protocol::{Framing, Lines};
use verdict::{Finding, Verdict};

use crate::collect::Collector;
use crate::linearizable::violation_finding;
use crate::workload::{Judge, Undecided, Workload};

/// The time that the judge of one part may take after the last event.
const JUDGING_TIME: Duration = Duration::from_secs(10);

/// The number of findings after which the judge of a part observes no further events: as many as clients can fail at
/// the same moment.
const FINDINGS_MAX: usize = 10_000;

/// The judgement of one part.
#[derive(Debug)]
pub struct PartReport {
    /// The id of the workload.
    pub workload: String,
    /// The hash of its plan.
    pub plan_sha256: String,
    /// The number of its cases that were judged, if it consists of cases and their plan could be made again.
    pub cases: Option<usize>,
    /// Whether the judge of its plan could be asked.
    pub has_own_judge: bool,
    /// The number of operations that were checked against one index.
    pub operations: usize,
    /// The worst verdict of everything below.
    pub verdict: Verdict,
    /// The findings, each with the id of its case or workload.
    pub found: Vec<PartFinding>,
    /// The causes for which something was not decided, each with the ids concerned.
    pub undecided: BTreeMap<String, Vec<&'static str>>,
}

/// One finding of a part.
#[derive(Debug)]
pub struct PartFinding {
    /// The id of the case or workload.
    pub id: String,
    /// The finding.
    pub finding: Finding,
}

/// The judge of a part's plan, with the exchanges that it reads.
struct PlanJudge {
    exchanges: ExchangeReader<Box<dyn Framing>>,
    judge: Box<dyn Judge>,
}

/// Reads a part to its end and judges it. A read error is returned beside the judgement of what was read before it.
pub(crate) fn judge(
    reader: &mut Reader<'_>,
    header: Header,
    workloads: &[&dyn Workload],
    collector: &mut Collector<Lines>,
) -> (PartReport, Option<ReadError>) {
    let mut undecided = Vec::new();
    let mut plan = plan_judge(&header, workloads).unwrap_or_else(|cause| {
        undecided.push(of_part(&format!("its plan cannot be made again: {cause}")));
        None
    });
    let (mut ending, mut error) = (None, None);
    for event in reader.events() {
        match event {
            Ok(event) => {
                if let EventKind::RunEnded(how) = event.event {
                    ending = Some(how);
                }
                collector.observe(&event);
                if collector.is_too_much() {
                    plan = None;
                } else if let Some(PlanJudge { exchanges, judge }) = &mut plan
                    && judge.findings().len() < FINDINGS_MAX
                {
                    judge.observe_event(&event);
                    exchanges.observe(&event, |observation| judge.observe(&observation));
                }
            }
            Err(cause) => error = Some(cause),
        }
    }
    if ending.is_none() {
        undecided.push(of_part("the history ends before this part does"));
    }
    let Header { workload, plan_sha256, .. } = header;
    let deadline = Deadline::after(JUDGING_TIME);
    let judgement = plan.map(|mut plan| plan.judge.finish(ending, &|| deadline.has_passed()));
    let (has_own_judge, cases) = (judgement.is_some(), judgement.as_ref().and_then(|all| all.cases));
    let (own, own_undecided) = judgement.map(|all| (all.found, all.undecided)).unwrap_or_default();
    let mut found: Vec<PartFinding> = own
        .into_iter()
        .map(|found| PartFinding { id: found.id.to_owned(), finding: found.finding })
        .collect();
    undecided.extend(own_undecided);
    let operations = collector.end_part();
    if operations.is_none() {
        undecided.push(of_part("it has more operations than can be checked against one index"));
    }
    let (operations, checked) = operations.map_or((Vec::new(), 0), |part| (part.all, part.asked));
    let is_violated = found.iter().any(|found| found.finding.verdict == Verdict::Fail);
    if let Some(violation) = bounds(&operations).filter(|_| !is_violated) {
        found.push(PartFinding { id: workload.clone(), finding: violation_finding(violation, &operations) });
    }
    let verdicts = found.iter().map(|found| found.finding.verdict);
    let verdict = verdicts.chain(undecided.iter().map(|undecided| undecided.verdict));
    let verdict = verdict.fold(Verdict::Pass, Verdict::max);
    let mut causes: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for Undecided { cause, id, .. } in undecided {
        causes.entry(cause).or_default().extend(id);
    }
    let report = PartReport {
        workload,
        plan_sha256,
        cases,
        has_own_judge,
        operations: checked,
        verdict,
        found,
        undecided: causes,
    };
    (report, error)
}

/// Returns the judge that a header names; `None` if no workload has its id.
fn plan_judge(header: &Header, workloads: &[&dyn Workload]) -> Result<Option<PlanJudge>, String> {
    let Some(workload) = workloads.iter().find(|workload| workload.id() == header.workload) else {
        return Ok(None);
    };
    let plan = workload.plan(&header.params).map_err(|error| error.to_string())?;
    if plan.sha256 != header.plan_sha256 {
        return Err("its parameters make another plan here; has its fixture or this kit changed?".to_owned());
    }
    Ok(Some(PlanJudge { exchanges: ExchangeReader::new(plan.framing), judge: plan.judge }))
}

fn of_part(cause: &str) -> Undecided {
    Undecided { cause: cause.to_owned(), id: None, verdict: Verdict::Unknown }
}
