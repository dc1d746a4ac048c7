//! The time for which a target was ready to run and had no processor.

use driver::history::Sample;

/// The length of the stretches whose share is determined, in nanoseconds.
const STRETCH_NS: u64 = 500_000_000;

/// The number of threads of a target that does not delay itself: one that works, and one that waits for signals.
const THREADS_MAX: u64 = 2;

/// A target that works and uses less of one processor does not get more, in percent.
const CPU_PERCENT_MIN: u64 = 66;

/// Returns the longest time that the target waited between two samples of this period, in nanoseconds.
pub(super) fn longest_ns(samples: &[(u64, Sample)], [begun_ns, over_ns]: [u64; 2]) -> u64 {
    let pairs = samples.iter().zip(samples.iter().skip(1));
    let touches = |((before_ns, _), (after_ns, _)): &(&(u64, Sample), &(u64, Sample))| {
        *after_ns >= begun_ns && *before_ns <= over_ns
    };
    let waited = pairs
        .filter(touches)
        .map(|((_, before), (_, after))| after.waited_ns.saturating_sub(before.waited_ns));
    waited.max().unwrap_or(0)
}

/// Returns the largest share of a stretch of this period for which the target waited, in percent. It is 0 for a target with several
/// threads.
pub(super) fn percent(samples: &[(u64, Sample)], period_ns: [u64; 2]) -> u64 {
    let within = near(samples, period_ns);
    if within.iter().any(|(_, sample)| sample.threads > THREADS_MAX) {
        return 0;
    }
    stretches(within).map(|stretch| stretch.waited_percent).max().unwrap_or(0)
}

/// Returns the largest share of a stretch of this period for which threads of the target waited, in percent, although the target used
/// so little time of the processors that its threads cannot have delayed each other for long.
pub(super) fn starved_percent(samples: &[(u64, Sample)], period_ns: [u64; 2]) -> u64 {
    let of_machine =
        stretches(near(samples, period_ns)).filter(|stretch| stretch.cpu_percent < CPU_PERCENT_MIN);
    of_machine.map(|stretch| stretch.waited_percent.min(100)).max().unwrap_or(0)
}

/// What a target did in half a second, in percent of this time.
struct Stretch {
    waited_percent: u64,
    cpu_percent: u64,
}

fn stretches(samples: &[(u64, Sample)]) -> impl Iterator<Item = Stretch> {
    samples.iter().enumerate().filter_map(|(number, (begun_ns, before))| {
        let (ended_ns, after) = samples[number..].iter().find(|(at_ns, _)| at_ns - begun_ns >= STRETCH_NS)?;
        let percent = |before: u64, after: u64| after.saturating_sub(before) * 100 / (ended_ns - begun_ns);
        Some(Stretch {
            waited_percent: percent(before.waited_ns, after.waited_ns),
            cpu_percent: percent(before.cpu_ns, after.cpu_ns),
        })
    })
}

/// Returns the samples of this period, and those within a stretch before and after it.
fn near(samples: &[(u64, Sample)], [begun_ns, over_ns]: [u64; 2]) -> &[(u64, Sample)] {
    let from = samples.partition_point(|(at_ns, _)| *at_ns < begun_ns.saturating_sub(STRETCH_NS));
    let to = samples.partition_point(|(at_ns, _)| *at_ns <= over_ns + STRETCH_NS);
    samples.get(from..to).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Returns samples at an interval of 50 ms of a target that waits for this time in each interval, from one time on.
    fn samples(waited_ns: u64, from_ns: u64, threads: u64) -> Vec<(u64, Sample)> {
        let sample = |waited_ns| Sample { threads, waited_ns, ..Sample::default() };
        let total = |at_ns: u64| at_ns.saturating_sub(from_ns) / (50 * MS) * waited_ns;
        (0..60).map(|tick| tick * 50 * MS).map(|at_ns| (at_ns, sample(total(at_ns)))).collect()
    }

    #[test]
    fn a_target_that_waits_most_of_the_time_is_recognized_although_no_wait_is_long() {
        let samples = samples(35 * MS, 1000 * MS, 1);
        assert_eq!(longest_ns(&samples, [1500 * MS, 2000 * MS]), 35 * MS);
        assert_eq!(percent(&samples, [1500 * MS, 2000 * MS]), 70);
        assert_eq!(percent(&samples, [0, 400 * MS]), 0);
    }

    #[test]
    fn a_target_with_threads_is_starved_if_it_gets_less_than_a_processor() {
        let working = |cpu_ns: u64| -> Vec<(u64, Sample)> {
            let mut samples = samples(35 * MS, 0, 11);
            for (at_ns, sample) in &mut samples {
                sample.cpu_ns = *at_ns / (50 * MS) * cpu_ns;
            }
            samples
        };
        assert_eq!(starved_percent(&working(15 * MS), [500 * MS, 1000 * MS]), 70);
        assert_eq!(starved_percent(&working(45 * MS), [500 * MS, 1000 * MS]), 0);
    }

    #[test]
    fn the_threads_of_a_target_may_delay_each_other() {
        assert_eq!(percent(&samples(35 * MS, 0, 3), [500 * MS, 1000 * MS]), 0);
    }
}
