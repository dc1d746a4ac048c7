//! The report in the Test Anything Protocol, version 14 (<https://testanything.org/tap-version-14-specification.html>).

use std::io::{self, Write};

use verdict::Verdict;

use crate::model::{Item, Report, RunReport, evidence};

/// Writes the report with a test for each selected item of each run. A known failure is a `TODO`, an item that was not run a `SKIP`.
///
/// # Errors
/// The output cannot be written.
pub(crate) fn write(mut out: impl Write, report: &Report) -> io::Result<()> {
    writeln!(out, "TAP version 14")?;
    let origin = &report.origin;
    writeln!(
        out,
        "# gauntlet {}, {}, {}",
        origin.version,
        origin.began(),
        one_line(&origin.host.to_string())
    )?;
    let selected = |run: &RunReport| run.items.iter().filter(|item| !item.is_deselected()).count();
    writeln!(out, "1..{}", report.runs.iter().map(selected).sum::<usize>())?;
    let mut number = 0;
    for run in &report.runs {
        writeln!(out, "# seed {}, {} clients, {}", run.seed, run.concurrency, one_line(&report.target))?;
        for item in run.items.iter().filter(|item| !item.is_deselected()) {
            number += 1;
            write_item(&mut out, number, run, item, report.runs.len() > 1)?;
        }
        if let Some(cause) = &run.cause {
            writeln!(out, "Bail out! {}", one_line(cause))?;
            break;
        }
    }
    out.flush()
}

fn write_item(
    out: &mut impl Write,
    number: usize,
    run: &RunReport,
    item: &Item,
    has_many_runs: bool,
) -> io::Result<()> {
    let (result, directive) = match item.verdict {
        Verdict::Pass | Verdict::Warn => ("ok", None),
        Verdict::NotRun => ("ok", Some("SKIP")),
        Verdict::Expected => ("not ok", Some("TODO")),
        Verdict::Fail | Verdict::Unknown | Verdict::Unreachable => ("not ok", None),
    };
    let of_run = if has_many_runs {
        format!(" (seed {}, {} clients)", run.seed, run.concurrency)
    } else {
        String::new()
    };
    write!(out, "{result} {number} - {}{of_run}", escaped(item.id))?;
    if let Some(directive) = directive {
        let cause = item.cause.as_deref().unwrap_or_default();
        write!(out, " # {directive} {}", escaped(&one_line(cause)))?;
    }
    writeln!(out)?;
    if matches!(item.verdict, Verdict::Pass | Verdict::NotRun) {
        Ok(())
    } else {
        write_diagnostics(out, item)
    }
}

/// Writes the details as YAML, in which each value is a JSON string.
fn write_diagnostics(out: &mut impl Write, item: &Item) -> io::Result<()> {
    let mut lines = vec![("verdict", item.verdict.word().to_lowercase())];
    lines.push(("requirement", item.requirement.clone()));
    lines.extend(item.cause.iter().map(|cause| ("cause", cause.clone())));
    // The first finding decides. The JSON report contains all of them.
    if let Some(finding) = item.findings.first() {
        lines.push(("message", finding.summary.clone()));
        lines.extend(evidence(finding));
    }
    lines.extend(item.reproduction.first().map(|line| ("reproduce", line.clone())));
    writeln!(out, "  ---")?;
    for (name, text) in lines {
        writeln!(out, "  {name}: {}", serde_json::Value::from(text))?;
    }
    writeln!(out, "  ...")
}

/// Returns a text without line breaks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

/// Escapes what would begin a directive in a description.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_begin_a_directive() {
        assert_eq!(escaped(r"a # TODO b\n"), r"a \# TODO b\\n");
        assert_eq!(one_line("a\n  b"), "a b");
    }
}
