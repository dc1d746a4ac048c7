//! What a run comes to, as data; its submodules show it. Every figure in it comes from the events and the verdicts.

pub mod again;
pub mod catalogue;
pub mod compare;
pub mod html;
pub mod json;
pub mod judged;
pub mod junit;
pub mod markdown;
pub mod matrix;
pub mod progress;
pub mod statistics;
pub mod terminal;
pub mod transcript;
pub mod window;

use std::collections::BTreeMap;

use protocol::Level;
use serde::{Serialize, Serializer};

use crate::kit;
use crate::select::{NOT_SELECTED, SKIPPED};
use crate::suite::wire::WireEntry;
use crate::verdict::{Finding, Verdict};
use statistics::PhaseStatistics;

/// The version of the JSON form.
pub const VERSION: u32 = 2;

/// All runs of a command.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`VERSION`].
    pub report: u32,
    /// What was judged, in words.
    pub target: String,
    /// What was replayed.
    pub fixture: FixtureSummary,
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
    /// Where the target listened.
    pub addr: String,
    /// What decided every draw.
    pub seed: u64,
    /// How many clients the replay had.
    pub concurrency: u32,
    /// Everything that was asked for, by the names of the flags: given again, they make the same plan.
    pub options: BTreeMap<String, String>,
    /// The hash of the replay's plan; nothing where it was not run.
    pub plan_sha256: String,
    /// What it comes to: the worst of its items.
    pub verdict: Verdict,
    /// Why there are no verdicts, where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Each case and workload, in order.
    pub items: Vec<Item>,
    /// How long the replay took, from its first event to its last.
    pub duration_ns: u64,
    /// How many requests of the replay were answered.
    pub requests: u64,
    /// How many requests of the cases were.
    pub case_requests: u64,
    /// Each phase of the replay, in order.
    pub phases: Vec<PhaseStatistics>,
    /// How the target's process ended, if it ended during the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_ended: Option<String>,
}

/// What has a verdict: a case, a workload, or that the target lived through it all.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// Its id, such as `index/R1/2` or `index/replay`.
    pub id: &'static str,
    /// The id of the clause that it tests; empty for a workload.
    pub clause: &'static str,
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
    /// Lines for a shell that show it again.
    pub again: Vec<String>,
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
    /// Whether it is a case, and neither a workload nor that the target lived through it all.
    #[must_use]
    pub fn is_case(&self) -> bool {
        kit::find_case(self.id).is_some()
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
