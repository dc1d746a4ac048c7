//! Whether a target gives back what its clients cost (C4), and keeps within bounds meanwhile (C5, F6).
//!
//! The same visits are repeated, the first round warms up, and only what grows in every round after it is a leak.
//! Of memory even that proves little: a run-time that collects garbage lets it grow for a while. So memory is called a
//! leak only where a case lets it grow far enough that any heap would have been collected.

use driver::history::Sample;

/// How many clients of the suite's own cases visit in a round.
pub const VISITS: u16 = 50;

/// What the samples of a case have to show.
#[derive(Clone, Copy, Debug)]
pub enum Keeps {
    /// Each round after the first is followed by a sample: not all of them may show growth.
    WhatVisitorsCost {
        /// How many visits a round has.
        visits: u16,
        /// Growth of descriptors that every round has to show.
        descriptors: u64,
        /// The same of threads.
        threads: u64,
        /// Growth of memory over all rounds that no heap explains; nothing if none is certain enough.
        memory_bytes: Option<u64>,
    },
    /// Between the first sample and the last, memory may grow by so much.
    MemoryWithin(u64),
}

/// Of descriptors and threads a few may come and go; a leak takes one for each visit, or for every second.
pub(crate) const ORDINARY: Keeps = Keeps::WhatVisitorsCost {
    visits: VISITS,
    descriptors: VISITS as u64 / 2,
    threads: VISITS as u64 / 2,
    memory_bytes: None,
};

/// Memory that a visit may cost for good without a word: allocators are not exact.
const MEMORY_BYTES_A_VISIT: u64 = 8 * 1024;

/// Fewer rounds prove nothing.
const ROUNDS_MIN: usize = 4;

/// Something that grew.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Growth {
    /// Whether it is wrong for certain.
    pub(crate) is_certain: bool,
    /// What was done.
    pub(crate) visits: String,
    /// By how much it grew.
    pub(crate) came: String,
    /// By how much it may.
    pub(crate) expected: String,
}

/// What grew, if anything did that should not.
pub(crate) fn growth(samples: &[Sample], keeps: Keeps) -> Option<Growth> {
    match keeps {
        Keeps::MemoryWithin(bytes_max) => memory_beyond(samples, bytes_max),
        Keeps::WhatVisitorsCost { .. } if samples.len() < ROUNDS_MIN => None,
        Keeps::WhatVisitorsCost { visits, descriptors, threads, memory_bytes } => {
            in_every_round(samples, visits, "descriptors", |sample| sample.descriptors, descriptors)
                .or_else(|| in_every_round(samples, visits, "threads", |sample| sample.threads, threads))
                .or_else(|| memory_in_every_round(samples, visits, memory_bytes))
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
        visits: format!("{visits} equal visits, {rounds} times"),
        came: format!(
            "{name} grew in each round, by {least} at least: {:.2} a visit",
            per_visit(least, visits)
        ),
        expected: format!("no growth, or less than {allowed} in some round"),
    })
}

fn memory_in_every_round(samples: &[Sample], visits: u16, certain_bytes: Option<u64>) -> Option<Growth> {
    let allowed = u64::from(visits) * MEMORY_BYTES_A_VISIT;
    let growth = in_every_round(samples, visits, "bytes of memory", |sample| sample.memory_bytes, allowed)?;
    let total = samples.last()?.memory_bytes.saturating_sub(samples.first()?.memory_bytes);
    Some(Growth { is_certain: certain_bytes.is_some_and(|certain| total >= certain), ..growth })
}

fn memory_beyond(samples: &[Sample], bytes_max: u64) -> Option<Growth> {
    let before = samples.first()?.memory_bytes;
    let most = samples.iter().map(|sample| sample.memory_bytes).max()?.saturating_sub(before);
    let mebibytes = |bytes: u64| bytes >> 20;
    (most > bytes_max).then(|| Growth {
        is_certain: true,
        visits: "more than a target may keep".to_owned(),
        came: format!("its memory grew by {} MiB", mebibytes(most)),
        expected: format!("at most {} MiB", mebibytes(bytes_max)),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
fn per_visit(grown: i128, visits: u16) -> f64 {
    grown as f64 / f64::from(visits.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(descriptors: u64, memory_bytes: u64, threads: u64) -> Sample {
        Sample { descriptors, memory_bytes, threads, waited_ns: 0 }
    }

    #[test]
    fn only_what_grows_in_every_round_is_a_leak() {
        let leak: Vec<Sample> = (0..5).map(|round| sample(10 + round * 50, 1 << 20, 4)).collect();
        assert!(
            growth(&leak, ORDINARY)
                .unwrap()
                .came
                .starts_with("descriptors grew in each round, by 50 at least: 1.00 a")
        );
        let mut kept = leak.clone();
        kept[3].descriptors = kept[2].descriptors;
        assert_eq!(growth(&kept, ORDINARY), None, "one round without growth is proof enough");
        assert_eq!(growth(&leak[..3], ORDINARY), None, "too few rounds prove nothing");
        let noise: Vec<Sample> = (0..5).map(|round| sample(10, (1 << 20) + round * 4096, 4)).collect();
        assert_eq!(growth(&noise, ORDINARY), None);
        let threads: Vec<Sample> = (0..5).map(|round| sample(10, 1 << 20, 4 + round * 50)).collect();
        assert!(growth(&threads, ORDINARY).unwrap().came.starts_with("threads grew"));
        let memory: Vec<Sample> = (0..5).map(|round| sample(10, (1 + round) << 20, 4)).collect();
        assert!(
            !growth(&memory, ORDINARY).unwrap().is_certain,
            "a heap that is not collected yet looks the same"
        );
        let far =
            Keeps::WhatVisitorsCost { visits: 50, descriptors: 1, threads: 1, memory_bytes: Some(4 << 20) };
        assert!(growth(&memory, far).unwrap().is_certain, "and goes on until it is collected");
        assert_eq!(growth(&memory, Keeps::MemoryWithin(4 << 20)), None);
        assert!(growth(&memory, Keeps::MemoryWithin(3 << 20)).unwrap().is_certain);
    }
}
