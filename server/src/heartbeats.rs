//! Heartbeats of the threads that serve connections, for the liveness of the server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// Interval of the heartbeats of a thread.
const INTERVAL: Duration = Duration::from_secs(1);

/// The time of the last heartbeat of each thread.
#[derive(Debug)]
pub struct Heartbeats {
    begun: Instant,
    /// Milliseconds from `begun` to the last heartbeat.
    beats_ms: Box<[AtomicU64]>,
}

impl Heartbeats {
    /// The age of a heartbeat above which its thread counts as stuck. A busy machine delays heartbeats by much less.
    pub const AGE_MAX: Duration = Duration::from_secs(10);

    /// Creates the heartbeats of this number of threads, all of which beat at the time `now`.
    #[must_use]
    pub fn new(threads: u8, now: Instant) -> Self {
        Self { begun: now, beats_ms: (0..threads).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Notes a heartbeat of a thread.
    pub fn beat(&self, thread: u8, now: Instant) {
        let beat_ms =
            u64::try_from(now.saturating_duration_since(self.begun).as_millis()).unwrap_or(u64::MAX);
        if let Some(last_ms) = self.beats_ms.get(usize::from(thread)) {
            last_ms.store(beat_ms, Ordering::Relaxed);
        }
    }

    /// Beats once per second for a thread; never completes. The future must run on that thread, next to its tasks: a
    /// task that occupies the thread, or a lock that it waits for, then stops the heartbeats.
    pub async fn run(&self, thread: u8, clock: &impl Clock) {
        loop {
            self.beat(thread, clock.now());
            clock.sleep(INTERVAL).await;
        }
    }

    /// The number of threads whose last heartbeat is older than [`Heartbeats::AGE_MAX`].
    #[must_use]
    pub fn stuck_threads(&self, now: Instant) -> usize {
        let age = now.saturating_duration_since(self.begun);
        let is_stuck = |last_ms: &&AtomicU64| {
            age.saturating_sub(Duration::from_millis(last_ms.load(Ordering::Relaxed))) > Self::AGE_MAX
        };
        self.beats_ms.iter().filter(is_stuck).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_without_a_recent_heartbeat_is_stuck() {
        let begun = Instant::now();
        let heartbeats = Heartbeats::new(2, begun);
        assert_eq!(heartbeats.stuck_threads(begun + Heartbeats::AGE_MAX), 0);
        heartbeats.beat(0, begun + Duration::from_secs(5));
        let later = begun + Heartbeats::AGE_MAX + Duration::from_millis(1);
        assert_eq!(heartbeats.stuck_threads(later), 1, "the second thread has not beaten since the start");
        heartbeats.beat(1, later);
        assert_eq!(heartbeats.stuck_threads(later), 0);
        assert_eq!(heartbeats.stuck_threads(later + Heartbeats::AGE_MAX), 1);
    }
}
