//! The report as text for a terminal.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use crate::report::statistics::{CommandStatistics, per_second};
use crate::report::{FixtureSummary, RunReport};
use crate::verdict::{Finding, Verdict};

/// How many findings are shown in full.
const FINDINGS_SHOWN_MAX: usize = 5;

/// Says what is about to be judged, and how to do it again.
///
/// # Errors
/// `out` cannot be written.
pub fn write_head(out: &mut impl Write, target: &str, fixture: &FixtureSummary) -> io::Result<()> {
    let FixtureSummary { name, packages, named_only, dependencies } = fixture;
    let (packages, dependencies) = (grouped(*packages as u64), grouped(*dependencies as u64));
    writeln!(out, "target   {target}")?;
    writeln!(
        out,
        "fixture  {name}: {packages} packages ({named_only} only as dependencies), {dependencies} dependencies"
    )
}

/// Names the plan of one run.
///
/// # Errors
/// `out` cannot be written.
pub fn write_plan(out: &mut impl Write, run: &RunReport) -> io::Result<()> {
    writeln!(out, "plan     {} sha256 {}", run.workload, run.plan_sha256)
}

/// Says what was asked for, as flags that can be given again.
///
/// # Errors
/// `out` cannot be written.
pub fn write_options(out: &mut impl Write, options: &BTreeMap<String, String>) -> io::Result<()> {
    write!(out, "options ")?;
    for (name, value) in options {
        write!(out, " --{name} {value}")?;
    }
    writeln!(out)
}

/// Shows what was measured and found, the verdict last.
///
/// # Errors
/// `out` cannot be written.
pub fn write_outcome(out: &mut impl Write, run: &RunReport) -> io::Result<()> {
    if !run.phases.is_empty() {
        write_table(out, run)?;
    }
    // Where there is no target, the last line says all there is to say.
    if run.verdict != Verdict::Unreachable {
        write_findings(out, run)?;
    }
    if let Some(ended) = &run.target_ended {
        writeln!(out, "\nThe target's process ended during the run: {ended}")?;
    }
    writeln!(out)?;
    write_verdict(out, run)
}

fn write_table(out: &mut impl Write, run: &RunReport) -> io::Result<()> {
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

fn write_row(out: &mut impl Write, step: &str, command: &CommandStatistics) -> io::Result<()> {
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

/// Shows what was found, the first first.
///
/// # Errors
/// `out` cannot be written.
pub fn write_findings(out: &mut impl Write, run: &RunReport) -> io::Result<()> {
    for finding in run.findings.iter().take(FINDINGS_SHOWN_MAX) {
        write_finding(out, finding)?;
    }
    match run.findings.len().saturating_sub(FINDINGS_SHOWN_MAX) {
        0 => Ok(()),
        more => writeln!(out, "\nand {more} more, in the JSON report"),
    }
}

fn write_finding(out: &mut impl Write, finding: &Finding) -> io::Result<()> {
    let style = style_of(finding.verdict);
    let word = match finding.verdict {
        Verdict::Fail => "violation",
        _ => finding.verdict.word(),
    };
    writeln!(out, "\n{style}{}{style:#}: {}", word.to_lowercase(), finding.summary)?;
    if let Some(clause) = finding.clause {
        writeln!(out, "  clause       {clause}")?;
    }
    match (finding.phase, finding.client) {
        (Some(phase), Some(client)) => writeln!(out, "  where        step {phase}, client {client}")?,
        (Some(phase), None) => writeln!(out, "  where        step {phase}")?,
        _ => {}
    }
    let lines = [
        ("sent", &finding.sent),
        ("came", &finding.came),
        ("had to come", &finding.had_to_come),
        ("because", &finding.reason),
    ];
    for (name, text) in lines {
        if let Some(text) = text {
            writeln!(out, "  {name:<12} {text}")?;
        }
    }
    Ok(())
}

fn write_verdict(out: &mut impl Write, run: &RunReport) -> io::Result<()> {
    let style = style_of(run.verdict);
    let (requests, seconds) = (grouped(run.requests), Duration::from_nanos(run.duration_ns).as_secs_f64());
    let rate = grouped(per_second(run.requests, run.duration_ns));
    write!(out, "{style}{}{style:#} {}: ", run.verdict.word(), run.workload)?;
    match (run.verdict, run.findings.first()) {
        (Verdict::Pass, _) | (_, None) => {
            writeln!(out, "{requests} requests in {seconds:.2} s ({rate} per second), no violation")
        }
        (Verdict::Unreachable, Some(first)) => writeln!(out, "{}", first.summary),
        (_, Some(first)) => {
            let clause = first.clause.map_or(String::new(), |clause| format!(" ({})", clause.id));
            writeln!(out, "{}{clause}, after {requests} requests in {seconds:.2} s", first.summary)
        }
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
