//! One part of a history: the judge of its plan, and the interval check over its operations.

use std::collections::BTreeMap;
use std::time::Duration;

use driver::deadline::Deadline;
use driver::exchanges::ExchangeReader;
use driver::history::{EventKind, Header, ReadError, Reader};
use linearizability::interval_check;
use protocol::{Framing, Lines};
use verdict::{Finding, Verdict};

use crate::collect::Collector;
use crate::linearizable::violation_finding;
use crate::messages;
use crate::workload::{Inconclusive, Judge, Workload};

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
    /// The number of its cases that were judged; `None` if it does not consist of cases or their plan cannot be
    /// reproduced.
    pub cases: Option<usize>,
    /// Whether the judge of its plan was available.
    pub has_own_judge: bool,
    /// The number of operations that were checked against one index.
    pub operations: usize,
    /// The worst verdict of everything below.
    pub verdict: Verdict,
    /// The findings, each with the id of its case or workload.
    pub found: Vec<PartFinding>,
    /// The causes for which something is inconclusive, each with the ids concerned.
    pub inconclusive: BTreeMap<String, Vec<&'static str>>,
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
    let mut inconclusive = Vec::new();
    let mut plan = plan_judge(&header, workloads).unwrap_or_else(|cause| {
        inconclusive.push(inconclusive_part(&messages::plan_not_reproducible(&cause)));
        None
    });
    let is_of_header = |workload: &&&dyn Workload| workload.id() == header.workload;
    let has_index_operations =
        workloads.iter().find(is_of_header).is_none_or(|workload| workload.has_index_operations());
    let (mut ending, mut error) = (None, None);
    for event in reader.events() {
        match event {
            Ok(event) => {
                if let EventKind::RunEnded(how) = event.event {
                    ending = Some(how);
                }
                if has_index_operations {
                    collector.observe(&event);
                }
                if collector.is_over_capacity() {
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
        inconclusive.push(inconclusive_part(messages::PART_ENDS_EARLY));
    }
    let Header { workload, plan_sha256, .. } = header;
    let deadline = Deadline::after(JUDGING_TIME);
    let judgement = plan.map(|mut plan| plan.judge.finish(ending, &|| deadline.has_passed()));
    let own_verdict = judgement.as_ref().map(|all| all.verdict);
    let (has_own_judge, cases) = (judgement.is_some(), judgement.as_ref().and_then(|all| all.cases));
    let (own, own_inconclusive) = judgement.map(|all| (all.found, all.inconclusive)).unwrap_or_default();
    let mut found: Vec<PartFinding> = own
        .into_iter()
        .map(|found| PartFinding { id: found.id.to_owned(), finding: found.finding })
        .collect();
    inconclusive.extend(own_inconclusive);
    let operations = collector.end_part();
    if operations.is_none() {
        inconclusive.push(inconclusive_part(messages::TOO_MANY_OPERATIONS));
    }
    let (operations, checked) = operations.map_or((Vec::new(), 0), |part| (part.all, part.request_count));
    let is_violated = found.iter().any(|found| found.finding.verdict == Verdict::Fail);
    if let Some(violation) = interval_check(&operations).filter(|_| !is_violated) {
        found.push(PartFinding { id: workload.clone(), finding: violation_finding(violation, &operations) });
    }
    let verdicts = found.iter().map(|found| found.finding.verdict);
    let verdict = verdicts.chain(inconclusive.iter().map(|inconclusive| inconclusive.verdict));
    let verdict = verdict.chain(own_verdict).fold(Verdict::Pass, Verdict::max);
    let mut ids_by_cause: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for Inconclusive { cause, id, .. } in inconclusive {
        ids_by_cause.entry(cause).or_default().extend(id);
    }
    let report = PartReport {
        workload,
        plan_sha256,
        cases,
        has_own_judge,
        operations: checked,
        verdict,
        found,
        inconclusive: ids_by_cause,
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
        return Err(messages::DIFFERENT_PLAN.to_owned());
    }
    Ok(Some(PlanJudge { exchanges: ExchangeReader::new(plan.framing), judge: plan.judge }))
}

fn inconclusive_part(cause: &str) -> Inconclusive {
    Inconclusive { cause: cause.to_owned(), id: None, verdict: Verdict::Unknown }
}

#[cfg(test)]
mod tests {
    use driver::exchanges::Observation;
    use driver::history::{Ending, Event, Params, VERSION, Writer};
    use protocol::Protocol;
    use protocol::index::Index;

    use super::*;
    use crate::rejudge::rejudge;
    use crate::workload::{Conditions, Judgement, Pilot, Plan, PlanError, Progress, Size};

    /// A workload whose judge has nothing to report except its verdict.
    struct Undecided;

    impl Workload for Undecided {
        fn id(&self) -> &'static str {
            "index/undecided"
        }

        fn requirement(&self, _: &str) -> String {
            String::new()
        }

        fn explanation(&self) -> &'static str {
            ""
        }

        fn size(&self, params: &Params, _: &Conditions, _: Option<&Pilot>) -> Size {
            Size::Run(params.clone())
        }

        fn plan(&self, _: &Params) -> Result<Plan, PlanError> {
            Ok(Plan {
                sha256: "00".to_owned(),
                phases: &[],
                framing: |bytes_max| Box::new(Index::framing(bytes_max)),
                label: |_| "",
                scripts: Vec::new(),
                judge: Box::new(Self),
            })
        }
    }

    impl Judge for Undecided {
        fn observe(&mut self, _: &Observation<'_>) {}

        fn progress(&self) -> Progress {
            Progress { phase: 0, done: 0, of: 0 }
        }

        fn findings(&self) -> &[Finding] {
            &[]
        }

        fn finish(&mut self, _: Option<Ending>, _: &(dyn Fn() -> bool + Sync)) -> Judgement {
            Judgement::new(Verdict::Unknown, "index/undecided", &[])
        }
    }

    #[test]
    fn a_part_does_not_pass_if_its_judge_is_undecided() {
        let mut writer = Writer::new(Vec::new());
        let header = Header {
            history: VERSION,
            workload: "index/undecided".to_owned(),
            params: Params::default(),
            plan_sha256: "00".to_owned(),
        };
        writer.begin(&header).unwrap();
        let event = EventKind::RunEnded(Ending::Finished);
        writer.write(&Event { at_ns: 1, client: 0, connection: 0, event }).unwrap();
        let history = std::io::Cursor::new(writer.finish().unwrap());
        let (totals, error) = rejudge(history, &[&Undecided], |_| ()).unwrap();
        assert!(error.is_none());
        assert_eq!(totals.verdict(), Verdict::Unknown);
    }
}
