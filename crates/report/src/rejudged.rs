//! The result of re-judging a recorded history, as text for a terminal.

use std::io::{self, Write};
use std::path::Path;

use conformance::rejudge::{PartFinding, PartReport, Totals};
use protocol::text::printable;
use verdict::Verdict;

use crate::format::{grouped, style_of, word};
use crate::terminal::{write_finding, write_ids, write_line, write_plan};

/// The number of findings of a part that are shown.
const SHOWN_MAX: usize = 5;

/// Writes the name of the history.
///
/// # Errors
/// `out` cannot be written.
pub fn write_head(out: &mut impl Write, path: &Path) -> io::Result<()> {
    writeln!(out, "history  {}", path.display())
}

/// Writes a part: its plan, what was judged, its verdict and its findings.
///
/// # Errors
/// `out` cannot be written.
pub fn write_part(out: &mut impl Write, part: &PartReport) -> io::Result<()> {
    writeln!(out)?;
    // Text from a file may contain control characters for the terminal.
    write_plan(out, &printable(part.workload.as_bytes()), &printable(part.plan_sha256.as_bytes()))?;
    let style = style_of(part.verdict);
    write!(out, "{style}{:<8}{style:#} ", part.verdict.word())?;
    if let Some(cases) = part.cases {
        write!(out, "{} re-judged, ", count(cases, "case"))?;
    } else if part.has_own_judge {
        write!(out, "re-judged by its own judge, ")?;
    }
    writeln!(out, "{} checked against the rules", count(part.operations, "operation"))?;
    for PartFinding { id, finding } in part.found.iter().take(SHOWN_MAX) {
        let style = style_of(finding.verdict);
        let id = printable(id.as_bytes());
        writeln!(out, "\n{style}{}{style:#} {id}: {}", word(finding.verdict), finding.summary)?;
        write_finding(out, finding)?;
    }
    if part.found.len() > SHOWN_MAX {
        writeln!(out, "\nand {} more", part.found.len() - SHOWN_MAX)?;
    }
    for (cause, ids) in &part.inconclusive {
        write_line(out, "inconclusive", &printable(cause.as_bytes()))?;
        write_ids(out, ids)?;
    }
    Ok(())
}

/// Writes the verdict and the totals of all parts on one line.
///
/// # Errors
/// `out` cannot be written.
pub fn write_verdict(out: &mut impl Write, totals: &Totals, verdict: Verdict) -> io::Result<()> {
    let style = style_of(verdict);
    write!(out, "\n{style}{}{style:#} ", verdict.word())?;
    let violated: Vec<String> =
        totals.violations.iter().map(|(clause, count)| format!("{clause} ({count})")).collect();
    if !violated.is_empty() {
        write!(out, "{}: ", violated.join(", "))?;
    }
    write!(out, "{}, {}", count(totals.parts, "part"), count(totals.operations, "operation"))?;
    if totals.is_truncated {
        write!(out, "; the history is truncated: only the existing part was judged")?;
    }
    writeln!(out)
}

fn count(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(number as u64))
}
