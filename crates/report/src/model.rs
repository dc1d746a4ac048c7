//! The report of a command as data. The other modules present it. Every figure is derived from events and verdicts.

use serde::{Serialize, Serializer};

use conformance::wire::WireEntry;
use driver::history::Params;
use protocol::{Clause, Level};
use verdict::selection::is_deselection;
use verdict::{Finding, Verdict};

use crate::frequency::Frequency;
use crate::origin::Origin;
use crate::statistics::{LatencyAt, Pace, PhaseStatistics};

/// The version of the JSON format.
pub const VERSION: u32 = 3;

/// The report of a command.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of the format: [`VERSION`].
    pub report: u32,
    /// The program, its machine and the time.
    pub origin: Origin,
    /// The target, described for users.
    pub target: String,
    /// The package graph that was replayed, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixture: Option<FixtureSummary>,
    /// The worst verdict of all runs.
    pub verdict: Verdict,
    /// How often repeated runs have shown violations; empty if no run is repeated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frequencies: Vec<Frequency>,
    /// The runs, in order.
    pub runs: Vec<RunReport>,
}

/// The figures of a fixture.
#[derive(Clone, Debug, Serialize)]
pub struct FixtureSummary {
    /// The name or path of the fixture.
    pub name: String,
    /// The number of packages, including those without a line of their own.
    pub packages: usize,
    /// The number of packages that occur only as dependencies.
    pub named_only: usize,
    /// The number of dependencies.
    pub dependencies: usize,
}

/// The report of one run.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// The address of the target.
    pub addr: String,
    /// The seed of every draw.
    pub seed: u64,
    /// The number of clients of each workload.
    pub concurrency: u32,
    /// The options by the names of their flags. Equal options produce equal plans.
    pub options: Params,
    /// The worst verdict of the items.
    pub verdict: Verdict,
    /// What many failures have in common, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The reason for which there are no verdicts, if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Each case and workload, in order.
    pub items: Vec<Item>,
    /// The figures of each workload that ran, in order.
    pub workloads: Vec<WorkloadRun>,
    /// The number of requests of the cases that were answered.
    pub case_requests: u64,
    /// How the target's process ended, if it ended during the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_ended: Option<String>,
}

/// The figures of a workload that ran.
#[derive(Clone, Debug, Serialize)]
pub struct WorkloadRun {
    /// The id of the workload.
    pub id: &'static str,
    /// The SHA-256 of its plan in hexadecimal digits.
    pub plan_sha256: String,
    /// The time from its first event to its last, in nanoseconds.
    pub duration_ns: u64,
    /// The number of its requests that were answered.
    pub requests: u64,
    /// The latency of all its requests by percentile; empty if it was not measured.
    pub latencies: Vec<LatencyAt>,
    /// Its replies over time.
    pub pace: Pace,
    /// Its phases, in order, where the workload reports them.
    pub phases: Vec<PhaseStatistics>,
}

/// The kind of an item, the most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// Whether the target survived the run.
    Alive,
    /// A workload.
    Workload,
    /// A case of the catalogue, or a fault in a state.
    Case,
}

/// A case, a workload, or the survival of the target, with its verdict.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// The id, such as `index/R1/2` or `index/replay`.
    pub id: &'static str,
    /// The kind of the item.
    pub kind: ItemKind,
    /// The clause that it tests; `None` for a workload.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "serialize_clause")]
    pub clause: Option<Clause>,
    /// The usual cause of a failure; empty if none is known.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub usual_cause: &'static str,
    /// The level of the requirement.
    #[serde(serialize_with = "serialize_level")]
    pub level: Level,
    /// The requirement, in one sentence.
    pub requirement: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The cause for which it was not run or is inconclusive, or the reason of a known failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The findings, in the order in which they were made.
    pub findings: Vec<Finding>,
    /// For an INFO case, the behaviour of the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<String>,
    /// How often it was repeated until it was decided, because the machine was busy.
    #[serde(skip_serializing_if = "is_zero")]
    pub repetitions: u32,
    /// The time from its first event to its last, in nanoseconds.
    pub duration_ns: u64,
    /// The transcript.
    pub wire: Vec<WireEntry>,
    /// The number of transcript entries that were omitted at the end.
    pub wire_omitted: usize,
    /// Shell commands that reproduce the item.
    pub reproduction: Vec<String>,
}

