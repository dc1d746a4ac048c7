//! One part of a history: its own judge, the rules of one index, and what both come to.

use std::collections::BTreeMap;

use protocol::Lines;

use super::plans::{self, Undecided};
use crate::history::{Header, ReadError, Reader, What};
use crate::truth::{Collector, Operation, Violation, bounds};
use crate::verdict::{Finding, Verdict};

/// A judge that knows nothing but operations, and no plan.
struct RulesJudge {
    /// Whether it is asked about this workload.
    is_asked: fn(&str) -> bool,
    judge: fn(&[Operation]) -> Option<Violation>,
}

/// All of them, in the order in which they are asked; the first violation stands. One more is a row more.
const RULES_JUDGES: &[RulesJudge] = &[RulesJudge { is_asked: |_| true, judge: bounds }];

/// What a part comes to.
#[derive(Debug)]
pub struct PartReport {
    /// The workload's id.
    pub workload: String,
    /// The hash of its plan.
    pub plan_sha256: String,
    /// How many of its cases were judged; nothing if it has none, or if they could not be made again.
    pub cases: Option<usize>,
    /// Whether the judge of its plan could be asked.
    pub has_own_judge: bool,
    /// How many of its requests were held against the rules.
    pub operations: usize,
    /// The worst of all that follows.
    pub verdict: Verdict,
    /// What is wrong, or is not decided.
    pub found: Vec<Found>,
    /// Why something was not decided, each with the ids that it is about.
    pub undecided: BTreeMap<String, Vec<&'static str>>,
}

/// One thing that was found.
#[derive(Debug)]
pub struct Found {
    /// Of which case or workload.
    pub id: String,
    /// What it is.
    pub finding: Finding,
}

/// Reads a part to its end, and judges it. What could not be read is brought beside what was.
pub(super) fn judge(
    reader: &mut Reader<'_>,
    header: Header,
    collector: &mut Collector<Lines>,
    has_served: &mut bool,
) -> (PartReport, Option<ReadError>) {
    let mut undecided = Vec::new();
    let mut plan = plans::rebuild(&header, *has_served).unwrap_or_else(|cause| {
        undecided.push(Undecided::of_all(format!("its plan cannot be made again: {cause}")));
        None
    });
    let (mut ending, mut error) = (None, None);
    for event in reader.events() {
        match event {
            Ok(event) => {
                if let What::RunEnded(how) = event.event {
                    ending = Some(how);
                }
                collector.observe(&event);
                if collector.is_too_much() {
                    plan = None;
                } else if let Some(plan) = &mut plan {
                    plan.observe(&event);
                }
            }
            Err(cause) => error = Some(cause),
        }
    }
    if ending.is_none() {
        undecided.push(Undecided::of_all("the history ends before this part of it does".to_owned()));
    }
    let Header { workload, plan_sha256, .. } = header;
    let has_own_judge = plan.is_some();
    let outcome = plan.map(|plan| plan.finish(ending)).unwrap_or_default();
    *has_served |= outcome.has_served;
    undecided.extend(outcome.undecided);
    let mut found = outcome.found;
    let operations = collector.end_part();
    if operations.is_none() {
        undecided
            .push(Undecided::of_all("it asks for more than this kit holds against the rules".to_owned()));
    }
    let (operations, asked) = operations.map_or((Vec::new(), 0), |part| (part.all, part.asked));
    let is_violated = found.iter().any(|found| found.finding.verdict == Verdict::Fail);
    if let Some(finding) = against_rules(&workload, &operations).filter(|_| !is_violated) {
        found.push(Found { id: workload.clone(), finding });
    }
    let unknown = undecided.iter().map(|undecided| undecided.verdict);
    let verdict = found.iter().map(|found| found.finding.verdict).chain(unknown).max();
    let mut causes: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for Undecided { cause, id, .. } in undecided {
        causes.entry(cause).or_default().extend(id);
    }
    let report = PartReport {
        workload,
        plan_sha256,
        cases: outcome.cases,
        has_own_judge,
        operations: asked,
        verdict: verdict.map_or(Verdict::Pass, |verdict| verdict.max(Verdict::Pass)),
        found,
        undecided: causes,
    };
    (report, error)
}

fn against_rules(workload: &str, operations: &[Operation]) -> Option<Finding> {
    let mut asked = RULES_JUDGES.iter().filter(|rules| (rules.is_asked)(workload));
    let violation = asked.find_map(|rules| (rules.judge)(operations))?;
    Some(violation.finding(operations))
}
