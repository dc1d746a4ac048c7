//! The part of the bystanders' waiting time in which the target worked for the clients at fault.
//!
//! A target that answers requests in turn delays a client while it answers those of others: it works, and nobody is stuck. Replies
//! that the clients at fault received meanwhile show that, and, where they do not read them, processor time. A target that is
//! blocked does neither. Clients that leave before their reply give it work that nobody sees.

use driver::history::Sample;

/// What the target does for the clients at fault of one scene.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort<'s> {
    /// The samples of the target with their times, in nanoseconds, in order.
    samples: &'s [(u64, Sample)],
    /// The processor time that requests which were sent at once may take, in nanoseconds.
    work_ns_max: u64,
    requests: Requests<'s>,
    /// The time that the target takes for a single reply, in nanoseconds.
    reply_ns: u64,
}

/// What the clients at fault of one scene asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Requests<'s> {
    /// The length of the requests that were sent at once, in bytes.
    pub(super) batches_bytes: u64,
    /// The times of the replies, in nanoseconds, in order.
    pub(super) replied_ns: &'s [u64],
    /// The number of single requests whose clients left before the reply.
    pub(super) abandoned: u64,
}

/// What the target did before the first scene.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quiet {
    /// The time until the first scene, in nanoseconds.
    pub(super) until_ns: u64,
    /// The length of the bystanders' requests, in bytes.
    pub(super) requests_bytes: u64,
    /// The median of the latencies, in nanoseconds.
    pub(super) latency_ns: u64,
}

impl<'s> Effort<'s> {
    /// Returns the effort for these requests. Before the first scene, the target dealt with single requests, which take at least as
    /// long as those that are sent at once.
    pub(super) fn new(samples: &'s [(u64, Sample)], quiet: Quiet, requests: Requests<'s>) -> Self {
        let work_ns_max = match quiet.requests_bytes {
            0 => 0,
            quiet_bytes => {
                let quiet_ns = used(samples, [0, quiet.until_ns], |sample| sample.cpu_ns);
                part_of(quiet_ns, requests.batches_bytes, quiet_bytes)
            }
        };
        Self { samples, work_ns_max, requests, reply_ns: quiet.latency_ns }
    }

    /// Returns how long the target did not work for the clients at fault while a bystander waited.
    pub(super) fn idle_ns(&self, [due_ns, served_ns]: [u64; 2]) -> u64 {
        let used_ns = used(self.samples, [due_ns, served_ns], |sample| sample.cpu_ns);
        let computed_ns = used_ns.min(self.work_ns_max);
        // A target that computes on a busy machine also waits for a processor.
        let waited_ns = used(self.samples, [due_ns, served_ns], |sample| sample.waited_ns);
        let working_ns = computed_ns + part_of(waited_ns, computed_ns, used_ns);
        let Requests { replied_ns, abandoned, .. } = self.requests;
        let until = |at_ns: u64| replied_ns.partition_point(|replied_ns| *replied_ns < at_ns) as u64;
        let answered = until(served_ns) - until(due_ns) + abandoned;
        let replying_ns = answered.saturating_mul(self.reply_ns);
        (served_ns - due_ns).saturating_sub(working_ns.max(replying_ns))
    }
}

/// Returns the time that the target used in this period, in nanoseconds, where `measure` is its total. Between two samples it is used
/// evenly.
fn used(samples: &[(u64, Sample)], [from_ns, to_ns]: [u64; 2], measure: fn(&Sample) -> u64) -> u64 {
    let first = samples.partition_point(|(at_ns, _)| *at_ns <= from_ns).saturating_sub(1);
    let pairs = samples[first..].iter().zip(samples.iter().skip(first + 1));
    let within = pairs.skip_while(|(_, (after_ns, _))| *after_ns <= from_ns);
    let within = within.take_while(|((before_ns, _), _)| *before_ns < to_ns);
    let used = within.map(|((before_ns, before), (after_ns, after))| {
        let shared_ns = (*after_ns).min(to_ns) - (*before_ns).max(from_ns);
        part_of(measure(after).saturating_sub(measure(before)), shared_ns, after_ns - before_ns)
    });
    used.sum()
}

