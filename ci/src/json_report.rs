//! The JSON reports of the harness and of chaos, as far as `cargo ci` reads them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;

/// A report of one command.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    pub(crate) verdict: Verdict,
    pub(crate) runs: Vec<Run>,
}

/// One run.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Run {
    #[serde(default)]
    pub(crate) verdict: Verdict,
    #[serde(default)]
    pub(crate) items: Vec<Item>,
    #[serde(default)]
    pub(crate) workloads: Vec<Workload>,
    /// The figures of the replay in reports before version 3, for measurements of older checkouts.
    #[serde(flatten)]
    pub(crate) replay_before_version_3: Option<Figures>,
}

/// A case, a workload, or a fault in a state.
#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) verdict: Verdict,
    pub(crate) findings: Vec<Finding>,
    pub(crate) observed: Option<String>,
}

/// A violation.
#[derive(Debug, Deserialize)]
pub(crate) struct Finding {
    pub(crate) clause: Option<Clause>,
}

/// A reference to a clause of the protocol.
#[derive(Debug, Deserialize)]
pub(crate) struct Clause {
    pub(crate) id: String,
}

/// The figures of one workload.
#[derive(Debug, Deserialize)]
pub(crate) struct Workload {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// The requests that were answered, and the time they took.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Figures {
    pub(crate) requests: f64,
    pub(crate) duration_ns: f64,
}

/// A verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Pass,
    Warn,
    Fail,
    Unknown,
    #[default]
    NotRun,
}

impl Report {
    /// # Errors
    /// The file cannot be read or is not a report.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = fs::read(path).map_err(Failure::at(path))?;
        let what = format!("the report {}", path.display());
        serde_json::from_slice(&bytes).map_err(|source| Failure::Json { what, source })
    }

    /// Returns the first run.
    ///
    /// # Errors
    /// The report has no run.
    pub(crate) fn into_first_run(self) -> Result<Run, Failure> {
        self.runs.into_iter().next().ok_or_else(|| Failure::other("the report contains no run"))
    }
}

impl Run {
    /// Returns the clause that the first finding names, by the id of each item that violates something.
    pub(crate) fn violated(&self) -> BTreeMap<String, String> {
        let violated = self.items.iter().filter(|item| matches!(item.verdict, Verdict::Fail | Verdict::Warn));
        let with_clause = violated.filter_map(|item| {
            let clause = item.findings.first()?.clause.as_ref();
            Some((item.id.clone(), clause.map_or(String::new(), |clause| clause.id.clone())))
        });
        with_clause.collect()
    }

    /// Returns the behaviour that INFO cases observed, by id.
    pub(crate) fn observed(&self) -> BTreeMap<String, String> {
        self.items.iter().filter_map(|item| Some((item.id.clone(), item.observed.clone()?))).collect()
    }

    /// Returns the replay's rate in requests per second.
    pub(crate) fn replay_rate(&self) -> Option<f64> {
        let figures = self.replay_figures()?;
        Some(figures.requests / figures.duration_ns * 1e9)
    }

    /// Returns the figures of the replay.
    pub(crate) fn replay_figures(&self) -> Option<Figures> {
        let replay = self.workloads.iter().find(|workload| workload.id == "index/replay");
        replay.map(|workload| workload.figures).or(self.replay_before_version_3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(json: &str) -> Run {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn violated_items_are_those_that_failed_or_warned_with_a_finding() {
        let run = run(r#"{"verdict": "fail", "items": [
            {"id": "index/S1/1", "verdict": "fail", "findings": [{"clause": {"id": "S1"}}, {"clause": {"id": "A1"}}]},
            {"id": "index/F3/1", "verdict": "warn", "findings": [{"clause": {"id": "F3"}}]},
            {"id": "index/R1/1", "verdict": "pass", "findings": []},
            {"id": "index/N1/1", "verdict": "pass", "findings": [], "observed": "it replies OK"}]}"#);
        let expected = [("index/F3/1", "F3"), ("index/S1/1", "S1")];
        assert_eq!(run.violated(), expected.map(|(id, clause)| (id.to_owned(), clause.to_owned())).into());
        assert_eq!(run.observed().into_keys().collect::<Vec<_>>(), ["index/N1/1"]);
    }

    #[test]
    fn the_rate_of_the_replay_is_read_from_reports_of_both_versions() {
        let figures = r#""requests": 50, "duration_ns": 500000000"#;
        let current = run(&format!(r#"{{"workloads": [{{"id": "index/replay", {figures}}}]}}"#));
        let earlier = run(&format!("{{{figures}}}"));
        assert_eq!((current.replay_rate(), earlier.replay_rate()), (Some(100.0), Some(100.0)));
        assert_eq!(run("{}").replay_rate(), None);
    }
}
