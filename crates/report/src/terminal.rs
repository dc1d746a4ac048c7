//! The report as text for a terminal.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use driver::history::Params;

use crate::model::FixtureSummary;
use crate::model::Item;
use crate::model::RunReport;
use crate::model::WorkloadRun;
use crate::statistics::CommandStatistics;
use crate::statistics::Statistics;
use crate::statistics::per_second;
use crate::window::write_window;
use verdict::Finding;
use verdict::Verdict;

/// How many failures of one kind are shown in full.
const SHOWN_MAX: usize = 5;

/// What explains a case, in words.
pub const EXPLAINED_BY: &str = "`harness explain ID`";

/// The width of the names that stand before a text.
const NAME_WIDTH: usize = 12;

/// Says what is about to be judged, and how to do it again.
///
/// # Errors
/// `out` cannot be written.
pub fn write_head(out: &mut (impl Write + ?Sized), target: &str) -> io::Result<()> {
    writeln!(out, "target   {target}")
}

/// Names the graph that is replayed.
///
/// # Errors
/// `out` cannot be written.
pub fn write_fixture(out: &mut (impl Write + ?Sized), fixture: &FixtureSummary) -> io::Result<()> {
    let FixtureSummary { name, packages, named_only, dependencies } = fixture;
    let (packages, dependencies) = (grouped(*packages as u64), grouped(*dependencies as u64));
    writeln!(
        out,
        "fixture  {name}: {packages} packages ({named_only} only as dependencies), {dependencies} dependencies"
    )
}

/// Names the plan of a workload.
///
/// # Errors
/// `out` cannot be written.
pub fn write_plan(out: &mut (impl Write + ?Sized), workload: &str, plan_sha256: &str) -> io::Result<()> {
    writeln!(out, "plan     {workload} sha256 {plan_sha256}")
}

/// Says how quick a workload was, and what else is to be told of it.
///
/// # Errors
/// `out` cannot be written.
pub fn write_pace(
    out: &mut (impl Write + ?Sized),
    statistics: &Statistics,
    observed: Option<&str>,
) -> io::Result<()> {
    writeln!(out, "         {}", pace(statistics.requests(), statistics.duration_ns()))?;
    observed.map_or(Ok(()), |observed| writeln!(out, "         {observed}"))
}

fn pace(requests: u64, duration_ns: u64) -> String {
    let seconds = Duration::from_nanos(duration_ns).as_secs_f64();
    let (rate, requests) = (grouped(per_second(requests, duration_ns)), grouped(requests));
    format!("{requests} requests in {seconds:.2} s ({rate} per second)")
}

/// Says what was asked for, as flags that can be given again.
///
/// # Errors
/// `out` cannot be written.
pub fn write_options(out: &mut (impl Write + ?Sized), options: &Params) -> io::Result<()> {
    write!(out, "options ")?;
    for (name, value) in options.iter() {
        write!(out, " --{name} {value}")?;
    }
    writeln!(out)
}

/// Shows the cases, a clause a line, as soon as they are decided.
///
/// # Errors
/// `out` cannot be written.
pub fn write_clauses(out: &mut (impl Write + ?Sized), run: &RunReport) -> io::Result<()> {
    let mut begun = "";
    for item in &run.items {
        let is_wanted = |item: &Item| item.is_case() && !item.is_left_out();
        if item.clause_id() == begun || !is_wanted(item) {
            continue;
        }
        if begun.is_empty() {
            writeln!(out)?;
        }
        begun = item.clause_id();
        let of_clause = run.items.iter().filter(|other| other.clause_id() == begun && is_wanted(other));
        let mut width = 0;
        write!(out, "{begun:<2}  {:<7}", item.level.word())?;
        for (number, other) in (1..).zip(of_clause) {
            let style = style_of(other.verdict);
            let mark = mark_of(other.verdict);
            let text = if mark == '✓' { mark.to_string() } else { format!("{mark}{number}") };
            width += text.chars().count() + 1;
            write!(out, "{style}{text}{style:#} ")?;
        }
        let title = item.clause.map_or("", |clause| clause.title);
        writeln!(out, "{:width$}{title}", "", width = 24_usize.saturating_sub(width))?;
    }
    Ok(())
}

/// Shows what was measured and found, failures and the verdict last.
///
/// # Errors
/// `out` cannot be written.
pub fn write_outcome(out: &mut (impl Write + ?Sized), run: &RunReport) -> io::Result<()> {
    if let Some(replay) = run.replay() {
        write_table(out, replay)?;
    }
    write_observed(out, run)?;
    // Where there is no target the last line says all there is to say.
    if run.cause.is_none() {
        write_not_run(out, run)?;
    }
    for verdict in [Verdict::Expected, Verdict::Unknown, Verdict::Warn, Verdict::Fail] {
        write_items(out, run, verdict, EXPLAINED_BY)?;
    }
    if let Some(ended) = &run.target_ended {
        writeln!(out, "\nThe target's process ended during the run: {ended}")?;
    }
    writeln!(out)?;
    write_verdict(out, run)
}

