//! The findings as annotations of a GitHub workflow: `::error` for what fails the job, `::notice` for warnings.

use std::io::{self, Write};

use verdict::Verdict;

use crate::model::{Item, Report, RunReport};

/// GitHub shows this number of annotations of each kind for a step.
const SHOWN_MAX: usize = 10;

/// Writes a command of the workflow for each item that failed, is undecided or warns, the most severe first.
///
/// # Errors
/// The output cannot be written.
pub(crate) fn write(mut out: impl Write, report: &Report) -> io::Result<()> {
    let kinds = [("error", &[Verdict::Fail, Verdict::Unknown][..]), ("notice", &[Verdict::Warn])];
    for (kind, verdicts) in kinds {
        let of_run = |run| verdicts.iter().flat_map(move |verdict| RunReport::most_severe(run, *verdict));
        for item in report.runs.iter().flat_map(of_run).take(SHOWN_MAX) {
            let clause = item.violated_clause().map_or(String::new(), |clause| format!(" ({clause})"));
            let title = format!("{} {}{clause}", item.verdict.word(), item.id);
            writeln!(out, "::{kind} title={}::{}", in_property(&title), in_message(&message(item)))?;
        }
    }
    for run in report.runs.iter().filter(|run| run.items.is_empty()) {
        if let Some(cause) = &run.cause {
            writeln!(out, "::error title={}::{}", run.verdict.word(), in_message(cause))?;
        }
    }
    out.flush()
}

fn message(item: &Item) -> String {
    let mut lines = vec![item.requirement.clone()];
    if let Some(finding) = item.findings.first() {
        lines.insert(0, finding.summary.clone());
        let parts = [("sent", &finding.sent), ("expected", &finding.expected), ("actual", &finding.actual)];
        lines.extend(parts.iter().filter_map(|(name, text)| Some(format!("{name}: {}", text.as_ref()?))));
    }
    lines.extend(item.cause.clone());
    lines.extend(item.reproduction.first().map(|line| format!("reproduce: {line}")));
    lines.join("\n")
}

/// Escapes a message: a command is one line.
fn in_message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property, which ends at a colon or a comma.
fn in_property(text: &str) -> String {
    in_message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_end_a_command() {
        assert_eq!(in_message("100 %\r\n::error::x"), "100 %25%0D%0A::error::x");
        assert_eq!(in_property("a:b,c\n"), "a%3Ab%2Cc%0A");
    }
}
