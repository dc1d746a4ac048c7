//! What a recorded history comes to, as text for a terminal.

use std::io::{self, Write};
use std::path::Path;

use crate::terminal::{grouped, style_of, word, write_finding, write_ids, write_line, write_plan};
use conformance::rejudge::PartFinding;
use conformance::rejudge::PartReport;
use conformance::rejudge::Totals;
use protocol::text::printable;
use verdict::Verdict;

/// How many findings of a part are shown.
const SHOWN_MAX: usize = 5;

/// Names the history.
///
/// # Errors
/// `out` cannot be written.
pub fn write_head(out: &mut impl Write, path: &Path) -> io::Result<()> {
    writeln!(out, "history  {}", path.display())
}

/// Shows a part: its plan, what was judged of it, its verdict, and what that rests on.
///
/// # Errors
/// `out` cannot be written.
pub fn write_part(out: &mut impl Write, part: &PartReport) -> io::Result<()> {
    writeln!(out)?;
    // What stands in a file may hold anything, and a terminal obeys it.
    write_plan(out, &printable(part.workload.as_bytes()), &printable(part.plan_sha256.as_bytes()))?;
    let style = style_of(part.verdict);
    write!(out, "{style}{:<8}{style:#} ", part.verdict.word())?;
    if let Some(cases) = part.cases {
        write!(out, "{} judged again, ", count(cases, "case"))?;
    } else if part.has_own_judge {
        write!(out, "judged again by its own judge, ")?;
    }
    writeln!(out, "{} held against the rules", count(part.operations, "operation"))?;
    for PartFinding { id, finding } in part.found.iter().take(SHOWN_MAX) {
        let style = style_of(finding.verdict);
        let id = printable(id.as_bytes());
        writeln!(out, "\n{style}{}{style:#} {id}: {}", word(finding.verdict), finding.summary)?;
        write_finding(out, finding)?;
    }
    if part.found.len() > SHOWN_MAX {
        writeln!(out, "\nand {} more", part.found.len() - SHOWN_MAX)?;
    }
    for (cause, ids) in &part.undecided {
        write_line(out, "undecided", &printable(cause.as_bytes()))?;
        write_ids(out, ids)?;
    }
    Ok(())
}

/// Says in one line what all parts come to.
///
/// # Errors
/// `out` cannot be written.
pub fn write_verdict(out: &mut impl Write, totals: &Totals, verdict: Verdict) -> io::Result<()> {
    let style = style_of(verdict);
    write!(out, "\n{style}{}{style:#} ", verdict.word())?;
    let broken: Vec<String> =
        totals.violations.iter().map(|(clause, count)| format!("{clause} ({count})")).collect();
    if !broken.is_empty() {
        write!(out, "{}: ", broken.join(", "))?;
    }
    write!(out, "{}, {}", count(totals.parts, "part"), count(totals.operations, "operation"))?;
    if totals.is_truncated {
        write!(out, "; the history is cut short: what is here was judged, and the rest is missing")?;
    }
    writeln!(out)
}

fn count(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", grouped(number as u64))
}
