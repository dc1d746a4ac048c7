//! The report in the Common Test Report Format (<https://ctrf.io/docs/specification/overview>), a form of JSON that dashboards read.

use std::io::{self, Write};

use serde_json::{Map, Value, json};
use verdict::Verdict;

use crate::model::{Item, Report, RunReport, evidence};

/// The version of the specification that the document follows.
const SPEC_VERSION: &str = "0.0.0";

/// The states of a test.
const STATES: [&str; 5] = ["passed", "failed", "skipped", "pending", "other"];

/// Writes the report with a test for each selected item of each run.
///
/// # Errors
/// The output cannot be written.
pub fn write(mut out: impl Write, report: &Report) -> io::Result<()> {
    let origin = &report.origin;
    let has_many_runs = report.runs.len() > 1;
    let of_run = |run: &RunReport| -> Vec<Value> {
        let items = run.items.iter().filter(|item| !item.is_deselected());
        items.map(|item| test(run, item, has_many_runs)).collect()
    };
    let tests: Vec<Value> = report.runs.iter().flat_map(of_run).collect();
    let mut summary = Map::new();
    summary.insert("tests".to_owned(), tests.len().into());
    for state in STATES {
        let count = tests.iter().filter(|test| test["status"] == state).count();
        summary.insert(state.to_owned(), count.into());
    }
    summary.insert("suites".to_owned(), report.runs.len().into());
    summary.insert("start".to_owned(), origin.began_at.timestamp_millis().into());
    summary.insert("stop".to_owned(), origin.ended_at.timestamp_millis().into());
    let causes: Vec<&String> = report.runs.iter().filter_map(|run| run.cause.as_ref()).collect();
    let document = json!({
        "reportFormat": "CTRF",
        "specVersion": SPEC_VERSION,
        "timestamp": origin.ended_at.to_rfc3339(),
        "generatedBy": format!("gauntlet {}", origin.version),
        "results": {
            "tool": { "name": format!("gauntlet {}", origin.program), "version": origin.version },
            "summary": summary,
            "tests": tests,
            "environment": {
                "osPlatform": origin.host.system,
                "extra": { "target": report.target, "host": origin.host.name },
            },
            "extra": { "verdict": report.verdict, "causes": causes },
        },
    });
    serde_json::to_writer_pretty(&mut out, &document)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Returns an item as a test. What is undecided fails: a consumer that only counts failures must not take it for clean.
fn test(run: &RunReport, item: &Item, has_many_runs: bool) -> Value {
    let state = match item.verdict {
        Verdict::Pass | Verdict::Warn => "passed",
        Verdict::Fail | Verdict::Unknown | Verdict::Unreachable => "failed",
        Verdict::NotRun => "skipped",
        Verdict::Expected => "other",
    };
    let of_run = format!("seed {}, {} clients", run.seed, run.concurrency);
    let name = if has_many_runs { format!("{} ({of_run})", item.id) } else { item.id.to_owned() };
    let group = item.id.rsplit_once('/').map_or(item.id, |(group, _)| group);
    let mut test = json!({
        "name": name,
        "status": state,
        "duration": item.duration_ns / 1_000_000,
        "suite": [of_run, group],
        "rawStatus": item.verdict,
        "tags": [item.level.word()],
        "parameters": run.options.iter().collect::<std::collections::BTreeMap<_, _>>(),
        "extra": { "requirement": item.requirement, "clause": item.clause_id() },
    });
    let finding = item.findings.first();
    if let Some(message) = finding.map(|finding| &finding.summary).or(item.cause.as_ref()) {
        test["message"] = message.as_str().into();
    }
    if let Some(finding) = finding {
        let lines = evidence(finding).into_iter().map(|(name, text)| format!("{name}: {text}"));
        let lines = lines.chain(item.reproduction.iter().map(|line| format!("reproduce: {line}")));
        test["trace"] = lines.collect::<Vec<String>>().join("\n").into();
    }
    if item.repetitions > 0 {
        test["retries"] = item.repetitions.into();
    }
    test
}