/// Returns `numerator / denominator` of a number.
fn part_of(number: u64, numerator: u64, denominator: u64) -> u64 {
    let part = u128::from(number) * u128::from(numerator) / u128::from(denominator.max(1));
    u64::try_from(part).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Samples every 50 ms of a target that uses a tenth of a processor for 2 s, and then a whole one until 3 s.
    fn samples() -> Vec<(u64, Sample)> {
        let used_ms = |at_ms: u64| at_ms.min(2000) / 10 + at_ms.clamp(2000, 3000) - 2000;
        let sample = |cpu_ns| Sample { cpu_ns, ..Sample::default() };
        (0..80).map(|tick| tick * 50).map(|at_ms| (at_ms * MS, sample(used_ms(at_ms) * MS))).collect()
    }

    /// Returns the idle part of a wait, in milliseconds, if the clients at fault sent this number of bytes at once, and received replies
    /// at these times.
    fn idle_ms(batches_bytes: u64, replied_ms: &[u64], [due_ms, served_ms]: [u64; 2]) -> u64 {
        let quiet = Quiet { until_ns: 2000 * MS, requests_bytes: 1_000, latency_ns: 2 * MS };
        let replies: Vec<u64> = replied_ms.iter().map(|ms| ms * MS).collect();
        let requests = Requests { batches_bytes, replied_ns: &replies, abandoned: 0 };
        Effort::new(&samples(), quiet, requests).idle_ns([due_ms * MS, served_ms * MS]) / MS
    }

    #[test]
    fn a_wait_during_work_is_not_idle() {
        assert_eq!(idle_ms(10_000, &[], [2110, 2440]), 0);
        assert_eq!(idle_ms(10_000, &[], [3110, 3440]), 330);
        assert_eq!(idle_ms(10_000, &[], [2990, 3090]), 90);
    }

    #[test]
    fn the_work_is_limited_by_the_requests() {
        assert_eq!(idle_ms(0, &[], [2100, 2400]), 300);
        assert_eq!(idle_ms(500, &[], [2100, 2400]), 200);
    }

    #[test]
    fn a_wait_behind_replies_to_others_is_not_idle() {
        let replied_ms: Vec<u64> = (3100..3400).step_by(2).collect();
        assert_eq!(idle_ms(0, &replied_ms, [3100, 3400]), 0);
        assert_eq!(idle_ms(0, &replied_ms[..50], [3100, 3400]), 200);
        assert_eq!(idle_ms(0, &replied_ms, [3500, 3600]), 100);
    }

    #[test]
    fn work_on_a_busy_machine_takes_longer() {
        // From 1 s on, the target computes for a quarter of the time and waits for a processor for half of it.
        let sample = |at_ms: u64| {
            let (cpu_ns, waited_ns) =
                (at_ms.saturating_sub(1000) / 4 * MS, at_ms.saturating_sub(1000) / 2 * MS);
            (at_ms * MS, Sample { waited_ns, cpu_ns: 100 * MS + cpu_ns, ..Sample::default() })
        };
        let mut samples: Vec<(u64, Sample)> = (0..80).map(|tick| sample(tick * 50)).collect();
        samples[0].1.cpu_ns = 0;
        let quiet = Quiet { until_ns: 1000 * MS, requests_bytes: 1_000, latency_ns: MS };
        let idle_ms = |batches_bytes: u64| {
            let requests = Requests { batches_bytes, replied_ns: &[], abandoned: 0 };
            Effort::new(&samples, quiet, requests).idle_ns([2000 * MS, 2400 * MS]) / MS
        };
        assert_eq!(idle_ms(10_000), 100);
        // Half of what it computes is for the requests.
        assert_eq!(idle_ms(500), 250);
        assert_eq!(idle_ms(0), 400);
    }

    #[test]
    fn requests_of_clients_that_have_left_are_work() {
        let quiet = Quiet { until_ns: 2000 * MS, requests_bytes: 1_000, latency_ns: 2 * MS };
        let requests = Requests { batches_bytes: 0, replied_ns: &[], abandoned: 60 };
        let idle_ns = |due_ns, served_ns| Effort::new(&[], quiet, requests).idle_ns([due_ns, served_ns]);
        assert_eq!(idle_ns(3100 * MS, 3200 * MS), 0);
        assert_eq!(idle_ns(3100 * MS, 3400 * MS), 180 * MS);
    }
}
