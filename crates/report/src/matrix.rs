//! A table of many runs, with a row for each seed and a column for each concurrency.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use verdict::Verdict;

use crate::format::{grouped, style_of};
use crate::frequency::{self, Frequency};
use crate::model::{Item, RunReport};
use crate::terminal::{EXPLAIN_COMMAND, write_items};

/// Writes the worst verdict of each seed and number of clients with the duration of that run, how often repeated runs have shown
/// violations, and the counts in the last line.
///
/// # Errors
/// `out` cannot be written.
pub fn write_matrix(out: &mut impl Write, runs: &[RunReport], frequencies: &[Frequency]) -> io::Result<()> {
    let columns: BTreeSet<u32> = runs.iter().map(|run| run.concurrency).collect();
    let rows: BTreeSet<u64> = runs.iter().map(|run| run.seed).collect();
    write!(out, "\n{:<12}", "seed")?;
    for concurrency in &columns {
        let clients = if *concurrency == 1 { "client" } else { "clients" };
        write!(out, "{:>22}", format!("{} {clients}", grouped((*concurrency).into())))?;
    }
    writeln!(out)?;
    for seed in &rows {
        write!(out, "{seed:<12}")?;
        for concurrency in &columns {
            let of_cell = runs.iter().filter(|run| (run.seed, run.concurrency) == (*seed, *concurrency));
            match of_cell.rev().max_by_key(|run| run.verdict) {
                Some(run) => write_cell(out, run)?,
                None => write!(out, "{:>22}", "")?,
            }
        }
        writeln!(out)?;
    }
    frequency::write_text(out, frequencies)?;
    if let Some(run) = runs.iter().filter(|run| run.verdict > Verdict::Warn).max_by_key(|run| run.verdict) {
        writeln!(
            out,
            "\nA run that did not pass; repeat it with --seed {} --concurrency {} and the options above:",
            run.seed, run.concurrency
        )?;
        if let Some(cause) = &run.cause {
            writeln!(out, "  {cause}")?;
        }
        write_items(out, run, run.verdict, EXPLAIN_COMMAND)?;
    }
    writeln!(out)?;
    write_count(out, runs)
}

fn write_cell(out: &mut impl Write, run: &RunReport) -> io::Result<()> {
    let style = style_of(run.verdict);
    let seconds =
        Duration::from_nanos(run.workloads.first().map_or(0, |first| first.duration_ns)).as_secs_f64();
    let clause = run.worst().and_then(Item::violated_clause).unwrap_or_default();
    let word = format!("{} {clause}", run.verdict.word());
    write!(out, "{style}{:>13}{style:#} {:>8}", word.trim_end(), format!("{seconds:.2} s"))
}

fn write_count(out: &mut impl Write, runs: &[RunReport]) -> io::Result<()> {
    let worst = runs.iter().map(|run| run.verdict).max().unwrap_or(Verdict::Pass);
    let style = style_of(worst);
    let requests: u64 = runs
        .iter()
        .map(|run| run.workloads.first().map_or(0, |first| first.requests) + run.case_requests)
        .sum();
    let counts: Vec<String> = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict, runs.iter().filter(|run| run.verdict == verdict).count()))
        .filter(|&(verdict, count)| count > 0 || verdict == Verdict::Pass)
        .map(|(verdict, count)| format!("{count} {}", verdict.word().to_lowercase()))
        .collect();
    writeln!(
        out,
        "{style}{}{style:#} {} of {} runs, {} requests",
        worst.word(),
        counts.join(", "),
        runs.len(),
        grouped(requests)
    )
}
