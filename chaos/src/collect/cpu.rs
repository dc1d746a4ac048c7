//! The processor time that the target uses while only the bystanders send requests.

use driver::history::Sample;

use crate::harm::evidence::IdleCpu;

/// The share of a processor, in percent, by which a target that does nothing useful exceeds its share before the first fault.
/// A loop takes a whole processor, and on a busy machine its part of one.
const EXCESS_PERCENT: u64 = 35;

/// The same for the time in which it uses a processor or waits for one. A loop never does anything else.
const DEMAND_EXCESS_PERCENT: u64 = 70;

/// The least share of a processor, in percent, by which a loop that mostly waits for one exceeds its share before the first fault. A
/// busy machine alone makes a target wait, but not work.
const WORK_EXCESS_PERCENT: u64 = 15;

/// The shortest time, in nanoseconds, over which a share is measured. The kernel counts processor time in steps of 10 ms.
const MEASURED_NS_MIN: u64 = 500_000_000;

/// Samples of the target with their times, in nanoseconds, in order.
type Samples = [(u64, Sample)];

/// A period, in nanoseconds.
type Span = (u64, u64);

/// Returns the part of a period in which the target was active, in nanoseconds, from the samples at its ends.
type Activity = fn(&Sample, &Sample) -> u64;

/// Returns the scene from which on the target uses a processor in the pauses between scenes, with the shares, if there is
/// one. `scenes` are the spans of all scenes that have begun, and the last pause ends at `end_ns`.
pub(super) fn spinning_since(samples: &Samples, scenes: &[Span], end_ns: u64) -> Option<(usize, IdleCpu)> {
    let since = |activity, excess| active_since(samples, scenes, end_ns, activity, excess);
    since(used, EXCESS_PERCENT).or_else(|| {
        let (first, demanded) = since(demanded, DEMAND_EXCESS_PERCENT)?;
        let before = share(samples, &[(0, scenes.first()?.0)], used)?;
        let after = share(samples, pauses(scenes, end_ns).get(first..)?, used)?;
        (after >= before + WORK_EXCESS_PERCENT).then_some((first, demanded))
    })
}

/// Returns the shares of a processor before the first scene and during a part of a scene in which no client at fault sends, if
/// the second is much larger.
pub(super) fn spinning_during(samples: &Samples, first_begun_ns: u64, part: Span) -> Option<IdleCpu> {
    let (before, during) = (share(samples, &[(0, first_begun_ns)], used)?, share(samples, &[part], used)?);
    (during >= before + EXCESS_PERCENT).then_some(IdleCpu { before_percent: before, after_percent: during })
}

/// Returns the scene from which on the target is active for this much more of the pauses than before the first scene, in percent.
///
/// A single pause is too short for a decision, and on a busy machine a loop does not run in each. The scene is the one from which
/// on the excess over all later pauses is largest, as in the cumulative sum test for a change (Page, 1954).
fn active_since(
    samples: &Samples,
    scenes: &[Span],
    end_ns: u64,
    activity: Activity,
    excess_percent: u64,
) -> Option<(usize, IdleCpu)> {
    let before = share(samples, &[(0, scenes.first()?.0)], activity)?;
    let pauses = pauses(scenes, end_ns);
    let allowed = i128::from(before + excess_percent / 2);
    let excess = |pause: &Span| {
        let (active_ns, measured_ns) = active(samples, &[*pause], activity);
        i128::from(active_ns) * 100 - i128::from(measured_ns) * allowed
    };
    let mut sum = 0;
    let sums = pauses.iter().enumerate().rev().map(|(number, pause)| {
        sum += excess(pause);
        (sum, number)
    });
    let (_, first) = sums.max().filter(|(sum, _)| *sum > 0)?;
    let after = share(samples, pauses.get(first..)?, activity)?;
    // Work that a fault has left ends; a loop does not.
    let (last_ns, _) = *pauses.last()?;
    let at_end = share(samples, &[(last_ns.midpoint(end_ns), end_ns)], activity)?;
    (after.min(at_end) >= before + excess_percent)
        .then_some((first, IdleCpu { before_percent: before, after_percent: after }))
}

/// Returns the pause after each scene.
fn pauses(scenes: &[Span], end_ns: u64) -> Vec<Span> {
    let ends = scenes.iter().skip(1).map(|(begun_ns, _)| *begun_ns).chain([end_ns]);
    scenes.iter().zip(ends).map(|((_, over_ns), end_ns)| (*over_ns, end_ns)).collect()
}

/// Returns the share of these periods in which the target was active, in percent; `None` if they are too short.
fn share(samples: &Samples, periods: &[Span], activity: Activity) -> Option<u64> {
    let (active_ns, measured_ns) = active(samples, periods, activity);
    (measured_ns >= MEASURED_NS_MIN).then(|| active_ns * 100 / measured_ns)
}

