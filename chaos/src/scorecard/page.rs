//! The report as one HTML page: the scorecard, the timeline, and each scene with its bytes.

use std::io::{self, Write};

use maud::{Markup, PreEscaped, html};
use report::Item;
use report::Report;
use report::html::class_of;
use report::html::not_run;
use report::html::one_item;
use report::html::options;
use report::html::origin;
use report::html::page;
use verdict::Verdict;

use crate::chaos_protocol::ChaosProtocol;
use crate::harm::word;
use crate::outcome::Timeline;
use crate::scorecard::plot;

/// Writes the page, with the timelines of each run.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn write_page(
    mut out: impl Write,
    protocol: &ChaosProtocol,
    report: &Report,
    timelines: &[Vec<Timeline>],
) -> io::Result<()> {
    let body = html! {
        header {
            h1 { "Gauntlet chaos " span.badge.(class_of(report.verdict)) { (report.verdict.word()) } }
            p { "Target: " code { (report.target) } }
            (origin(&report.origin))
        }
        @for (number, (run, timelines)) in report.runs.iter().zip(timelines).enumerate() {
            section {
                h2 { "Seed " (run.seed) ": " (run.verdict.word()) }
                (options(run))
                @for workload in &run.workloads { p.options { "Plan " code { (workload.plan_sha256) } } }
                @for verdict in [Verdict::Fail, Verdict::Unknown, Verdict::Warn] {
                    @for item in run.with(verdict) { (one_item(number, item, true)) }
                }
                h3 { "Scorecard" }
                (scorecard(protocol, number, &run.items))
                h3 { "Timeline" }
                @for timeline in timelines { (timeline_of(timeline)) }
                @if run.with(Verdict::NotRun).next().is_some() { h3 { "Not run" } (not_run(number, run)) }
                @if run.with(Verdict::Pass).next().is_some() { h3 { "Held" } }
                @for item in run.with(Verdict::Pass) { (one_item(number, item, false)) }
            }
        }
    };
    out.write_all(
        page(&format!("Gauntlet chaos: {}", report.verdict.word()), &body).into_string().as_bytes(),
    )?;
    out.flush()
}

/// Returns a table with a row for each fault of the run and a column for each state.
fn scorecard(protocol: &ChaosProtocol, run: usize, items: &[Item]) -> Markup {
    let is_in_run =
        |fault: &str| items.iter().any(|item| item.id.rsplit_once('/').is_some_and(|(id, _)| id == fault));
    html! {
        div.wide tabindex="0" {
            table {
                thead { tr { th { "fault" } @for state in protocol.states { th { (state.name) } } } }
                tbody {
                    @for fault in protocol.faults().filter(|fault| is_in_run(fault.id)) {
                        tr {
                            th { (fault.id) }
                            @for state in protocol.states {
                                @let id = format!("{}/{}", fault.id, state.name);
                                @match items.iter().find(|item| item.id == id) {
                                    Some(item) => {
                                        td class=(class_of(item.verdict)) {
                                            a href={ "#run-" (run) "-" (id.replace('/', "-")) } { (word(item.verdict)) }
                                        }
                                    },
                                    None => td {},
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn timeline_of(timeline: &Timeline) -> Markup {
    match plot::draw(timeline) {
        Ok(drawn) => {
            html! { figure.wide tabindex="0" role="img" aria-label="Latency of bystanders and resources of the target over time" { (PreEscaped(drawn)) } }
        }
        Err(error) => html! { p { "The timeline cannot be drawn: " (error) } },
    }
}
