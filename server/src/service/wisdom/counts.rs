//! What the service counts of itself, for whoever wants to know.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protocol::wisdom::messages::{Code, Source};

/// From a check that costs two hashes to one that waited for a thread.
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

/// From what takes a client no time to the end of a challenge.
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

/// Everything that is counted.
#[derive(Debug)]
pub struct Counts {
    /// Challenges issued.
    pub challenges: AtomicU64,
    /// Clients turned away because there was no room.
    pub(super) turned_away: AtomicU64,
    quotations: [AtomicU64; Source::ALL.len()],
    errors: Vec<AtomicU64>,
    /// From when a challenge was issued to a right solution of it.
    pub solve: Durations,
    /// From a solution's arrival to what it is answered.
    pub check: Durations,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            challenges: AtomicU64::default(),
            turned_away: AtomicU64::default(),
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

    /// Quotations from this source.
    #[must_use]
    pub fn quotations(&self, source: Source) -> u64 {
        self.quotations[source as usize].load(Ordering::Relaxed)
    }

    /// Errors with this code that were given.
    #[must_use]
    pub fn errors(&self, code: Code) -> u64 {
        self.errors[code as usize].load(Ordering::Relaxed)
    }
}

/// How long something took, how often.
#[derive(Debug)]
pub struct Durations {
    bounds: [Duration; 10],
    /// One for each bound, and one for what is beyond all of them.
    counts: [AtomicU64; 11],
    sum_ns: AtomicU64,
}

impl Durations {
    fn new(bounds: [Duration; 10]) -> Self {
        Self { bounds, counts: [const { AtomicU64::new(0) }; 11], sum_ns: AtomicU64::default() }
    }

    pub(super) fn observe(&self, took: Duration) {
        let at = self.bounds.partition_point(|bound| *bound < took);
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.sum_ns.fetch_add(took_ns, Ordering::Relaxed);
    }

    /// How often it took no longer than each bound and longer than the one before; no bound is the last.
    pub fn counts(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(self.counts.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// All of it.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_under_the_first_bound_that_it_does_not_exceed() {
        let durations = Durations::new(SOLVE_BOUNDS);
        for ms in [0, 10, 11, 60_000, 60_001] {
            durations.observe(Duration::from_millis(ms));
        }
        let counts: Vec<u64> = durations.counts().map(|(_, count)| count).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(durations.sum(), Duration::from_millis(120_022));
    }

    #[test]
    fn each_code_has_a_place_of_its_own() {
        let counts = Counts::default();
        for (times, code) in Code::ALL.iter().enumerate() {
            (0..times).for_each(|_| counts.count_error(*code));
        }
        for (times, code) in Code::ALL.iter().enumerate() {
            assert_eq!(counts.errors(*code), times as u64, "{}", code.name());
        }
    }
}