/// Returns the time in which the target was active between samples within these periods, and the time between those samples.
fn active(samples: &Samples, periods: &[Span], activity: Activity) -> (u64, u64) {
    let is_within = |at_ns: u64, (from_ns, to_ns): &Span| (*from_ns..=*to_ns).contains(&at_ns);
    let pairs = samples.iter().zip(samples.iter().skip(1));
    let within = pairs.filter(|((first_ns, _), (second_ns, _))| {
        periods.iter().any(|period| is_within(*first_ns, period) && is_within(*second_ns, period))
    });
    within.fold((0, 0), |(active_ns, measured_ns), ((first_ns, first), (second_ns, second))| {
        (active_ns + activity(first, second), measured_ns + (second_ns - first_ns))
    })
}

/// The processor time.
fn used(before: &Sample, after: &Sample) -> u64 {
    after.cpu_ns.saturating_sub(before.cpu_ns)
}

/// The processor time, and the time for which threads waited for a processor. A loop may run in the thread of any connection.
fn demanded(before: &Sample, after: &Sample) -> u64 {
    used(before, after) + after.waited_by_all_ns.saturating_sub(before.waited_by_all_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Three scenes of 300 ms with pauses of 200 ms, after 1 s; the last pause takes 1 s.
    const SCENES: [Span; 3] = [(1000 * MS, 1300 * MS), (1500 * MS, 1800 * MS), (2000 * MS, 2300 * MS)];
    const END: u64 = 3300 * MS;

    /// Samples every 50 ms. The target uses a tenth of a processor, and a whole one in these periods.
    fn samples(busy: &[Span]) -> Vec<(u64, Sample)> {
        shared_samples(busy, 50 * MS, 0)
    }

    /// The same, but in these periods the target uses a processor for this time of every 50 ms, and waits for the rest; at other times
    /// it also waits for this time.
    fn shared_samples(busy: &[Span], used_ns: u64, quiet_waited_ns: u64) -> Vec<(u64, Sample)> {
        let (mut cpu_ns, mut waited_by_all_ns) = (0, 0);
        let times = (0..=END / (50 * MS)).map(|tick| tick * 50 * MS);
        times
            .map(|at_ns| {
                let is_busy = busy.iter().any(|(from_ns, to_ns)| (*from_ns + 1..=*to_ns).contains(&at_ns));
                cpu_ns += if is_busy { used_ns } else { 5 * MS };
                waited_by_all_ns += if is_busy { 50 * MS - used_ns } else { quiet_waited_ns };
                (at_ns, Sample { cpu_ns, waited_by_all_ns, ..Sample::default() })
            })
            .collect()
    }

    #[test]
    fn a_loop_that_never_ends_belongs_to_the_scene_after_which_it_begins() {
        let since = |busy: &[Span]| spinning_since(&samples(busy), &SCENES, END).map(|(scene, _)| scene);
        assert_eq!(since(&[]), None);
        assert_eq!(since(&[(1700 * MS, END)]), Some(1));
        assert_eq!(since(&[(2100 * MS, END)]), Some(2));
        assert_eq!(since(&[(1200 * MS, END)]), Some(0));
    }

    #[test]
    fn a_loop_that_gets_a_third_of_a_processor_is_recognized_by_its_waiting() {
        let since = |samples: Vec<_>| spinning_since(&samples, &SCENES, END).map(|(scene, _)| scene);
        assert_eq!(since(shared_samples(&[(1700 * MS, END)], 15 * MS, 0)), Some(1));
        // A target that waits more but does not work more is on a busier machine.
        assert_eq!(since(shared_samples(&[(1700 * MS, END)], 5 * MS, 0)), None);
        assert_eq!(since(shared_samples(&[(1700 * MS, END)], 15 * MS, 25 * MS)), None);
    }

    #[test]
    fn work_after_a_fault_that_ends_is_no_loop() {
        let work = [(1300 * MS, 1500 * MS), (1800 * MS, 2000 * MS), (2300 * MS, 2700 * MS)];
        assert_eq!(spinning_since(&samples(&work), &SCENES, END), None);
    }

    #[test]
    fn a_loop_during_a_fault_is_measured_if_the_fault_is_long_enough() {
        let during = |busy: Span, part| spinning_during(&samples(&[busy]), SCENES[0].0, part);
        let part = (2300 * MS, 3300 * MS);
        let expected = IdleCpu { before_percent: 10, after_percent: 100 };
        assert_eq!(during(part, part), Some(expected));
        assert_eq!(during((2300 * MS, 2500 * MS), part), None);
        assert_eq!(during((1000 * MS, 1300 * MS), SCENES[0]), None);
    }
}
