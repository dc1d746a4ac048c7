//! Whether a target gives back what its clients cost (C4).
//!
//! The same visits are repeated, the first round warms up, and only what grows in every round after it is a leak.
//! Of memory even that proves nothing: a run-time that collects garbage lets it grow for longer than a case lasts.
//! So memory that grows is told and accuses nobody.

use crate::history::Sample;

/// How many clients visit in a round.
pub(super) const VISITS: u16 = 50;

/// Memory that a visit may cost for good without being called a leak: allocators are not exact.
const MEMORY_BYTES_A_VISIT: u64 = 8 * 1024;

/// Something that grew in every round.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Growth {
    /// Whether it is a leak for certain.
    pub(super) is_leak: bool,
    /// What was done.
    pub(super) visits: String,
    /// By how much it grew.
    pub(super) came: String,
    /// By how much it may.
    pub(super) had_to_come: String,
}

/// Its name, how it is taken of a sample, how much it may grow in a round, and whether more is a leak for certain.
type Measure = (&'static str, fn(&Sample) -> u64, u64, bool);

/// What grew, if anything did; the samples are taken after each round, the first after the warm-up.
pub(super) fn growth(samples: &[Sample]) -> Option<Growth> {
    const ROUNDS_MIN: usize = 4;
    if samples.len() < ROUNDS_MIN {
        return None;
    }
    let visits = u64::from(VISITS);
    // Of descriptors and threads a few may come and go; a leak takes one for each visit, or for every second.
    let measures: [Measure; 3] = [
        ("descriptors", |sample| sample.descriptors, visits / 2, true),
        ("threads", |sample| sample.threads, visits / 2, true),
        ("bytes of memory", |sample| sample.memory_bytes, visits * MEMORY_BYTES_A_VISIT, false),
    ];
    measures.into_iter().find_map(|(name, measure, allowed, is_leak)| {
        let steps: Vec<i128> = samples
            .windows(2)
            .map(|pair| i128::from(measure(&pair[1])) - i128::from(measure(&pair[0])))
            .collect();
        let least = steps.iter().min()?;
        (*least >= i128::from(allowed)).then(|| Growth {
            is_leak,
            visits: format!("{visits} equal visits, {} times", samples.len()),
            came: format!(
                "{name} grew in each round, by {} at least: {} a visit",
                least,
                least / i128::from(visits)
            ),
            had_to_come: format!("no growth, or less than {allowed} in some round"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(descriptors: u64, memory_bytes: u64, threads: u64) -> Sample {
        Sample { descriptors, memory_bytes, threads }
    }

    #[test]
    fn only_what_grows_in_every_round_is_a_leak() {
        let leak: Vec<Sample> = (0..5).map(|round| sample(10 + round * 50, 1 << 20, 4)).collect();
        assert!(
            growth(&leak).unwrap().came.starts_with("descriptors grew in each round, by 50 at least: 1 a")
        );
        let mut kept = leak.clone();
        kept[3].descriptors = kept[2].descriptors;
        assert_eq!(growth(&kept), None, "one round without growth is proof enough");
        assert_eq!(growth(&leak[..3]), None, "too few rounds prove nothing");
        let noise: Vec<Sample> = (0..5).map(|round| sample(10, (1 << 20) + round * 4096, 4)).collect();
        assert_eq!(growth(&noise), None);
        let threads: Vec<Sample> = (0..5).map(|round| sample(10, 1 << 20, 4 + round * 50)).collect();
        assert!(growth(&threads).unwrap().came.starts_with("threads grew"));
        let memory: Vec<Sample> = (0..5).map(|round| sample(10, (1 + round) << 20, 4)).collect();
        assert!(!growth(&memory).unwrap().is_leak, "a heap that is not collected yet looks the same");
    }
}
