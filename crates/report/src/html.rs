//! The report as one HTML page: no script, nothing from elsewhere, light and dark, readable on a telephone.

use std::io::{self, Write};
use std::time::Duration;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use protocol::{Clause, Level};

use crate::window::picture;

use crate::model::{Item, Report, RunReport, WorkloadRun};
use crate::statistics::CommandStatistics;
use crate::terminal::{grouped, latency, mark_of};
use verdict::Finding;
use verdict::Verdict;

/// How every page of the kit looks.
const STYLE: &str = include_str!("page.css");

/// Writes the page.
///
/// # Errors
/// It cannot be written.
pub fn write(mut out: impl Write, report: &Report) -> io::Result<()> {
    let body = html! {
        header {
            h1 { "Gauntlet " span.badge.(class_of(report.verdict)) { (report.verdict.word()) } }
            p { "Target: " code { (report.target) } }
        }
        @if report.runs.len() > 1 { (runs(report)) }
        @for (number, run) in report.runs.iter().enumerate() { (one_run(report, number, run)) }
        footer { p { "Gauntlet " (env!("CARGO_PKG_VERSION")) ", report version " (report.report) "." } }
    };
    let title = format!("Gauntlet: {}", report.verdict.word());
    out.write_all(page(&title, &body).into_string().as_bytes())?;
    out.flush()
}

/// A whole page that needs nothing else.
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
            body { (body) }
        }
    }
}

/// The class that colours a verdict.
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

/// Several runs in a table.
fn runs(report: &Report) -> Markup {
    html! {
        div.wide {
            table {
                thead { tr { th { "run" } th { "seed" } th { "clients" } th { "verdict" } th { "broken clauses" } } }
                tbody {
                    @for (number, run) in report.runs.iter().enumerate() {
                        tr {
                            td { a href={ "#run-" (number) } { (number + 1) } }
                            td { (run.seed) }
                            td { (run.concurrency) }
                            td class=(class_of(run.verdict)) { (run.verdict.word()) }
                            td { (broken(run)) }
                        }
                    }
                }
            }
        }
    }
}

fn broken(run: &RunReport) -> String {
    let clauses: Vec<String> =
        run.broken_clauses().iter().map(|(clause, count)| format!("{clause} ({count})")).collect();
    clauses.join(", ")
}

fn one_run(report: &Report, number: usize, run: &RunReport) -> Markup {
    let options: Vec<String> = run.options.iter().map(|(name, value)| format!("--{name} {value}")).collect();
    html! {
        section #{ "run-" (number) } {
            @if report.runs.len() > 1 { h2 { "Run " (number + 1) ": " (run.verdict.word()) } }
            @if let Some(cause) = &run.cause { p { strong { (cause) } } }
            ul.summary {
                @for verdict in Verdict::ALL {
                    @let count = run.with(verdict).count();
                    @if count > 0 { li class=(class_of(verdict)) { strong { (count) } " " (verdict.word().to_lowercase()) } }
                }
            }
            p.options { code { (options.join(" ")) } }
            h3 { "Matrix" }
            (matrix(number, run))
            @for verdict in [Verdict::Fail, Verdict::Unknown, Verdict::Warn, Verdict::Expected] {
                @if run.with(verdict).next().is_some() {
                    h3 { (heading(verdict)) }
                    @for item in run.with(verdict) { (one_item(number, item, true)) }
                }
            }
            @if let Some(workload) = run.replay() { h3 { "Replay" } (replay(workload)) }
            @if run.items.iter().any(is_observation) {
                h3 { "Where the protocol is silent" }
                dl {
                    @for item in run.items.iter().filter(|item| is_observation(item)) {
                        dt { (item.id) }
                        dd { (item.observed.as_deref().unwrap_or_default()) }
                    }
                }
            }
            h3 { "All others" }
            @for item in run.with(Verdict::Pass).chain(run.with(Verdict::NotRun)) { (one_item(number, item, false)) }
        }
    }
}

/// Whether it says what the target does where the protocol says nothing.
fn is_observation(item: &Item) -> bool {
    item.level == Level::Info && item.observed.is_some()
}

fn heading(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "Failures",
        Verdict::Warn => "Warnings",
        Verdict::Expected => "Expected failures",
        _ => "Not decided",
    }
}

/// A row for each clause, a cell for each of its cases.
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
                @let items: Vec<&Item> = run.items.iter().filter(|item| item.clause == Some(*clause)).collect();
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
                        td.says { (clause.title) }
                    }
                }
            }
        }
    }
}

fn anchor(number: usize, item: &Item) -> String {
    format!("run-{number}-{}", item.id.replace('/', "-"))
}

/// An item in full, folded away where nothing is wrong with it.
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
            @for finding in &item.findings { (one_finding(finding)) }
            @if is_open && !item.usual_cause.is_empty() { p { "Usual cause: " (item.usual_cause) } }
            @for line in &item.reproduction { pre.again { (line) } }
            @if !item.wire.is_empty() { (wire(item)) }
        }
    }
}

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
            @if let Some(place) = place { dt { "where" } dd { (place) } }
            @if let Some(sent) = &finding.sent { dt { "sent" } dd { code { (sent) } } }
            @if let Some(expected) = &finding.expected { dt { "expected" } dd { code { (expected) } } }
            @if let Some(came) = &finding.actual { dt { "actual" } dd { code { (came_with_mark(came, finding.wrong_at)) } } }
            @if let Some(reason) = &finding.reason { dt { "because" } dd { (reason) } }
        }
        @if let Some(window) = &finding.window { (picture(window)) }
    }
}

/// What came, with the part that is wrong marked.
fn came_with_mark(came: &str, wrong_at: Option<usize>) -> Markup {
    let at = wrong_at.and_then(|at| came.char_indices().nth(at)).map(|(at, _)| at);
    html! {
        @match at {
            Some(at) => { (came[..at]) mark { (came[at..]) } },
            None => (came),
        }
    }
}

fn wire(item: &Item) -> Markup {
    html! {
        div.wide {
            table.wire {
                @for entry in &item.wire {
                    tr.wrong[entry.is_wrong] {
                        td.time { (latency(entry.at_ns)) }
                        td { (entry.client) }
                        td { (entry.way) }
                        td { code { (entry.what) } }
                    }
                }
            }
        }
        @if item.wire_left_out > 0 { p { "and " (item.wire_left_out) " more" } }
    }
}

fn replay(run: &WorkloadRun) -> Markup {
    let seconds = Duration::from_nanos(run.duration_ns).as_secs_f64();
    html! {
        p { (grouped(run.requests)) " requests in " (format!("{seconds:.2}")) " s. Plan " code { (run.plan_sha256) } "." }
        div.wide {
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
