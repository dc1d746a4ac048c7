//! Resource limits: whether a target releases the resources of departed clients (C4), and stays within bounds (C5,
//! F6).
//!
//! The same visits are repeated. The first round warms up; only growth in every later round indicates a leak. Growth of
//! memory alone is weak evidence, because a garbage-collected runtime lets its heap grow for a while. Memory counts as a
//! leak only if a case lets it grow so far that any heap would have been collected, or by its trend over many rounds.

use driver::history::Sample;

use crate::memory_trend::Trend;
use crate::messages;

/// The number of clients in a round of the standard cases.
pub const VISITS: u16 = 50;

/// The limit that the samples of a case must respect.
#[derive(Clone, Copy, Debug)]
pub enum ResourceLimit {
    /// A sample follows each round after the first; at least one of them must not show growth.
    GrowthPerRound {
        /// The number of visits of a round.
        visits: u16,
        /// The growth of file descriptors in every round that indicates a leak.
        descriptors: u64,
        /// The growth of threads in every round that indicates a leak.
        threads: u64,
        /// The growth of memory over all rounds, in bytes, that only a leak explains ([`ANY_HEAP_GROWS`] if no growth is
        /// conclusive), or `None` if the visits are too few to look at memory.
        memory_bytes: Option<u64>,
    },
    /// The growth of memory from the first sample to the peak, in bytes, that is allowed.
    Memory(u64),
    /// The same for replies that a client does not read, whose requests are a flood. Garbage of the requests explains growth unless
    /// the target has read more than [`SYSTEM_BUFFERS_BYTES`]: by as much as is allowed, if it has stopped reading then.
    MemoryOfUnreadReplies(u64),
    /// A sample follows each round; memory must not grow with each visit of the rounds after those that are left out.
    MemoryPerVisit {
        /// The number of visits of a round.
        visits: u16,
        /// The number of rounds that are left out, because a heap may fill in them.
        left_out: usize,
    },
}

impl ResourceLimit {
    /// Returns whether this is a bound for memory, however it is used.
    #[must_use]
    pub const fn is_of_memory(self) -> bool {
        matches!(self, Self::Memory(_) | Self::MemoryOfUnreadReplies(_))
    }
}

/// A bound that no growth of memory reaches.
pub const ANY_HEAP_GROWS: u64 = u64::MAX;

/// The standard limit. A few file descriptors and threads may come and go; a leak takes one for at least every second
/// visit.
pub(crate) const ORDINARY: ResourceLimit = ResourceLimit::GrowthPerRound {
    visits: VISITS,
    descriptors: VISITS as u64 / 2,
    threads: VISITS as u64 / 2,
    memory_bytes: Some(ANY_HEAP_GROWS),
};

/// The memory, in bytes, that a visit may cost permanently: allocators are not exact.
const MEMORY_BYTES_A_VISIT: u64 = 8 * 1024;

/// More bytes than the system buffers, requests and replies together (about 14 MiB where it was measured).
pub const SYSTEM_BUFFERS_BYTES: usize = 32 << 20;

/// The number of rounds below which nothing is concluded.
const ROUNDS_MIN: usize = 4;

/// Growth beyond a limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Growth {
    /// Whether the growth is conclusive.
    pub(crate) is_certain: bool,
    /// The visits that were made.
    pub(crate) visits: String,
    /// The growth that was measured.
    pub(crate) actual: String,
    /// The growth that is allowed.
    pub(crate) expected: String,
}

/// How the last flood of a case ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flood {
    /// The number of bytes sent.
    pub(crate) bytes: u64,
    /// Whether the target has stopped reading.
    pub(crate) has_stalled: bool,
}

/// Samples, each with its time in nanoseconds.
pub(crate) type Samples = [(u64, Sample)];

/// Returns whether further samples cannot change what these show.
pub(crate) fn are_decided(samples: &Samples, resource_limit: ResourceLimit) -> bool {
    match resource_limit {
        ResourceLimit::MemoryPerVisit { visits, left_out } => {
            Trend::of(samples, visits, left_out) != Trend::Open
        }
        _ => false,
    }
}

/// Returns whether the target was too slow for the rounds that a decision needs.
pub(crate) fn is_too_slow(samples: &Samples, resource_limit: ResourceLimit) -> bool {
    match resource_limit {
        ResourceLimit::MemoryPerVisit { visits, left_out } => {
            Trend::of(samples, visits, left_out) == Trend::TooSlow
        }
        _ => false,
    }
}

