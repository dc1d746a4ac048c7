//! The report as a short Markdown summary, for example for a GitHub job.

use std::io::{self, Write};

use verdict::Verdict;

use crate::model::{Report, RunReport};

/// Writes the summary.
///
/// # Errors
/// The output cannot be written.
pub(crate) fn write(mut out: impl Write, report: &Report) -> io::Result<()> {
    writeln!(out, "## Gauntlet: {}\n", report.verdict.word())?;
    writeln!(out, "Target: `{}`\n", report.target.replace('`', "'"))?;
    let origin = &report.origin;
    writeln!(out, "Gauntlet {} on {}, {}\n", origin.version, origin.host, origin.began())?;
    for run in &report.runs {
        write_run(&mut out, run)?;
    }
    out.flush()
}

fn write_run(out: &mut impl Write, run: &RunReport) -> io::Result<()> {
    let counts: Vec<String> = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict, run.with(verdict).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {}", verdict.word().to_lowercase()))
        .collect();
    let counts = run.cause.clone().unwrap_or_else(|| counts.join(", "));
    writeln!(
        out,
        "**{}** with seed {} and {} clients: {counts}\n",
        run.verdict.word(),
        run.seed,
        run.concurrency
    )?;
    let wanted = [Verdict::Fail, Verdict::Warn, Verdict::Unknown, Verdict::Expected];
    if !wanted.iter().any(|verdict| run.with(*verdict).next().is_some()) {
        return Ok(());
    }
    writeln!(out, "| | case | clause | sent | expected | actual |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
    for item in wanted.iter().flat_map(|verdict| run.with(*verdict)) {
        let finding = item.findings.first();
        let code = |text: Option<&String>| text.map_or(String::new(), |text| in_cell(text));
        let cause = item.cause.as_ref().map_or(String::new(), |cause| format!(" ({cause})"));
        writeln!(
            out,
            "| {} | {}{cause} | {} | {} | {} | {} |",
            item.verdict.word(),
            item.id,
            item.violated_clause().unwrap_or(item.clause_id()),
            code(finding.and_then(|finding| finding.sent.as_ref())),
            code(finding.and_then(|finding| finding.expected.as_ref())),
            code(finding.and_then(|finding| finding.actual.as_ref())),
        )?;
    }
    writeln!(out)
}

/// Formats a text as code within a table cell; escapes characters that would end the cell or the code.
fn in_cell(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|"))
}
