//! The timeline of a run as a drawing: bystanders' latencies and the target's resources, with the faults shaded.

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::outcome::Timeline;
use crate::percentile::percentile;

const SIZE: (u32, u32) = (960, 300);

/// The length of the time slices over which percentiles are computed, in nanoseconds.
const SLICE_NS: u64 = 250_000_000;

const NS_PER_SECOND: f64 = 1e9;

/// A line of a chart: name, colour and points.
type Line = (&'static str, RGBColor, Vec<(f64, f64)>);

/// Draws a timeline as SVG.
///
/// # Errors
/// The drawing library failed; the error is its message.
pub(crate) fn draw(timeline: &Timeline) -> Result<String, String> {
    let mut drawn = String::new();
    let waits = [
        ("p50", RGBColor(46, 125, 50), slices(timeline, 50)),
        ("p99", RGBColor(198, 40, 40), slices(timeline, 99)),
    ];
    chart(&mut drawn, "latency of bystanders in milliseconds", timeline, &waits)?;
    if !timeline.samples.is_empty() {
        let sampled = |measure: fn(&driver::history::Sample) -> f64| {
            timeline.samples.iter().map(|(at_ns, sample)| (seconds(*at_ns), measure(sample))).collect()
        };
        #[expect(clippy::cast_precision_loss, reason = "figures to be drawn")]
        let lines: [Line; 2] = [
            ("MiB of memory", RGBColor(21, 101, 192), sampled(|sample| (sample.memory_bytes >> 20) as f64)),
            ("file descriptors", RGBColor(239, 108, 0), sampled(|sample| sample.descriptors as f64)),
        ];
        chart(&mut drawn, "resources of the target", timeline, &lines)?;
    }
    Ok(drawn)
}

fn chart(drawn: &mut String, title: &str, timeline: &Timeline, lines: &[Line]) -> Result<(), String> {
    let area = SVGBackend::with_string(drawn, SIZE).into_drawing_area();
    fill(&area, title, timeline, lines).map_err(|error| error.to_string())?;
    area.present().map_err(|error| error.to_string())
}

fn fill<'d>(
    area: &DrawingArea<SVGBackend<'d>, Shift>,
    title: &str,
    timeline: &Timeline,
    lines: &[Line],
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'d> as DrawingBackend>::ErrorType>> {
    let points = || lines.iter().flat_map(|(_, _, points)| points);
    let end = points().map(|(at, _)| *at).fold(1.0, f64::max);
    let top = points().map(|(_, value)| *value).fold(1.0, f64::max) * 1.05;
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(28)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..end, 0.0..top)?;
    chart.configure_mesh().light_line_style(TRANSPARENT).x_desc("seconds").draw()?;
    let shaded = timeline.spans.iter().filter(|(begun_ns, _)| *begun_ns > 0);
    chart.draw_series(shaded.map(|&(begun_ns, over_ns)| {
        Rectangle::new([(seconds(begun_ns), 0.0), (seconds(over_ns), top)], BLACK.mix(0.07).filled())
    }))?;
    for (name, colour, points) in lines {
        let colour = *colour;
        chart
            .draw_series(LineSeries::new(points.iter().copied(), &colour))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()?;
    Ok(())
}

/// Returns a percentile for each time slice, in milliseconds.
fn slices(timeline: &Timeline, percent: usize) -> Vec<(f64, f64)> {
    let end_ns = timeline.requests.last_key_value().map_or(0, |(due_ns, _)| *due_ns);
    let slice = |number: u64| {
        let from_ns = number * SLICE_NS;
        let mut waits: Vec<u64> =
            timeline.requests.range(from_ns..from_ns + SLICE_NS).map(|(_, took)| *took).collect();
        waits.sort_unstable();
        (!waits.is_empty()).then(|| (seconds(from_ns), seconds(percentile(&waits, percent)) * 1e3))
    };
    (0..=end_ns / SLICE_NS).filter_map(slice).collect()
}

#[expect(clippy::cast_precision_loss, reason = "figures to be drawn")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / NS_PER_SECOND
}