/// Returns the growth beyond the limit, if there is any.
pub(crate) fn growth(timed: &Samples, flood: Flood, resource_limit: ResourceLimit) -> Option<Growth> {
    let samples: Vec<Sample> = timed.iter().map(|(_, sample)| *sample).collect();
    match resource_limit {
        ResourceLimit::Memory(bytes_max) => memory_beyond(&samples, bytes_max),
        ResourceLimit::MemoryOfUnreadReplies(bytes_max)
            if flood.has_stalled && flood.bytes <= SYSTEM_BUFFERS_BYTES as u64 + bytes_max =>
        {
            None
        }
        ResourceLimit::MemoryOfUnreadReplies(bytes_max) => Some(Growth {
            is_certain: flood.bytes > SYSTEM_BUFFERS_BYTES as u64,
            ..memory_beyond(&samples, bytes_max)?
        }),
        ResourceLimit::MemoryPerVisit { visits, left_out } => {
            let Trend::Grows(bytes) = Trend::of(timed, visits, left_out) else { return None };
            Some(Growth {
                is_certain: true,
                visits: messages::equal_visits(visits, samples.len().saturating_sub(left_out).max(1)),
                actual: messages::memory_grew_per_visit(bytes),
                expected: messages::NO_GROWTH_PER_VISIT.to_owned(),
            })
        }
        ResourceLimit::GrowthPerRound { .. } if samples.len() < ROUNDS_MIN => None,
        ResourceLimit::GrowthPerRound { visits, descriptors, threads, memory_bytes } => {
            in_every_round(&samples, visits, "descriptors", |sample| sample.descriptors, descriptors)
                .or_else(|| in_every_round(&samples, visits, "threads", |sample| sample.threads, threads))
                .or_else(|| memory_in_every_round(&samples, visits, memory_bytes?))
        }
    }
}

fn in_every_round(
    samples: &[Sample],
    visits: u16,
    name: &str,
    measure: fn(&Sample) -> u64,
    allowed: u64,
) -> Option<Growth> {
    let grown = |pair: &[Sample]| i128::from(measure(&pair[1])) - i128::from(measure(&pair[0]));
    let least = samples.windows(2).map(grown).min()?;
    let rounds = samples.len();
    (least >= i128::from(allowed)).then(|| Growth {
        is_certain: true,
        visits: messages::equal_visits(visits, rounds),
        actual: messages::grew_in_each_round(name, least, per_visit(least, visits)),
        expected: messages::growth_allowed(allowed),
    })
}

fn memory_in_every_round(samples: &[Sample], visits: u16, certain_bytes: u64) -> Option<Growth> {
    let allowed = u64::from(visits) * MEMORY_BYTES_A_VISIT;
    let growth = in_every_round(samples, visits, "bytes of memory", |sample| sample.memory_bytes, allowed)?;
    let total = samples.last()?.memory_bytes.saturating_sub(samples.first()?.memory_bytes);
    Some(Growth { is_certain: total >= certain_bytes, ..growth })
}

/// A target may free memory before the next sample, so a new peak counts as well.
fn memory_beyond(samples: &[Sample], bytes_max: u64) -> Option<Growth> {
    let first = samples.first()?;
    let grown = |sample: &Sample| {
        let by_peak = sample.memory_peak_bytes.saturating_sub(first.memory_peak_bytes);
        by_peak.max(sample.memory_bytes.saturating_sub(first.memory_bytes))
    };
    let most = samples.iter().map(grown).max()?;
    let mebibytes = |bytes: u64| bytes >> 20;
    (most > bytes_max).then(|| Growth {
        is_certain: true,
        visits: messages::BEYOND_MEMORY_LIMIT.to_owned(),
        actual: messages::memory_grew(mebibytes(most)),
        expected: messages::memory_allowed(mebibytes(bytes_max)),
    })
}

