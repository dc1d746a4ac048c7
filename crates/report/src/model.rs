//! The report of a command as data; the other modules present it. Every figure in it is derived from events and verdicts.

use driver::history::Params;
use protocol::{Clause, Level};
use serde::{Serialize, Serializer};

use crate::statistics::PhaseStatistics;
use conformance::wire::WireEntry;
use verdict::Finding;
use verdict::Verdict;
use verdict::selection::NOT_SELECTED;
use verdict::selection::SKIPPED;

/// The version of the JSON form.
pub const VERSION: u32 = 3;

/// All runs of a command.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`VERSION`].
    pub report: u32,
    /// What was judged, in words.
    pub target: String,
    /// The package graph that was replayed, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixture: Option<FixtureSummary>,
    /// The worst verdict.
    pub verdict: Verdict,
    /// Each run, in order.
    pub runs: Vec<RunReport>,
}

/// A fixture in figures.
#[derive(Clone, Debug, Serialize)]
pub struct FixtureSummary {
    /// Where it came from.
    pub name: String,
    /// How many packages there are, those without a line of their own included.
    pub packages: usize,
    /// How many of them occur only as dependencies.
    pub named_only: usize,
    /// How many dependencies there are in all.
    pub dependencies: usize,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// The address of the target.
    pub addr: String,
    /// The seed of every draw.
    pub seed: u64,
    /// The number of clients of each workload.
    pub concurrency: u32,
    /// The options by the names of their flags. The same options make the same plans.
    pub options: Params,
    /// The worst verdict of the items.
    pub verdict: Verdict,
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
    /// The time from its first event to its last.
    pub duration_ns: u64,
    /// The number of its requests that were answered.
    pub requests: u64,
    /// Its phases, in order, where the workload reports them.
    pub phases: Vec<PhaseStatistics>,
}

/// The kind of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A case of the catalogue, or a fault in a state.
    Case,
    /// A workload.
    Workload,
    /// Whether the target survived the run.
    Alive,
}

/// What has a verdict: a case, a workload, or that the target lived through it all.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// Its id, such as `index/R1/2` or `index/replay`.
    pub id: &'static str,
    /// What it is.
    pub kind: ItemKind,
    /// The clause that it tests; `None` for a workload.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "serialize_clause")]
    pub clause: Option<Clause>,
    /// The usual cause of a failure; empty where none is known.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub usual_cause: &'static str,
    /// How binding what it tests is.
    #[serde(serialize_with = "serialize_level")]
    pub level: Level,
    /// What a server has to do.
    pub requirement: String,
    /// What it came to.
    pub verdict: Verdict,
    /// Why it was not run or not decided, or why its failure was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What was found, the first first.
    pub findings: Vec<Finding>,
    /// Of an INFO case, what the target did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<String>,
    /// From its first event to its last.
    pub duration_ns: u64,
    /// What was sent and what came.
    pub wire: Vec<WireEntry>,
    /// How many entries of that were left out at the end.
    pub wire_left_out: usize,
    /// Lines for a shell that reproduce it.
    pub reproduction: Vec<String>,
}

#[derive(Serialize)]
struct ClauseInShort {
    id: &'static str,
    title: &'static str,
}

#[expect(clippy::ref_option, reason = "the form that serde asks for")]
fn serialize_clause<S: Serializer>(clause: &Option<Clause>, serializer: S) -> Result<S::Ok, S::Error> {
    clause.map(|Clause { id, title, .. }| ClauseInShort { id, title }).serialize(serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn serialize_level<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.word())
}

impl RunReport {
    /// The items with this verdict, in order.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.verdict == verdict)
    }

    /// Returns the figures of the workload that reports its phases, if it ran.
    #[must_use]
    pub fn replay(&self) -> Option<&WorkloadRun> {
        self.workloads.iter().find(|workload| !workload.phases.is_empty())
    }

    /// The item that decides the verdict: the first of the worst.
    #[must_use]
    pub fn worst(&self) -> Option<&Item> {
        self.items.iter().find(|item| item.verdict == self.verdict)
    }

    /// The clauses that were broken, each once, those that most items name first.
    #[must_use]
    pub fn broken_clauses(&self) -> Vec<(&'static str, usize)> {
        let mut counts: Vec<(&'static str, usize)> = Vec::new();
        let broken = self.with(Verdict::Fail).chain(self.with(Verdict::Warn));
        for clause in broken.filter_map(Item::broken_clause) {
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
    /// Returns an item without a verdict yet.
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
            duration_ns: 0,
            wire: Vec::new(),
            wire_left_out: 0,
            reproduction: Vec::new(),
        }
    }

    /// Returns whether it is a case.
    #[must_use]
    pub fn is_case(&self) -> bool {
        self.kind == ItemKind::Case
    }

    /// Returns the id of its clause; empty for a workload.
    #[must_use]
    pub fn clause_id(&self) -> &'static str {
        self.clause.map_or("", |clause| clause.id)
    }

    /// Whether it was not asked for.
    #[must_use]
    pub fn is_left_out(&self) -> bool {
        let is_by_flag = |cause: &String| cause == NOT_SELECTED || cause == SKIPPED;
        self.verdict == Verdict::NotRun && self.cause.as_ref().is_some_and(is_by_flag)
    }

    /// The clause that its first finding names.
    #[must_use]
    pub fn broken_clause(&self) -> Option<&'static str> {
        self.findings.first()?.clause.map(|clause| clause.id)
    }
}
