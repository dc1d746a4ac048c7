//! A run as text for a terminal.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::Style;

use driver::history::Params;
use verdict::Verdict;

use crate::format::{grouped, latency, mark_of, style_of, word};
use crate::model::{FixtureSummary, Item, RunReport, WorkloadRun};
use crate::statistics::{CommandStatistics, Statistics, per_second};
use crate::terminal::items::{by_cause, write_ids, write_items};

/// The command that explains a case.
pub const EXPLAIN_COMMAND: &str = "`harness explain ID`";

/// Writes the target.
///
/// # Errors
/// `out` cannot be written.
pub fn write_head(out: &mut (impl Write + ?Sized), target: &str) -> io::Result<()> {
    writeln!(out, "target   {target}")
}

/// Writes the figures of the replayed package graph.
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

/// Writes the hash of a workload's plan.
///
/// # Errors
/// `out` cannot be written.
pub fn write_plan(out: &mut (impl Write + ?Sized), workload: &str, plan_sha256: &str) -> io::Result<()> {
    writeln!(out, "plan     {workload} sha256 {plan_sha256}")
}

/// Writes the pace of a workload, and its observation if there is one.
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

/// Writes the options as flags that reproduce the run.
///
/// # Errors
/// `out` cannot be written.
pub fn write_options(out: &mut (impl Write + ?Sized), options: &Params) -> io::Result<()> {
    writeln!(out, "options  {}", options.as_flags())
}

/// Writes the verdicts of the cases, one line for each clause.
///
/// # Errors
/// `out` cannot be written.
pub fn write_clauses(out: &mut (impl Write + ?Sized), run: &RunReport) -> io::Result<()> {
    let mut begun = "";
    for item in &run.items {
        let is_wanted = |item: &Item| item.is_case() && !item.is_deselected();
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

/// Writes measurements, observations (their number unless `is_verbose`) and findings; failures and the verdict come last.
///
/// # Errors
/// `out` cannot be written.
pub fn write_outcome(out: &mut (impl Write + ?Sized), run: &RunReport, is_verbose: bool) -> io::Result<()> {
    if run.cause.is_none() {
        write_others(out, run)?;
    }
    if let Some(replay) = run.replay() {
        write_table(out, replay)?;
    }
    write_observed(out, run, is_verbose)?;
    // Without a target, the last line contains everything.
    if run.cause.is_none() {
        write_not_run(out, run)?;
    }
    for verdict in [Verdict::Expected, Verdict::Unknown, Verdict::Warn, Verdict::Fail] {
        write_items(out, run, verdict, EXPLAIN_COMMAND)?;
    }
    if let Some(ended) = &run.target_ended {
        writeln!(out, "\nThe target's process ended during the run: {ended}")?;
    }
    if let Some(hint) = &run.hint {
        writeln!(out, "\nhint: {hint}")?;
    }
    writeln!(out)?;
    write_verdict(out, run)
}

/// Writes the verdicts of the workloads and on the survival of the target, one line for each.
fn write_others(out: &mut (impl Write + ?Sized), run: &RunReport) -> io::Result<()> {
    let mut others = run.items.iter().filter(|item| !item.is_case() && !item.is_deselected()).peekable();
    if others.peek().is_some() {
        writeln!(out)?;
    }
    for item in others {
        let (style, mark) = (style_of(item.verdict), mark_of(item.verdict));
        writeln!(out, "    {:<7}{style}{mark}{style:#} {:22}{}", item.level.word(), "", item.id)?;
    }
    Ok(())
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

/// Writes the behaviour of the target that the protocol does not specify.
fn write_observed(out: &mut (impl Write + ?Sized), run: &RunReport, is_verbose: bool) -> io::Result<()> {
    let observed: Vec<(&str, &str)> = run
        .items
        .iter()
        .filter(|item| item.is_case())
        .filter_map(|item| Some((item.id, item.observed.as_deref()?)))
        .collect();
    if observed.is_empty() {
        return Ok(());
    }
    write!(out, "\nBehaviour that the protocol does not specify:")?;
    if !is_verbose {
        return writeln!(out, " {} observed, shown with --verbose", observed.len());
    }
    writeln!(out)?;
    for (id, observed) in observed {
        writeln!(out, "  {id:<11} {observed}")?;
    }
    Ok(())
}

/// Writes the items that were not run, grouped by cause.
fn write_not_run(out: &mut (impl Write + ?Sized), run: &RunReport) -> io::Result<()> {
    // Users know which items they deselected.
    for (cause, ids) in by_cause(run.with(Verdict::NotRun).filter(|item| !item.is_deselected())) {
        writeln!(out, "\nnot run: {cause}")?;
        write_ids(out, &ids)?;
    }
    Ok(())
}

/// The last line of a run whose verdict no item has.
const NOTHING_DECIDED: &str = "nothing that was selected was decided";

fn write_verdict(out: &mut (impl Write + ?Sized), run: &RunReport) -> io::Result<()> {
    let style = style_of(run.verdict);
    write!(out, "{style}{}{style:#} ", run.verdict.word())?;
    if let Some(cause) = &run.cause {
        return writeln!(out, "{cause}");
    }
    let cases = || run.items.iter().filter(|item| item.is_case());
    let counts = run.counts();
    let passed = counts.iter().find(|(verdict, _)| *verdict == Verdict::Pass).map_or(0, |(_, count)| *count);
    let counts: Vec<String> = counts
        .iter()
        .filter(|(verdict, _)| *verdict != Verdict::Pass)
        .map(|(verdict, count)| format!(", {count} {}", word(*verdict)))
        .collect();
    let violated: Vec<String> =
        run.violated_clauses().iter().map(|(clause, count)| format!("{clause} ({count})")).collect();
    if !violated.is_empty() {
        write!(out, "{}: ", violated.join(", "))?;
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
        write!(out, "{}", if others.is_empty() { NOTHING_DECIDED.to_owned() } else { others.join(", ") })?;
    }
    writeln!(out)
}