#[expect(clippy::cast_precision_loss, reason = "the figure is only displayed")]
fn per_visit(grown: i128, visits: u16) -> f64 {
    grown as f64 / f64::from(visits.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_FLOOD: Flood = Flood { bytes: 0, has_stalled: false };

    fn sample(descriptors: u64, memory_bytes: u64, threads: u64) -> Sample {
        Sample { descriptors, memory_bytes, threads, ..Sample::default() }
    }

    fn rounds(of_round: impl Fn(u64) -> Sample) -> Vec<(u64, Sample)> {
        (0..5).map(|round| (round, of_round(round))).collect()
    }

    #[test]
    fn only_growth_in_every_round_is_a_leak() {
        let leak = rounds(|round| sample(10 + round * 50, 1 << 20, 4));
        assert!(
            growth(&leak, NO_FLOOD, ORDINARY)
                .unwrap()
                .actual
                .starts_with("descriptors grew in each round by at least 50: 1.00 per visit")
        );
        let mut kept = leak.clone();
        kept[3].1.descriptors = kept[2].1.descriptors;
        assert_eq!(growth(&kept, NO_FLOOD, ORDINARY), None, "one round without growth is sufficient proof");
        assert_eq!(growth(&leak[..3], NO_FLOOD, ORDINARY), None, "too few rounds are inconclusive");
        let noise = rounds(|round| sample(10, (1 << 20) + round * 4096, 4));
        assert_eq!(growth(&noise, NO_FLOOD, ORDINARY), None);
        let threads = rounds(|round| sample(10, 1 << 20, 4 + round * 50));
        assert!(growth(&threads, NO_FLOOD, ORDINARY).unwrap().actual.starts_with("threads grew"));
        let memory = rounds(|round| sample(10, (1 + round) << 20, 4));
        assert!(
            !growth(&memory, NO_FLOOD, ORDINARY).unwrap().is_certain,
            "a heap that was not collected yet looks the same"
        );
        let far = ResourceLimit::GrowthPerRound {
            visits: 50,
            descriptors: 1,
            threads: 1,
            memory_bytes: Some(4 << 20),
        };
        assert!(
            growth(&memory, NO_FLOOD, far).unwrap().is_certain,
            "any heap would have been collected by then"
        );
        let few = ResourceLimit::GrowthPerRound { visits: 2, descriptors: 1, threads: 1, memory_bytes: None };
        assert_eq!(growth(&memory, NO_FLOOD, few), None, "an allocator may take a megabyte for two visits");
        assert_eq!(growth(&memory, NO_FLOOD, ResourceLimit::Memory(4 << 20)), None);
        assert!(growth(&memory, NO_FLOOD, ResourceLimit::Memory(3 << 20)).unwrap().is_certain);
    }

    #[test]
    fn memory_that_was_freed_before_the_sample_counts_by_its_peak() {
        let sampled = |memory_bytes: u64, memory_peak_bytes: u64| Sample {
            memory_bytes: memory_bytes << 20,
            memory_peak_bytes: memory_peak_bytes << 20,
            ..Sample::default()
        };
        let limit = ResourceLimit::Memory(8 << 20);
        let freed = [(0, sampled(5, 6)), (1, sampled(5, 70))];
        assert_eq!(growth(&freed, NO_FLOOD, limit).unwrap().actual, "its memory grew by 64 MiB");
        let started_large = [(0, sampled(5, 70)), (1, sampled(6, 70))];
        assert_eq!(growth(&started_large, NO_FLOOD, limit), None, "the peak is older");
        assert!(
            growth(&[(0, sampled(5, 0)), (1, sampled(14, 0))], NO_FLOOD, limit).is_some(),
            "an old history"
        );
    }

    #[test]
    fn garbage_explains_growth_unless_the_target_keeps_unread_replies() {
        let limit = ResourceLimit::MemoryOfUnreadReplies(64 << 20);
        let grown = [(0, sample(9, 1 << 20, 1)), (1, sample(9, 94 << 20, 1))];
        let found = |mebibytes: u64, has_stalled| {
            growth(&grown, Flood { bytes: mebibytes << 20, has_stalled }, limit)
                .map(|growth| growth.is_certain)
        };
        assert_eq!(found(128, false), Some(true));
        assert_eq!(found(20, true), None, "the target is blocked");
        assert_eq!(found(90, true), None, "the replies that wait are no more than is allowed");
        assert_eq!(found(110, true), Some(true), "it stops too late");
        assert_eq!(found(20, false), Some(false), "a slow target was not blocked yet");
        let little = [(0, sample(9, 1 << 20, 1)), (1, sample(9, 40 << 20, 1))];
        assert_eq!(growth(&little, Flood { bytes: 128 << 20, has_stalled: false }, limit), None);
    }
}
