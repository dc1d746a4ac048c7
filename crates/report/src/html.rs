//! The report as one HTML page: without scripts or external resources, light and dark, readable on a telephone.

use std::io::{self, Write};
use std::time::Duration;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use protocol::{Clause, Level};
use verdict::{Finding, Verdict};

use crate::format::{grouped, latency, mark_of};
use crate::frequency;
use crate::model::{Item, Report, RunReport, WorkloadRun};
use crate::origin::Origin;
use crate::plots::plots;
use crate::statistics::CommandStatistics;
use crate::window::picture;

/// The style sheet of every page.
const STYLE: &str = include_str!("page.css");

/// Writes the page.
///
/// # Errors
/// The output cannot be written.
pub fn write(mut out: impl Write, report: &Report) -> io::Result<()> {
    let body = html! {
        header {
            h1 { "Gauntlet " span.badge.(class_of(report.verdict)) { (report.verdict.word()) } }
            p { "Target: " code { (report.target) } }
            (origin(&report.origin))
        }
        @if report.runs.len() > 1 { (runs(report)) }
        (frequency::tables(&report.frequencies))
        @for (number, run) in report.runs.iter().enumerate() { (one_run(report, number, run)) }
        footer { p { "Report version " (report.report) "." } }
    };
    let title = format!("Gauntlet: {}", report.verdict.word());
    out.write_all(page(&title, &body).into_string().as_bytes())?;
    out.flush()
}

/// Returns when, where and with which version a report was made.
#[must_use]
pub fn origin(origin: &Origin) -> Markup {
    html! {
        p.origin { "Gauntlet " (origin.version) " on " (origin.host) ", " time datetime=(origin.began()) { (origin.began()) } }
    }
}

/// Returns a self-contained page.
#[must_use]
pub fn page(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    }
}

/// Returns the CSS class of a verdict.
#[must_use]
pub const fn class_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Warn => "warn",
        Verdict::Unknown | Verdict::Unreachable => "unknown",
        Verdict::Expected => "expected",
        Verdict::NotRun => "notrun",
    }
}

/// Returns a table of several runs.
fn runs(report: &Report) -> Markup {
    html! {
        div.wide tabindex="0" {
            table {
                thead { tr { th { "run" } th { "seed" } th { "clients" } th { "verdict" } th { "violated clauses" } } }
                tbody {
                    @for (number, run) in report.runs.iter().enumerate() {
                        tr {
                            td { a href={ "#run-" (number) } { (number + 1) } }
                            td { (run.seed) }
                            td { (run.concurrency) }
                            td class=(class_of(run.verdict)) { (run.verdict.word()) }
                            td { (violated(run)) }
                        }
                    }
                }
            }
        }
    }
}

fn violated(run: &RunReport) -> String {
    let clauses: Vec<String> =
        run.violated_clauses().iter().map(|(clause, count)| format!("{clause} ({count})")).collect();
    clauses.join(", ")
}

fn one_run(report: &Report, number: usize, run: &RunReport) -> Markup {
    html! {
        section #{ "run-" (number) } {
            h2 { @if report.runs.len() > 1 { "Run " (number + 1) } @else { "Result" } ": " (run.verdict.word()) }
            @if let Some(cause) = &run.cause { p { strong { (cause) } } }
            ul.summary {
                @for (verdict, count) in run.counts() {
                    li class=(class_of(verdict)) { strong { (count) } " " (verdict.word().to_lowercase()) }
                }
            }
            @if let Some(hint) = &run.hint { p { "Hint: " (hint) } }
            (options(run))
            @for verdict in [Verdict::Fail, Verdict::Unknown, Verdict::Warn, Verdict::Expected] {
                @if run.with(verdict).next().is_some() {
                    h3 { (heading(verdict)) }
                    @for item in run.most_severe(verdict) { (one_item(number, item, true)) }
                }
            }
            h3 { "Matrix" }
            (matrix(number, run))
            @if run.with(Verdict::NotRun).next().is_some() { h3 { "Not run" } (not_run(number, run)) }
            @if let Some(workload) = run.replay() { h3 { "Replay" } (replay(workload)) }
            @if run.items.iter().any(is_observation) {
                h3 { "Behaviour that the protocol does not specify" }
                dl {
                    @for item in run.items.iter().filter(|item| is_observation(item)) {
                        dt { (item.id) }
                        dd { (item.observed.as_deref().unwrap_or_default()) }
                    }
                }
            }
            @if run.with(Verdict::Pass).next().is_some() { h3 { "Passed" } }
            @for item in run.with(Verdict::Pass) { (one_item(number, item, false)) }
        }
    }
}

