//! Statistics of requests: counts, rates and latencies by phase and command, derived from the history.

mod pace;

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use driver::exchanges::Exchange;

pub use pace::Pace;

/// Collects the statistics of a run.
#[derive(Debug, Default)]
pub struct Statistics {
    phases: Vec<Phase>,
    pace: Pace,
    /// The times of the first and the last event, in nanoseconds.
    span_ns: Option<(u64, u64)>,
}

#[derive(Debug)]
struct Phase {
    number: u32,
    begun_ns: u64,
    last_ns: u64,
    latencies: BTreeMap<&'static str, Histogram<u32>>,
}

/// The statistics of a phase.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseStatistics {
    /// The name of the phase.
    pub phase: &'static str,
    /// The time from its beginning to its last reply, in nanoseconds.
    pub duration_ns: u64,
    /// The statistics of its requests, by command.
    pub commands: Vec<CommandStatistics>,
}

/// The latency below which a share of the requests was answered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LatencyAt {
    /// The share, in percent.
    pub percentile: f64,
    /// The latency, in nanoseconds.
    pub latency_ns: u64,
}

/// The percentiles of a plot: closer together where latencies differ most.
const PERCENTILES: [f64; 12] = [0.0, 25.0, 50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.9, 99.95, 100.0];

/// The statistics of one command in one phase. A latency is the time from before the request was written until after
/// its reply was read, in nanoseconds, accurate to 0.1 %.
#[derive(Clone, Debug, Serialize)]
pub struct CommandStatistics {
    /// The command.
    pub command: &'static str,
    /// The number of requests that were answered.
    pub requests: u64,
    /// The number of requests per second of the phase.
    pub requests_per_second: u64,
    /// The median latency.
    pub latency_ns_p50: u64,
    /// The 99th percentile of the latency.
    pub latency_ns_p99: u64,
    /// The 99.9th percentile of the latency.
    pub latency_ns_p999: u64,
    /// The largest latency.
    pub latency_ns_max: u64,
}

/// The precision of histograms. Three digits suffice for a report, and a histogram takes at most a few hundred
/// kilobytes.
const SIGNIFICANT_DIGITS: u8 = 3;

/// The largest latency that is recorded: one day.
const LATENCY_NS_MAX: u64 = 86_400_000_000_000;

impl Statistics {
    /// Records the time of an event.
    pub fn note_time(&mut self, at_ns: u64) {
        let (first, last) = self.span_ns.unwrap_or((at_ns, at_ns));
        self.span_ns = Some((first.min(at_ns), last.max(at_ns)));
    }

    /// Records that a client began a phase. The first client begins it for all.
    pub fn begin_phase(&mut self, number: u32, at_ns: u64) {
        if self.phases.last().is_none_or(|phase| phase.number != number) {
            self.phases.push(Phase { number, begun_ns: at_ns, last_ns: at_ns, latencies: BTreeMap::new() });
        }
    }

    /// Records an exchange.
    pub fn add(&mut self, command: &'static str, replied: &Exchange<'_>) {
        let Some(phase) = self.phases.last_mut() else { return };
        phase.last_ns = phase.last_ns.max(replied.replied_ns);
        self.pace.add(replied.replied_ns);
        let latencies = phase.latencies.entry(command).or_insert_with(new_histogram);
        latencies.saturating_record(replied.replied_ns.saturating_sub(replied.sent_ns));
    }

    /// Returns the time from the first event to the last, in nanoseconds.
    #[must_use]
    pub fn duration_ns(&self) -> u64 {
        self.span_ns.map_or(0, |(first, last)| last - first)
    }

    /// Returns the time of the last event, in nanoseconds.
    #[must_use]
    pub fn last_ns(&self) -> u64 {
        self.span_ns.map_or(0, |(_, last)| last)
    }

    /// Returns the number of requests that were answered.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.phases.iter().flat_map(|phase| phase.latencies.values()).map(Histogram::len).sum()
    }

    /// Returns the replies over time.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.pace.clone()
    }

    /// Returns the latency of all requests by percentile; nothing without requests.
    #[must_use]
    pub fn latencies(&self) -> Vec<LatencyAt> {
        let mut all = new_histogram();
        for latencies in self.phases.iter().flat_map(|phase| phase.latencies.values()) {
            // The limits of all histograms are equal.
            let _ = all.add(latencies);
        }
        let at =
            |percentile: f64| LatencyAt { percentile, latency_ns: all.value_at_quantile(percentile / 100.0) };
        if all.is_empty() { Vec::new() } else { PERCENTILES.map(at).to_vec() }
    }

    /// Returns the statistics of each phase; `names` are the names of the phases from 1.
    #[must_use]
    pub fn phases(&self, names: &[&'static str]) -> Vec<PhaseStatistics> {
        self.phases
            .iter()
            .map(|phase| {
                let duration_ns = phase.last_ns - phase.begun_ns;
                let name = names.get((phase.number as usize).saturating_sub(1)).copied();
                let figures = |(command, latencies): (&&'static str, &Histogram<u32>)| {
                    command_statistics(command, latencies, duration_ns)
                };
                let commands = phase.latencies.iter().map(figures).collect();
                PhaseStatistics { phase: name.unwrap_or("?"), duration_ns, commands }
            })
            .collect()
    }
}

fn new_histogram() -> Histogram<u32> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, SIGNIFICANT_DIGITS).expect("the limits are ordered")
}

fn command_statistics(
    command: &'static str,
    latencies: &Histogram<u32>,
    duration_ns: u64,
) -> CommandStatistics {
    CommandStatistics {
        command,
        requests: latencies.len(),
        requests_per_second: per_second(latencies.len(), duration_ns),
        latency_ns_p50: latencies.value_at_quantile(0.5),
        latency_ns_p99: latencies.value_at_quantile(0.99),
        latency_ns_p999: latencies.value_at_quantile(0.999),
        latency_ns_max: latencies.max(),
    }
}

/// Returns the rate per second, rounded down.
#[must_use]
pub fn per_second(count: u64, duration_ns: u64) -> u64 {
    let rate = u128::from(count) * 1_000_000_000 / u128::from(duration_ns.max(1));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use driver::exchanges::Place;

    use super::*;

    #[test]
    fn a_phase_lasts_from_its_beginning_to_its_last_reply() {
        let mut statistics = Statistics::default();
        statistics.begin_phase(1, 0);
        let place =
            Place { client: 0, connection: 1, replies: 0, has_sent: true, is_mid_request: false, idle_ns: 0 };
        for number in 1..=1000 {
            let (sent_ns, replied_ns) = (number * 1_000_000, number * 1_000_000 + number * 1000);
            statistics.add("QUERY", &Exchange { place, request: b"", reply: b"", sent_ns, replied_ns });
        }
        let phases = statistics.phases(&["one"]);
        let query = &phases[0].commands[0];
        assert_eq!((phases[0].phase, phases[0].duration_ns, query.requests), ("one", 1_001_000_000, 1000));
        let within = |value: u64, expected: u64| value.abs_diff(expected) <= expected / 1000;
        assert!(within(query.latency_ns_p50, 500_000), "{}", query.latency_ns_p50);
        assert!(within(query.latency_ns_p99, 990_000), "{}", query.latency_ns_p99);
        assert!(within(query.latency_ns_p999, 999_000), "{}", query.latency_ns_p999);
        assert!(within(query.latency_ns_max, 1_000_000), "{}", query.latency_ns_max);
    }
}
