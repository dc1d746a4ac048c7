//! The counters of the service.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protocol::wisdom::messages::{Code, Source};

/// Upper bounds of the check duration, from two hashes to a wait for a thread.
const CHECK_BOUNDS: [Duration; 10] = [
    Duration::from_nanos(500),
    Duration::from_micros(1),
    Duration::from_micros(2),
    Duration::from_micros(5),
    Duration::from_micros(10),
    Duration::from_micros(25),
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(10),
    Duration::from_millis(100),
];

/// Upper bounds of the solve duration, up to the default lifetime of a challenge.
const SOLVE_BOUNDS: [Duration; 10] = [
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_mins(1),
];

/// All counters.
#[derive(Debug)]
pub struct Counts {
    /// Issued challenges.
    pub challenges: AtomicU64,
    /// Connections that were lost: reading or writing failed.
    pub lost_connections: AtomicU64,
    /// Clients refused by the limit of open connections.
    pub(super) refused_connections: AtomicU64,
    quotations: [AtomicU64; Source::ALL.len()],
    errors: Vec<AtomicU64>,
    /// Time from the issue of a challenge to its valid solution.
    pub solve: Durations,
    /// Time to check a solution.
    pub check: Durations,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            challenges: AtomicU64::default(),
            lost_connections: AtomicU64::default(),
            refused_connections: AtomicU64::default(),
            quotations: [const { AtomicU64::new(0) }; Source::ALL.len()],
            errors: Code::ALL.iter().map(|_| AtomicU64::default()).collect(),
            solve: Durations::new(SOLVE_BOUNDS),
            check: Durations::new(CHECK_BOUNDS),
        }
    }
}

impl Counts {
    pub(super) fn count_quotation(&self, source: Source) {
        self.quotations[source as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_error(&self, code: Code) {
        self.errors[code as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The number of returned quotations from this source.
    #[must_use]
    pub fn quotations(&self, source: Source) -> u64 {
        self.quotations[source as usize].load(Ordering::Relaxed)
    }

    /// The number of returned errors with this code.
    #[must_use]
    pub fn errors(&self, code: Code) -> u64 {
        self.errors[code as usize].load(Ordering::Relaxed)
    }
}

/// A histogram of durations.
#[derive(Debug)]
pub struct Durations {
    bounds: [Duration; 10],
    /// One counter for each bound, and one for longer durations.
    counts: [AtomicU64; 11],
    sum_ns: AtomicU64,
}

impl Durations {
    fn new(bounds: [Duration; 10]) -> Self {
        Self { bounds, counts: [const { AtomicU64::new(0) }; 11], sum_ns: AtomicU64::default() }
    }

    pub(super) fn observe(&self, duration: Duration) {
        let at = self.bounds.partition_point(|bound| *bound < duration);
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        let duration_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum_ns.fetch_add(duration_ns, Ordering::Relaxed);
    }

    /// The number of durations up to each bound and above the previous one. The last entry has no bound.
    pub fn counts(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(self.counts.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// The sum of all durations.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_for_the_first_bound_that_it_does_not_exceed() {
        let durations = Durations::new(SOLVE_BOUNDS);
        for ms in [0, 10, 11, 60_000, 60_001] {
            durations.observe(Duration::from_millis(ms));
        }
        let counts: Vec<u64> = durations.counts().map(|(_, count)| count).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(durations.sum(), Duration::from_millis(120_022));
    }

    #[test]
    fn each_code_has_its_own_counter() {
        let counts = Counts::default();
        for (times, code) in Code::ALL.iter().enumerate() {
            (0..times).for_each(|_| counts.count_error(*code));
        }
        for (times, code) in Code::ALL.iter().enumerate() {
            assert_eq!(counts.errors(*code), times as u64, "{}", code.name());
        }
    }
}
