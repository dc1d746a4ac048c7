//! Reads JSON reports: the parts that later commands need.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use verdict::Verdict;
use verdict::selection::is_deselection;

/// The parts of a report that are read.
#[derive(Debug, Deserialize)]
pub(crate) struct ReportRead {
    report: u32,
    pub(crate) target: String,
    pub(crate) verdict: Verdict,
    pub(crate) runs: Vec<RunRead>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RunRead {
    seed: u64,
    pub(crate) items: Vec<ItemRead>,
    #[serde(default)]
    workloads: Vec<WorkloadRead>,
}

#[derive(Debug, Deserialize)]
struct WorkloadRead {
    id: String,
    requests: u64,
    duration_ns: u64,
    #[serde(default)]
    phases: Vec<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ItemRead {
    pub(crate) id: String,
    pub(crate) verdict: Verdict,
    cause: Option<String>,
    clause: Option<ClauseRead>,
    #[serde(default)]
    findings: Vec<FindingRead>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ClauseRead {
    pub(crate) id: String,
    pub(crate) title: String,
}

#[derive(Debug, Deserialize)]
struct FindingRead {
    clause: Option<ClauseRead>,
}

/// The error of a report that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The path as given.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is not a report, or has another version.
    #[error("{} is not a report of this kit: {problem}", path.display())]
    Form {
        /// The path as given.
        path: PathBuf,
        /// A description of the error.
        problem: String,
    },
    /// The report has no failure that could be run again.
    #[error("nothing failed in {}; run without --again", .0.display())]
    NothingFailed(PathBuf),
}

/// The first run of a report that did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRun {
    /// Its seed.
    pub seed: u64,
    /// The ids that failed or remained undecided in any run, in order.
    pub ids: Vec<String>,
}

/// Reads what failed or remained undecided in a report.
///
/// # Errors
/// The file cannot be read, is not a report, or nothing failed.
pub fn failed(path: &Path) -> Result<FailedRun, ReadError> {
    let report = read_report(path)?;
    let has_failed =
        |item: &&ItemRead| matches!(item.verdict, Verdict::Fail | Verdict::Unknown | Verdict::Unreachable);
    let of_run = |run: &RunRead| run.items.iter().filter(has_failed).count();
    let first = report.runs.iter().find(|run| of_run(run) > 0);
    let seed = first.ok_or_else(|| ReadError::NothingFailed(path.to_owned()))?.seed;
    let mut ids: Vec<String> = Vec::new();
    for item in report.runs.iter().flat_map(|run| run.items.iter().filter(has_failed)) {
        if !ids.contains(&item.id) {
            ids.push(item.id.clone());
        }
    }
    Ok(FailedRun { seed, ids })
}

/// Reads the verdict of a report.
///
/// # Errors
/// The file cannot be read or is not a report.
pub fn verdict(path: &Path) -> Result<Verdict, ReadError> {
    Ok(read_report(path)?.verdict)
}

/// Reads a report.
///
/// # Errors
/// The file cannot be read or is not a report.
pub(crate) fn read_report(path: &Path) -> Result<ReportRead, ReadError> {
    let text = fs::read(path).map_err(|source| ReadError::Read { path: path.to_owned(), source })?;
    let wrong = |problem: String| ReadError::Form { path: path.to_owned(), problem };
    let report: ReportRead = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    if report.report != crate::model::VERSION {
        let problem = format!(
            "it has version {}, but this program reads version {}",
            report.report,
            crate::model::VERSION
        );
        return Err(wrong(problem));
    }
    Ok(report)
}

impl ReportRead {
    /// Returns the pace of the first workload that reports its phases, if one ran to its end.
    pub(crate) fn requests_per_second(&self) -> Option<u64> {
        let of_run = |run: &RunRead| {
            let replay = run.workloads.iter().find(|workload| !workload.phases.is_empty())?;
            let is_cut = |item: &ItemRead| {
                item.id == replay.id && matches!(item.verdict, Verdict::Fail | Verdict::Unknown)
            };
            (!run.items.iter().any(is_cut)).then_some((replay.requests, replay.duration_ns))
        };
        let (requests, duration_ns) = self.runs.iter().find_map(of_run)?;
        let pace = u128::from(requests) * 1_000_000_000 / u128::from(duration_ns.max(1));
        u64::try_from(pace).ok()
    }
}

impl ItemRead {
    /// Returns the clause that the first finding names, or else the clause that the item tests.
    pub(crate) fn decisive_clause(&self) -> Option<&ClauseRead> {
        self.findings.first().and_then(|finding| finding.clause.as_ref()).or(self.clause.as_ref())
    }

    /// Returns whether a flag left the item out.
    pub(crate) fn is_deselected(&self) -> bool {
        self.verdict == Verdict::NotRun && self.cause.as_deref().is_some_and(is_deselection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn the_failures_of_all_runs_are_read_with_the_seed_of_the_first_of_them() {
        let run = |seed: u64, items: &str| format!(r#"{{"seed": {seed}, "items": [{items}]}}"#);
        let item = |id: &str, verdict: &str| format!(r#"{{"id": "{id}", "verdict": "{verdict}"}}"#);
        let runs = [
            run(1, &item("index/R1/1", "pass")),
            run(2, &[item("index/R1/1", "fail"), item("index/R1/2", "warn")].join(",")),
            run(3, &[item("index/R1/1", "fail"), item("index/S1/1", "unknown")].join(",")),
        ];
        let report = |runs: &[String]| {
            written(&format!(
                r#"{{"report": 3, "target": "t", "verdict": "fail", "runs": [{}]}}"#,
                runs.join(",")
            ))
        };
        let expected = FailedRun { seed: 2, ids: vec!["index/R1/1".to_owned(), "index/S1/1".to_owned()] };
        assert_eq!(failed(report(&runs).path()).unwrap(), expected);
        let clean = report(&runs[..1]);
        assert!(failed(clean.path()).unwrap_err().to_string().starts_with("nothing failed in "));
    }

    #[test]
    fn an_unreadable_report_is_an_error() {
        for text in ["", "{}", r#"{"report": 2, "target": "t", "verdict": "pass", "runs": []}"#] {
            assert!(matches!(failed(written(text).path()), Err(ReadError::Form { .. })), "{text}");
        }
        assert!(matches!(failed(Path::new("/no such report")), Err(ReadError::Read { .. })));
    }
}
