//! Plots of a workload as SVG: latency by percentile, and replies over time.

use maud::{Markup, html};

use crate::format::{grouped, latency};
use crate::model::WorkloadRun;
use crate::statistics::{LatencyAt, Pace, per_second};

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 180.0;
/// The space for the labels at the left, and at the other sides.
const LEFT: f64 = 64.0;
const MARGIN: f64 = 24.0;

/// A label on an axis: its place from 0 to 1, and its text.
type Label = (f64, String);

/// Returns the plots of a workload; none if it has no replies.
pub(crate) fn plots(run: &WorkloadRun) -> Markup {
    html! {
        @if run.latencies.len() > 1 && run.pace.replies.len() > 1 {
            div.plots { (latencies(&run.latencies)) (pace(&run.pace)) }
        }
    }
}

/// Latency by percentile. Both axes are logarithmic: the horizontal one counts the share of requests that took longer.
fn latencies(latencies: &[LatencyAt]) -> Markup {
    let log = |ns: u64| as_f64(ns.max(1)).log10();
    let (low, high) = (
        latencies.iter().map(|at| log(at.latency_ns)).fold(f64::INFINITY, f64::min).floor(),
        latencies.iter().map(|at| log(at.latency_ns)).fold(0.0, f64::max).ceil(),
    );
    let span = (high - low).max(1.0);
    // 0 % is at the left, 99.99 % and more at the right.
    let across = |percentile: f64| -(1.0 - percentile / 100.0).max(1e-4).log10() / 4.0;
    let points: Vec<(f64, f64)> =
        latencies.iter().map(|at| (across(at.percentile), (log(at.latency_ns) - low) / span)).collect();
    let below =
        [0.0, 90.0, 99.0, 99.9, 99.99].map(|percentile| (across(percentile), format!("p{percentile}")));
    let mut beside: Vec<Label> = Vec::new();
    let mut decade = low;
    while decade <= high {
        beside.push(((decade - low) / span, latency(power_of_ten(decade))));
        decade += 1.0;
    }
    chart("latency by percentile", &points, &below, &beside)
}

/// Replies per second over time.
fn pace(pace: &Pace) -> Markup {
    // The last slice is not complete.
    let complete = &pace.replies[..pace.replies.len() - 1];
    let rates: Vec<u64> = complete.iter().map(|replies| per_second(*replies, pace.slice_ns)).collect();
    let top = rates.iter().copied().max().unwrap_or(1).max(1);
    let count = as_f64(u64::try_from(rates.len()).unwrap_or(u64::MAX));
    let points: Vec<(f64, f64)> = (0u32..)
        .zip(&rates)
        .map(|(number, rate)| (f64::from(number) / count.max(1.0), as_f64(*rate) / as_f64(top)))
        .collect();
    let end_ns = pace.slice_ns.saturating_mul(u64::try_from(rates.len()).unwrap_or(u64::MAX));
    let below = [(0.0, "0 s".to_owned()), (1.0, latency(end_ns))];
    let beside = [(0.0, "0".to_owned()), (1.0, format!("{}/s", grouped(top)))];
    chart("replies per second over time", &points, &below, &beside)
}

fn chart(title: &str, points: &[(f64, f64)], below: &[Label], beside: &[Label]) -> Markup {
    let x = |place: f64| LEFT + place * (WIDTH - LEFT - MARGIN);
    let y = |place: f64| HEIGHT - MARGIN - place * (HEIGHT - 2.0 * MARGIN);
    let path: Vec<String> =
        points.iter().map(|(across, up)| format!("{:.1},{:.1}", x(*across), y(*up))).collect();
    html! {
        figure {
            figcaption { (title) }
            svg.plot role="img" aria-label=(title) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } {
                @for (place, text) in beside {
                    line.grid x1=(x(0.0)) x2=(x(1.0)) y1=(y(*place)) y2=(y(*place)) {}
                    text x=(LEFT - 6.0) y=(y(*place) + 4.0) text-anchor="end" { (text) }
                }
                @for (place, text) in below {
                    text x=(x(*place)) y=(HEIGHT - 6.0) text-anchor="middle" { (text) }
                }
                polyline points=(path.join(" ")) {}
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a place in a drawing")]
fn as_f64(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a power of ten below one day in nanoseconds"
)]
fn power_of_ten(exponent: f64) -> u64 {
    10f64.powf(exponent.clamp(0.0, 14.0)).round() as u64
}
