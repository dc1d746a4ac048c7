//! What a run comes to, as data; its submodules show it. Every figure in it comes from the events and the verdict.

pub mod matrix;
pub mod progress;
pub mod statistics;
pub mod terminal;
pub mod transcript;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::verdict::{Finding, Verdict};
use statistics::PhaseStatistics;

/// The version of the JSON form.
pub const VERSION: u32 = 1;

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
    /// The workload's id.
    pub workload: &'static str,
    /// Where the target listened.
    pub addr: String,
    /// What decided every draw.
    pub seed: u64,
    /// How many clients there were.
    pub concurrency: u32,
    /// Everything that was asked for, by the names of the flags: given again, they make the same plan.
    pub options: BTreeMap<String, String>,
    /// The hash of the plan.
    pub plan_sha256: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// From the first event to the last.
    pub duration_ns: u64,
    /// How many requests were answered.
    pub requests: u64,
    /// Each phase, in order.
    pub phases: Vec<PhaseStatistics>,
    /// What was found, the first first.
    pub findings: Vec<Finding>,
    /// How the target's process ended, if it ended during the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_ended: Option<String>,
}

impl Report {
    /// Writes the report as JSON.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_json(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut out, self)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}