/// Returns the options of a run as flags.
#[must_use]
pub fn options(run: &RunReport) -> Markup {
    html! { p.options { code { (run.options.as_flags()) } } }
}

/// Returns what was not run, grouped by the cause.
#[must_use]
pub fn not_run(number: usize, run: &RunReport) -> Markup {
    let mut causes: Vec<(&str, Vec<&Item>)> = Vec::new();
    for item in run.with(Verdict::NotRun) {
        let cause = item.cause.as_deref().unwrap_or("no cause is known");
        match causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, items)) => items.push(item),
            None => causes.push((cause, vec![item])),
        }
    }
    html! {
        @for (cause, items) in causes {
            details {
                summary { (cause) ": " (items.len()) }
                ul { @for item in items { li #(anchor(number, item)) { strong { (item.id) } " " (item.requirement) } } }
            }
        }
    }
}

/// Returns whether an item only describes behaviour that the protocol does not specify.
fn is_observation(item: &Item) -> bool {
    item.level == Level::Info && item.observed.is_some()
}

fn heading(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "Failures",
        Verdict::Warn => "Warnings",
        Verdict::Expected => "Expected failures",
        _ => "Inconclusive",
    }
}

/// Returns the matrix with a row for each clause and a cell for each of its cases.
fn matrix(number: usize, run: &RunReport) -> Markup {
    let mut clauses: Vec<Clause> = Vec::new();
    for clause in run.items.iter().filter(|item| item.is_case()).filter_map(|item| item.clause) {
        if clauses.last() != Some(&clause) {
            clauses.push(clause);
        }
    }
    html! {
        table.clauses {
            @for clause in &clauses {
                @let items: Vec<&Item> =
                    run.items.iter().filter(|item| item.is_case() && item.clause == Some(*clause)).collect();
                @if !items.is_empty() {
                    tr {
                        th title=(clause.rule) { (clause.id) }
                        td.level { (clause.level.word()) }
                        td.cells {
                            @for item in items {
                                a.cell.(class_of(item.verdict)) href={ "#" (anchor(number, item)) }
                                    title={ (item.id) ": " (item.verdict.word()) } { (mark_of(item.verdict)) }
                            }
                        }
                        td.title { (clause.title) }
                    }
                }
            }
            @for item in run.items.iter().filter(|item| !item.is_case()) {
                tr {
                    td {}
                    td.level { (item.level.word()) }
                    td.cells {
                        a.cell.(class_of(item.verdict)) href={ "#" (anchor(number, item)) }
                            title={ (item.id) ": " (item.verdict.word()) } { (mark_of(item.verdict)) }
                    }
                    td.title { (item.id) }
                }
            }
        }
    }
}

fn anchor(number: usize, item: &Item) -> String {
    format!("run-{number}-{}", item.id.replace('/', "-"))
}

