//! The report as JUnit XML for CI systems.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report as Document, TestCase, TestCaseStatus, TestSuite};

use verdict::Verdict;

use crate::model::{Item, Report, RunReport, evidence};

/// Writes the report, with a test suite for each run and a test case for each item.
///
/// # Errors
/// The output cannot be written.
pub(crate) fn write(mut out: impl Write, report: &Report) -> io::Result<()> {
    let mut document = Document::new("gauntlet");
    for run in &report.runs {
        document.add_test_suite(suite(report, run));
    }
    document.serialize(&mut out).map_err(io::Error::other)?;
    out.flush()
}

fn suite(report: &Report, run: &RunReport) -> TestSuite {
    let mut suite = TestSuite::new(format!("seed {} with {} clients", run.seed, run.concurrency));
    suite.add_property(Property::new("target", report.target.as_str()));
    // The schema of Jenkins has no attribute for the time.
    suite.add_property(Property::new("began_at", report.origin.began()));
    suite.add_property(Property::new("gauntlet", report.origin.version));
    suite.add_property(Property::new("host", report.origin.host.to_string()));
    for (name, value) in run.options.iter() {
        suite.add_property(Property::new(name, value));
    }
    suite.add_test_cases(run.items.iter().map(test_case));
    suite
}

fn test_case(item: &Item) -> TestCase {
    let mut status = match item.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        // JUnit has no status for a warning, and a warning must not fail a build.
        Verdict::NotRun | Verdict::Expected | Verdict::Warn => TestCaseStatus::skipped(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Unknown | Verdict::Unreachable => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    let summary = summary(item);
    if item.verdict != Verdict::Pass {
        status.set_message(summary.as_str()).set_type(item.verdict.word());
        let details = details(item);
        if !details.is_empty() {
            status.set_description(details);
        }
    }
    let mut test_case = TestCase::new(item.id, status);
    let group = item.id.rsplit_once('/').map_or(item.id, |(group, _)| group);
    test_case.set_classname(group.replace('/', ".")).set_time(Duration::from_nanos(item.duration_ns));
    test_case.add_property(Property::new("level", item.level.word()));
    if item.clause.is_some() {
        test_case.add_property(Property::new("clause", item.clause_id()));
    }
    test_case.add_property(Property::new("verdict", item.verdict.word()));
    test_case.add_property(Property::new("requirement", item.requirement.as_str()));
    if item.repetitions > 0 {
        test_case.add_property(Property::new("repetitions", item.repetitions.to_string()));
    }
    if let Some(observed) = &item.observed {
        test_case.add_property(Property::new("observed", observed.as_str()));
    }
    test_case
}

fn summary(item: &Item) -> String {
    match (item.findings.first(), &item.cause) {
        (Some(finding), _) => {
            let clause = finding.clause.map_or(String::new(), |clause| format!(" ({})", clause.id));
            format!("{}{clause}", finding.summary)
        }
        (None, Some(cause)) => cause.clone(),
        (None, None) => item.verdict.word().to_lowercase(),
    }
}

/// Returns the details of an item that did not pass, as text.
fn details(item: &Item) -> String {
    let mut lines = Vec::new();
    for finding in &item.findings {
        lines.extend(evidence(finding).into_iter().map(|(name, text)| format!("{name}: {text}")));
    }
    lines.extend(item.cause.iter().map(|cause| format!("cause: {cause}")));
    lines.extend(item.reproduction.iter().map(|line| format!("reproduce: {line}")));
    lines.join("\n")
}
