//! The time in tokens: the wall clock at the start of the server, advanced by a monotonic clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use server::clock::Clock;

/// The source of that time. Changes of the system clock do not affect the age of tokens.
#[derive(Clone, Debug)]
pub(super) struct Time<C> {
    clock: C,
    started: Instant,
    started_ms: u64,
}

impl<C: Clock> Time<C> {
    /// Reads the wall clock once.
    pub(super) fn new(clock: C) -> Self {
        // A system clock before 1970 counts as 1970.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let started = clock.now();
        Self { clock, started, started_ms: whole_ms(since) }
    }

    /// The current time in milliseconds since 1970.
    pub(super) fn now_ms(&self) -> u64 {
        self.started_ms.saturating_add(whole_ms(self.now().saturating_duration_since(self.started)))
    }

    /// The current time, for measurements.
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
