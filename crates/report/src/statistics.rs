//! How many requests, how fast, with which latencies: by phase and command, from the history.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use driver::exchanges::Exchange;

/// Counts the requests of a run.
#[derive(Debug, Default)]
pub struct Statistics {
    phases: Vec<Phase>,
    /// When the first and the last event happened.
    span_ns: Option<(u64, u64)>,
}

#[derive(Debug)]
struct Phase {
    number: u32,
    begun_ns: u64,
    last_ns: u64,
    latencies: BTreeMap<&'static str, Histogram<u32>>,
}

/// A phase in figures.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseStatistics {
    /// Its name.
    pub phase: &'static str,
    /// From its beginning to its last reply.
    pub duration_ns: u64,
    /// Its requests, by what was asked.
    pub commands: Vec<CommandStatistics>,
}

/// The requests of one kind in one phase. Latencies are from before the request was written to after its reply was
/// read, and true to a thousandth.
#[derive(Clone, Debug, Serialize)]
pub struct CommandStatistics {
    /// What was asked.
    pub command: &'static str,
    /// How many were answered.
    pub requests: u64,
    /// How many of them in a second of the phase.
    pub requests_per_second: u64,
    /// Half took at most this.
    pub latency_ns_p50: u64,
    /// 99 in a hundred took at most this.
    pub latency_ns_p99: u64,
    /// 999 in a thousand took at most this.
    pub latency_ns_p999: u64,
    /// None took more.
    pub latency_ns_max: u64,
}

/// Three digits: enough for a report, and a few hundred kilobytes for each histogram at the most.
const SIGNIFICANT_DIGITS: u8 = 3;

/// A day, the longest that a reply can be waited for.
const LATENCY_NS_MAX: u64 = 86_400_000_000_000;

impl Statistics {
    /// An event happened.
    pub fn note_time(&mut self, at_ns: u64) {
        let (first, last) = self.span_ns.unwrap_or((at_ns, at_ns));
        self.span_ns = Some((first.min(at_ns), last.max(at_ns)));
    }

    /// A client began a phase; the first one begins it for all.
    pub fn begin_phase(&mut self, number: u32, at_ns: u64) {
        if self.phases.last().is_none_or(|phase| phase.number != number) {
            self.phases.push(Phase { number, begun_ns: at_ns, last_ns: at_ns, latencies: BTreeMap::new() });
        }
    }

    /// A request was answered.
    pub fn add(&mut self, command: &'static str, replied: &Exchange<'_>) {
        let Some(phase) = self.phases.last_mut() else { return };
        phase.last_ns = phase.last_ns.max(replied.replied_ns);
        let latencies = phase.latencies.entry(command).or_insert_with(new_histogram);
        latencies.saturating_record(replied.replied_ns.saturating_sub(replied.sent_ns));
    }

    /// From the first event to the last.
    #[must_use]
    pub fn duration_ns(&self) -> u64 {
        self.span_ns.map_or(0, |(first, last)| last - first)
    }

    /// When the last event happened.
    #[must_use]
    pub fn last_ns(&self) -> u64 {
        self.span_ns.map_or(0, |(_, last)| last)
    }

    /// How many requests were answered.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.phases.iter().flat_map(|phase| phase.latencies.values()).map(Histogram::len).sum()
    }

    /// Each phase in figures; `names` are those of the phases from 1.
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
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, SIGNIFICANT_DIGITS).expect("the bounds are in order")
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

/// How many a second, rounded down.
#[must_use]
pub fn per_second(count: u64, duration_ns: u64) -> u64 {
    let rate = u128::from(count) * 1_000_000_000 / u128::from(duration_ns.max(1));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver::exchanges::Place;

    #[test]
    fn a_phase_is_measured_from_its_begin_to_its_last_reply() {
        let mut statistics = Statistics::default();
        statistics.begin_phase(1, 0);
        let place = Place { client: 0, connection: 1, replies: 0, has_sent: true, idle_ns: 0 };
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
