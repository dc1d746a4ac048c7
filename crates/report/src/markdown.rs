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
    // The cases, as in the terminal.
    let words = |(verdict, count): (Verdict, usize)| format!("{count} {}", verdict.word().to_lowercase());
    let counts: Vec<String> = run.counts().into_iter().map(words).collect();
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
            "| {} | {}: {}{cause} | {} | {} | {} | {} |",
            item.verdict.word(),
            item.id,
            item.requirement.replace('|', "\\|"),
            item.violated_clause().unwrap_or(item.clause_id()),
            code(finding.and_then(|finding| finding.sent.as_ref())),
            code(finding.and_then(|finding| finding.expected.as_ref())),
            code(finding.and_then(|finding| finding.actual.as_ref())),
        )?;
    }
    writeln!(out)?;
    write_commands(out, run)
}

/// Writes the commands that show the failures again.
fn write_commands(out: &mut impl Write, run: &RunReport) -> io::Result<()> {
    let commands: Vec<&String> =
        run.with(Verdict::Fail).filter_map(|item| item.reproduction.first()).collect();
    if commands.is_empty() {
        return Ok(());
    }
    writeln!(out, "<details><summary>Commands that show the failures again</summary>\n\n```sh")?;
    for command in commands.iter().take(COMMANDS_SHOWN) {
        writeln!(out, "{command}")?;
    }
    writeln!(out, "```\n\n</details>\n")
}

/// The number of commands in a summary.
const COMMANDS_SHOWN: usize = 20;

/// Formats a text as code within a table cell; escapes characters that would end the cell or the code.
fn in_cell(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|"))
}