#[derive(Serialize)]
struct ClauseSummary {
    id: &'static str,
    title: &'static str,
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn serialize_clause<S: Serializer>(clause: &Option<Clause>, serializer: S) -> Result<S::Ok, S::Error> {
    clause.map(|Clause { id, title, .. }| ClauseSummary { id, title }).serialize(serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn serialize_level<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.word())
}

/// Returns the evidence of a finding with the name of each part, without the parts that it lacks.
pub(crate) fn evidence(finding: &Finding) -> Vec<(&'static str, String)> {
    let parts = [
        ("clause", finding.clause.map(|clause| clause.to_string())),
        ("sent", finding.sent.clone()),
        ("expected", finding.expected.clone()),
        ("actual", finding.actual.clone()),
        ("reason", finding.reason.clone()),
    ];
    parts.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
}

impl RunReport {
    /// Returns the items with a verdict, in order.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.verdict == verdict)
    }

    /// Returns the figures of the workload that reports its phases, if it ran.
    #[must_use]
    pub fn replay(&self) -> Option<&WorkloadRun> {
        self.workloads.iter().find(|workload| !workload.phases.is_empty())
    }

    /// Returns the items with a verdict, most severe first: the loss of the target, workloads, and cases by the rank of
    /// the violated clause.
    #[must_use]
    pub fn most_severe(&self, verdict: Verdict) -> Vec<&Item> {
        let mut items: Vec<&Item> = self.with(verdict).collect();
        items.sort_by_key(|item| item.rank());
        items
    }

    /// Returns the item that decides the verdict of the run: the most severe one with the worst verdict.
    #[must_use]
    pub fn worst(&self) -> Option<&Item> {
        self.most_severe(self.verdict).first().copied()
    }

    /// Returns the number of cases with each verdict, or of all items if no case ran. Deselected ones do not count.
    #[must_use]
    pub fn counts(&self) -> Vec<(Verdict, usize)> {
        let has_cases = self.items.iter().any(|item| item.is_case() && item.verdict != Verdict::NotRun);
        let counted: Vec<&Item> = self
            .items
            .iter()
            .filter(|item| (item.is_case() || !has_cases) && !item.is_deselected())
            .collect();
        let count = |verdict| counted.iter().filter(|item| item.verdict == verdict).count();
        Verdict::ALL
            .into_iter()
            .map(|verdict| (verdict, count(verdict)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// Returns the violated clauses with the number of items that name each, most frequent first.
    #[must_use]
    pub fn violated_clauses(&self) -> Vec<(&'static str, usize)> {
        let mut counts: Vec<(&'static str, usize)> = Vec::new();
        let violated = self.with(Verdict::Fail).chain(self.with(Verdict::Warn));
        for clause in violated.filter_map(Item::violated_clause) {
            match counts.iter_mut().find(|(known, _)| *known == clause) {
                Some((_, count)) => *count += 1,
                None => counts.push((clause, 1)),
            }
        }
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }
}

impl Item {
    /// Returns an item without a result.
    #[must_use]
    pub fn new(id: &'static str, kind: ItemKind, level: Level) -> Self {
        Self {
            id,
            kind,
            clause: None,
            usual_cause: "",
            level,
            requirement: String::new(),
            verdict: Verdict::NotRun,
            cause: None,
            findings: Vec::new(),
            observed: None,
            repetitions: 0,
            duration_ns: 0,
            wire: Vec::new(),
            wire_omitted: 0,
            reproduction: Vec::new(),
        }
    }

    /// Returns whether the item is a case.
    #[must_use]
    pub fn is_case(&self) -> bool {
        self.kind == ItemKind::Case
    }

    /// Returns the id of its clause; empty for a workload.
    #[must_use]
    pub fn clause_id(&self) -> &'static str {
        self.clause.map_or("", |clause| clause.id)
    }

    /// Returns whether the item was deselected by a flag.
    #[must_use]
    pub fn is_deselected(&self) -> bool {
        self.verdict == Verdict::NotRun && self.cause.as_deref().is_some_and(is_deselection)
    }

    /// Returns the rank of the item among those with the same verdict.
    fn rank(&self) -> (ItemKind, usize) {
        let clause = self.findings.first().and_then(|finding| finding.clause).or(self.clause);
        (self.kind, clause.map_or(0, |clause| clause.rank()))
    }

    /// Returns the id of the clause that the first finding names.
    #[must_use]
    pub fn violated_clause(&self) -> Option<&'static str> {
        self.findings.first()?.clause.map(|clause| clause.id)
    }
}