fn write_table(out: &mut (impl Write + ?Sized), run: &WorkloadRun) -> io::Result<()> {
    let bold = Style::new().bold();
    writeln!(
        out,
        "\n{bold}{:<17} {:<11} {:>9} {:>10} {:>9} {:>9} {:>9} {:>9}{bold:#}",
        "step", "command", "requests", "per second", "p50", "p99", "p99.9", "max"
    )?;
    for phase in &run.phases {
        for (number, command) in phase.commands.iter().enumerate() {
            let name = if number == 0 { phase.phase } else { "" };
            write_row(out, name, command)?;
        }
    }
    Ok(())
}

fn write_row(out: &mut (impl Write + ?Sized), step: &str, command: &CommandStatistics) -> io::Result<()> {
    writeln!(
        out,
        "{step:<17} {:<11} {:>9} {:>10} {:>9} {:>9} {:>9} {:>9}",
        command.command,
        grouped(command.requests),
        grouped(command.requests_per_second),
        latency(command.latency_ns_p50),
        latency(command.latency_ns_p99),
        latency(command.latency_ns_p999),
        latency(command.latency_ns_max),
    )
}

/// What the target does where the protocol is silent.
fn write_observed(out: &mut (impl Write + ?Sized), run: &RunReport) -> io::Result<()> {
    let mut has_begun = false;
    for item in run.items.iter().filter(|item| item.is_case()) {
        let Some(observed) = &item.observed else { continue };
        if !has_begun {
            writeln!(out, "\nWhere the protocol is silent:")?;
            has_begun = true;
        }
        writeln!(out, "  {:<11} {observed}", item.id)?;
    }
    Ok(())
}

/// What was not run, by its cause.
fn write_not_run(out: &mut (impl Write + ?Sized), run: &RunReport) -> io::Result<()> {
    // Whoever leaves something out knows it.
    for (cause, ids) in by_cause(run.with(Verdict::NotRun).filter(|item| !item.is_left_out())) {
        writeln!(out, "\nnot run: {cause}")?;
        write_ids(out, &ids)?;
    }
    Ok(())
}

fn by_cause<'r>(items: impl Iterator<Item = &'r Item>) -> BTreeMap<&'r str, Vec<&'r str>> {
    let mut causes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for item in items {
        causes.entry(item.cause.as_deref().unwrap_or_default()).or_default().push(item.id);
    }
    causes
}

/// Ids, as many in a line as a terminal has room for.
pub(crate) fn write_ids(out: &mut (impl Write + ?Sized), ids: &[&str]) -> io::Result<()> {
    for line in ids.chunks(8) {
        writeln!(out, "  {}", line.join(" "))?;
    }
    Ok(())
}

/// The items with a verdict that needs a look: those that broke the same clause in the same way together, with the command
/// that explains them.
///
/// # Errors
/// `out` cannot be written.
pub fn write_items(
    out: &mut (impl Write + ?Sized),
    run: &RunReport,
    verdict: Verdict,
    explained_by: &str,
) -> io::Result<()> {
    let mut undecided = Vec::new();
    let mut shown = 0;
    let mut seen: Vec<(Option<&str>, &str)> = Vec::new();
    let mut more: Vec<&str> = Vec::new();
    for item in run.with(verdict) {
        let Some(finding) = item.findings.first() else {
            undecided.push(item);
            continue;
        };
        let kind = (item.broken_clause(), finding.summary.as_str());
        // A first reply that is wrong in each case says the same again and again.
        if shown >= SHOWN_MAX || (seen.contains(&kind) && item.broken_clause() != Some(item.clause_id())) {
            more.push(item.id);
            continue;
        }
        seen.push(kind);
        shown += 1;
        write_item(out, item)?;
    }
    if !more.is_empty() {
        let style = style_of(verdict);
        writeln!(
            out,
            "\n{style}{}{style:#} too, {explained_by} says of each what it asks for:",
            word(verdict)
        )?;
        write_ids(out, &more)?;
    }
    for (cause, ids) in by_cause(undecided.into_iter()) {
        let style = style_of(verdict);
        writeln!(out, "\n{style}{}{style:#}: {cause}", word(verdict))?;
        write_ids(out, &ids)?;
    }
    Ok(())
}

pub(crate) fn word(verdict: Verdict) -> String {
    verdict.word().to_lowercase()
}

fn write_item(out: &mut (impl Write + ?Sized), item: &Item) -> io::Result<()> {
    let style = style_of(item.verdict);
    for (number, finding) in item.findings.iter().take(SHOWN_MAX).enumerate() {
        let id = if number == 0 { item.id } else { "and" };
        writeln!(out, "\n{style}{}{style:#} {id}: {}", word(item.verdict), finding.summary)?;
        if number == 0 && item.is_case() {
            write_line(out, "requirement", &item.requirement)?;
        }
        write_finding(out, finding)?;
    }
    if let Some(cause) = &item.cause {
        write_line(out, "because", cause)?;
    }
    for (number, line) in item.reproduction.iter().enumerate() {
        write_line(out, if number == 0 { "reproduce" } else { "or" }, line)?;
    }
    Ok(())
}

