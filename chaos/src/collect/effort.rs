//! The part of the bystanders' waiting time in which the target worked for the clients at fault.
//!
//! A target with one thread answers requests in turn. A client that sends thousands at once delays the others until they are answered,
//! and is not stuck: the target works. A target that waits uses no processor meanwhile.

use driver::history::Sample;

/// What the target has to do for the clients at fault of one scene.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort<'s> {
    /// The samples of the target with their times, in nanoseconds, in order.
    pub(super) samples: &'s [(u64, Sample)],
    /// The processor time that their requests may take, in nanoseconds.
    pub(super) work_ns_max: u64,
}

impl<'s> Effort<'s> {
    /// Returns the effort for requests of this length, in bytes, given that of the bystanders' requests before the first scene, which
    /// begins at `quiet_until_ns`. Many requests at once take less time for each than single ones.
    pub(super) fn new(
        samples: &'s [(u64, Sample)],
        [requests_bytes, quiet_bytes]: [u64; 2],
        quiet_until_ns: u64,
    ) -> Self {
        let work_ns_max = match quiet_bytes {
            0 => 0,
            _ => {
                u128::from(cpu_ns(samples, [0, quiet_until_ns])) * u128::from(requests_bytes)
                    / u128::from(quiet_bytes)
            }
        };
        Self { samples, work_ns_max: u64::try_from(work_ns_max).unwrap_or(u64::MAX) }
    }

    /// Returns how long the target did not work for the clients at fault while a bystander waited.
    pub(super) fn idle_ns(&self, [due_ns, replied_ns]: [u64; 2]) -> u64 {
        let worked_ns = cpu_ns(self.samples, [due_ns, replied_ns]).min(self.work_ns_max);
        (replied_ns - due_ns).saturating_sub(worked_ns)
    }
}

/// Returns the processor time that the target used in this period, in nanoseconds. Between two samples it is used evenly.
fn cpu_ns(samples: &[(u64, Sample)], [from_ns, to_ns]: [u64; 2]) -> u64 {
    let pairs = samples.iter().zip(samples.iter().skip(1));
    let within = pairs.skip_while(|(_, (after_ns, _))| *after_ns <= from_ns);
    let within = within.take_while(|((before_ns, _), _)| *before_ns < to_ns);
    let used = within.map(|((before_ns, before), (after_ns, after))| {
        let used_ns = u128::from(after.cpu_ns.saturating_sub(before.cpu_ns));
        let shared_ns = (*after_ns).min(to_ns) - (*before_ns).max(from_ns);
        let used_ns = used_ns * u128::from(shared_ns) / u128::from((after_ns - before_ns).max(1));
        u64::try_from(used_ns).unwrap_or(u64::MAX)
    });
    used.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Samples every 50 ms of a target that uses a tenth of a processor for 2 s, and then a whole one until 3 s.
    fn samples() -> Vec<(u64, Sample)> {
        let used_ms = |at_ms: u64| at_ms.min(2000) / 10 + at_ms.clamp(2000, 3000) - 2000;
        let sample = |cpu_ns| Sample { descriptors: 1, memory_bytes: 1, threads: 1, waited_ns: 0, cpu_ns };
        (0..80).map(|tick| tick * 50).map(|at_ms| (at_ms * MS, sample(used_ms(at_ms) * MS))).collect()
    }

    #[test]
    fn a_wait_during_work_is_not_idle() {
        let samples = samples();
        let effort = Effort::new(&samples, [10_000, 1_000], 2000 * MS);
        assert_eq!(effort.work_ns_max, 2000 * MS);
        assert_eq!(effort.idle_ns([2110 * MS, 2440 * MS]), 0);
        assert_eq!(effort.idle_ns([3110 * MS, 3440 * MS]), 330 * MS);
        assert_eq!(effort.idle_ns([2990 * MS, 3090 * MS]), 90 * MS);
    }

    #[test]
    fn the_work_is_limited_by_the_requests() {
        let samples = samples();
        let idle_ns = |requests_bytes, quiet_bytes| {
            Effort::new(&samples, [requests_bytes, quiet_bytes], 2000 * MS).idle_ns([2100 * MS, 2400 * MS])
        };
        assert_eq!(idle_ns(0, 1_000), 300 * MS);
        assert_eq!(idle_ns(500, 1_000), 200 * MS);
        assert_eq!(idle_ns(500, 0), 300 * MS);
    }
}