/// Returns an item in full; closed unless `is_open`.
#[must_use]
pub fn one_item(number: usize, item: &Item, is_open: bool) -> Markup {
    html! {
        details #(anchor(number, item)) open[is_open] {
            summary {
                span.badge.(class_of(item.verdict)) { (item.verdict.word()) }
                " " strong { (item.id) } " " (item.requirement)
            }
            @if let Some(cause) = &item.cause { p { (cause) } }
            @if let Some(observed) = &item.observed { p { "Observed: " (observed) } }
            @if item.repetitions > 0 { p { "Decided in repetition " (item.repetitions) ", because this machine was busy." } }
            @for finding in item.findings.iter().take(FINDINGS_SHOWN) { (one_finding(finding)) }
            @if let Some(further @ 1..) = item.findings.len().checked_sub(FINDINGS_SHOWN) {
                p { "and " (further) " more findings, which the JSON report contains" }
            }
            @if is_open && !item.usual_cause.is_empty() { p { "Usual cause: " (item.usual_cause) } }
            @for line in &item.reproduction { pre.reproduction { (line) } }
            @if !item.wire.is_empty() { (wire(item)) }
        }
    }
}

/// The number of findings of an item that a page shows. A fault may have thousands of the same kind.
const FINDINGS_SHOWN: usize = 20;

fn one_finding(finding: &Finding) -> Markup {
    let place = match (finding.phase, finding.client) {
        (Some(phase), Some(client)) => Some(format!("step {phase}, client {client}")),
        (Some(phase), None) => Some(format!("step {phase}")),
        _ => None,
    };
    html! {
        p { strong { (finding.summary) } }
        dl.finding {
            @if let Some(clause) = finding.clause { dt { "clause" } dd { (clause) } }
            @if let Some(place) = place { dt { "location" } dd { (place) } }
            @if let Some(sent) = &finding.sent { dt { "sent" } dd { code { (sent) } } }
            @if let Some(expected) = &finding.expected { dt { "expected" } dd { code { (expected) } } }
            @if let Some(actual) = &finding.actual { dt { "actual" } dd { code { (marked(actual, finding.differs_at)) } } }
            @if let Some(reason) = &finding.reason { dt { "reason" } dd { (reason) } }
        }
        @if let Some(window) = &finding.window { (picture(window)) }
    }
}

/// Marks a text from the first difference on.
fn marked(text: &str, differs_at: Option<usize>) -> Markup {
    let at = differs_at.and_then(|at| text.char_indices().nth(at)).map(|(at, _)| at);
    html! {
        @match at {
            Some(at) => { (text[..at]) mark { (text[at..]) } },
            None => (text),
        }
    }
}

fn wire(item: &Item) -> Markup {
    html! {
        div.wide tabindex="0" {
            table.wire {
                @for entry in &item.wire {
                    tr.violation[entry.is_violation] {
                        td.time { (latency(entry.at_ns)) }
                        td { (entry.client) }
                        td { (entry.direction.arrow()) }
                        td { code { (entry.content) } }
                    }
                }
            }
        }
        @if item.wire_omitted > 0 { p { "and " (item.wire_omitted) " more" } }
    }
}

fn replay(run: &WorkloadRun) -> Markup {
    let seconds = Duration::from_nanos(run.duration_ns).as_secs_f64();
    html! {
        p { (grouped(run.requests)) " requests in " (format!("{seconds:.2}")) " s. Plan " code { (run.plan_sha256) } "." }
        (plots(run))
        div.wide tabindex="0" {
            table.figures {
                thead {
                    tr {
                        @for name in ["step", "command", "requests", "per second", "p50", "p99", "p99.9", "max"] {
                            th { (name) }
                        }
                    }
                }
                tbody {
                    @for phase in &run.phases {
                        @for (number, command) in phase.commands.iter().enumerate() {
                            (replay_row(if number == 0 { phase.phase } else { "" }, command))
                        }
                    }
                }
            }
        }
    }
}

fn replay_row(phase: &str, command: &CommandStatistics) -> Markup {
    html! {
        tr {
            td { (phase) }
            td { (command.command) }
            td { (grouped(command.requests)) }
            td { (grouped(command.requests_per_second)) }
            td { (latency(command.latency_ns_p50)) }
            td { (latency(command.latency_ns_p99)) }
            td { (latency(command.latency_ns_p999)) }
            td { (latency(command.latency_ns_max)) }
        }
    }
}