pub(crate) fn write_line(out: &mut (impl Write + ?Sized), name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {name:<NAME_WIDTH$} {text}")
}

/// Shows what was found.
///
/// # Errors
/// `out` cannot be written.
pub fn write_finding(out: &mut (impl Write + ?Sized), finding: &Finding) -> io::Result<()> {
    if let Some(clause) = finding.clause {
        write_line(out, "clause", &clause.to_string())?;
    }
    match (finding.phase, finding.client) {
        (Some(phase), Some(client)) => write_line(out, "where", &format!("step {phase}, client {client}"))?,
        (Some(phase), None) => write_line(out, "where", &format!("step {phase}"))?,
        _ => {}
    }
    let lines = [("sent", &finding.sent), ("expected", &finding.expected), ("actual", &finding.actual)];
    for (name, text) in lines {
        if let Some(text) = text {
            write_line(out, name, text)?;
        }
    }
    if let Some(at) = finding.wrong_at {
        writeln!(out, "{:at$}^", "", at = 2 + NAME_WIDTH + 1 + at)?;
    }
    if let Some(reason) = &finding.reason {
        write_line(out, "because", reason)?;
    }
    finding.window.as_ref().map_or(Ok(()), |window| write_window(out, window))
}

fn write_verdict(out: &mut (impl Write + ?Sized), run: &RunReport) -> io::Result<()> {
    let style = style_of(run.verdict);
    write!(out, "{style}{}{style:#} ", run.verdict.word())?;
    if let Some(cause) = &run.cause {
        return writeln!(out, "{cause}");
    }
    let cases = || run.items.iter().filter(|item| item.is_case());
    let passed = cases().filter(|item| item.verdict == Verdict::Pass).count();
    let counts: Vec<String> = Verdict::ALL
        .into_iter()
        .map(|verdict| {
            (verdict, cases().filter(|item| item.verdict == verdict && !item.is_left_out()).count())
        })
        .filter(|(verdict, count)| *count > 0 && *verdict != Verdict::Pass)
        .map(|(verdict, count)| format!(", {count} {}", word(verdict)))
        .collect();
    let broken: Vec<String> =
        run.broken_clauses().iter().map(|(clause, count)| format!("{clause} ({count})")).collect();
    if !broken.is_empty() {
        write!(out, "{}: ", broken.join(", "))?;
    }
    if cases().any(|item| item.verdict != Verdict::NotRun) {
        write!(out, "{passed} cases passed{}", counts.concat())?;
        if run.replay().is_some() {
            write!(out, "; ")?;
        }
    }
    if let Some(replay) = run.replay() {
        write!(out, "replay: {}", pace(replay.requests, replay.duration_ns))?;
    } else if cases().all(|item| item.verdict == Verdict::NotRun) {
        let others: Vec<&str> = run.with(run.verdict).map(|item| item.id).collect();
        write!(out, "{}", others.join(", "))?;
    }
    writeln!(out)
}

/// One character for a verdict.
#[must_use]
pub const fn mark_of(verdict: Verdict) -> char {
    match verdict {
        Verdict::Pass => '✓',
        Verdict::Fail => '✗',
        Verdict::Warn => '!',
        Verdict::Unknown | Verdict::Unreachable => '?',
        Verdict::Expected => '~',
        Verdict::NotRun => '·',
    }
}

/// The colour of a verdict.
#[must_use]
pub fn style_of(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Pass | Verdict::Expected => AnsiColor::Green,
        Verdict::Warn | Verdict::Unknown | Verdict::Unreachable => AnsiColor::Yellow,
        Verdict::NotRun => AnsiColor::BrightBlack,
        Verdict::Fail => AnsiColor::Red,
    };
    colour.on_default().bold()
}

/// A count with its thousands apart.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in three digits and the unit that suits it.
#[must_use]
pub fn latency(ns: u64) -> String {
    let seconds = Duration::from_nanos(ns).as_secs_f64();
    let (value, unit) = match ns {
        0..1_000_000 => (seconds * 1e6, "µs"),
        1_000_000..1_000_000_000 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    match value {
        value if value < 10.0 => format!("{value:.2} {unit}"),
        value if value < 100.0 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_carry_their_unit() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let times = [950, 12_345, 999_999, 1_234_567, 12_345_678, 123_456_789, 10_000_000_000];
        assert_eq!(
            times.map(latency),
            ["0.95 µs", "12.3 µs", "1000 µs", "1.23 ms", "12.3 ms", "123 ms", "10.0 s"]
        );
    }
}
