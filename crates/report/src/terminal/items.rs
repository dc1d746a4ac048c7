//! Items and findings as text for a terminal.

use std::collections::BTreeMap;
use std::io::{self, Write};

use verdict::{Finding, Verdict};

use crate::format::{style_of, word};
use crate::model::{Item, RunReport};
use crate::window::write_window;

/// The number of findings and items of one kind that are shown in full.
const SHOWN_MAX: usize = 5;

/// The number of items that violate the same clause, and of findings of one item, that are shown in full.
const SHOWN_ALIKE_MAX: usize = 2;

/// The width of the labels before a text, in characters.
const NAME_WIDTH: usize = 12;

/// Writes ids, several per line.
pub(crate) fn write_ids(out: &mut (impl Write + ?Sized), ids: &[&str]) -> io::Result<()> {
    for line in ids.chunks(8) {
        writeln!(out, "  {}", line.join(" "))?;
    }
    Ok(())
}

/// Writes the items with a verdict that needs attention. Items that violate the same clause in the same way are
/// listed together, with the command that explains them.
///
/// # Errors
/// `out` cannot be written.
pub fn write_items(
    out: &mut (impl Write + ?Sized),
    run: &RunReport,
    verdict: Verdict,
    explain_command: &str,
) -> io::Result<()> {
    let mut inconclusive = Vec::new();
    let mut shown = 0;
    let mut seen: Vec<(Option<&str>, &str)> = Vec::new();
    let mut more: Vec<&str> = Vec::new();
    let mut alike_sentences: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for item in run.most_severe(verdict) {
        let Some(finding) = item.findings.first() else {
            inconclusive.push(item);
            continue;
        };
        let kind = (item.violated_clause(), finding.summary.as_str());
        // Nothing but the name of the item is new.
        if is_sentence(finding) && seen.iter().any(|(_, summary)| *summary == kind.1) {
            alike_sentences.entry(kind.1).or_default().push(item.id);
            continue;
        }
        // The same violation of another clause would be repeated for many cases.
        let alike = seen.iter().filter(|(clause, _)| clause.is_some() && *clause == kind.0).count();
        if shown >= SHOWN_MAX
            || alike >= SHOWN_ALIKE_MAX
            || (seen.contains(&kind) && item.violated_clause() != Some(item.clause_id()))
        {
            more.push(item.id);
            continue;
        }
        seen.push(kind);
        shown += 1;
        write_item(out, item)?;
    }
    for (summary, ids) in alike_sentences {
        let style = style_of(verdict);
        writeln!(out, "\n{style}{}{style:#} also: {summary}", word(verdict))?;
        write_ids(out, &ids)?;
    }
    if !more.is_empty() {
        let style = style_of(verdict);
        writeln!(
            out,
            "\n{style}{}{style:#} also; {explain_command} shows the requirement of each:",
            word(verdict)
        )?;
        write_ids(out, &more)?;
    }
    for (cause, ids) in by_cause(inconclusive.into_iter()) {
        let style = style_of(verdict);
        writeln!(out, "\n{style}{}{style:#}: {cause}", word(verdict))?;
        write_ids(out, &ids)?;
    }
    Ok(())
}

/// Returns whether a finding has no bytes, times or reasons to show.
fn is_sentence(finding: &Finding) -> bool {
    finding.clause.is_none()
        && finding.sent.is_none()
        && finding.actual.is_none()
        && finding.expected.is_none()
        && finding.reason.is_none()
}

fn write_item(out: &mut (impl Write + ?Sized), item: &Item) -> io::Result<()> {
    let style = style_of(item.verdict);
    for (number, finding) in item.findings.iter().take(SHOWN_ALIKE_MAX).enumerate() {
        let id = if number == 0 { item.id } else { "and" };
        writeln!(out, "\n{style}{}{style:#} {id}: {}", word(item.verdict), finding.summary)?;
        if number == 0 && item.is_case() {
            write_line(out, "requirement", &item.requirement)?;
        }
        write_finding(out, finding)?;
    }
    let more = item.findings.len().saturating_sub(SHOWN_ALIKE_MAX);
    if more > 0 {
        writeln!(out, "  and {more} more")?;
    }
    if let Some(cause) = &item.cause {
        write_line(out, "cause", cause)?;
    }
    for (number, line) in item.reproduction.iter().enumerate() {
        write_line(out, if number == 0 { "reproduce" } else { "or" }, line)?;
    }
    Ok(())
}

pub(crate) fn write_line(out: &mut (impl Write + ?Sized), name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {name:<NAME_WIDTH$} {text}")
}

/// Writes a finding.
///
/// # Errors
/// `out` cannot be written.
pub fn write_finding(out: &mut (impl Write + ?Sized), finding: &Finding) -> io::Result<()> {
    if let Some(clause) = finding.clause {
        write_line(out, "clause", &clause.to_string())?;
    }
    match (finding.phase, finding.client) {
        (Some(phase), Some(client)) => {
            write_line(out, "location", &format!("step {phase}, client {client}"))?;
        }
        (Some(phase), None) => write_line(out, "location", &format!("step {phase}"))?,
        _ => {}
    }
    let lines = [("sent", &finding.sent), ("expected", &finding.expected), ("actual", &finding.actual)];
    for (name, text) in lines {
        if let Some(text) = text {
            write_line(out, name, text)?;
        }
    }
    if let Some(at) = finding.differs_at {
        writeln!(out, "{:at$}^", "", at = 2 + NAME_WIDTH + 1 + at)?;
    }
    if let Some(reason) = &finding.reason {
        write_line(out, "reason", reason)?;
    }
    finding.window.as_ref().map_or(Ok(()), |window| write_window(out, window))
}

/// Groups the ids of items by cause.
pub(crate) fn by_cause<'r>(items: impl Iterator<Item = &'r Item>) -> BTreeMap<&'r str, Vec<&'r str>> {
    let mut causes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for item in items {
        causes.entry(item.cause.as_deref().unwrap_or_default()).or_default().push(item.id);
    }
    causes
}
