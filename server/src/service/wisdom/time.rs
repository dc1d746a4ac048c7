//! The time that tokens bear: the wall clock when the server started, and a clock that never goes back since then.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::clock::Clock;

/// Tells it. Whoever sets the machine's clock makes no token older or younger.
#[derive(Clone, Debug)]
pub(super) struct Time<C> {
    clock: C,
    started: Instant,
    started_ms: u64,
}

impl<C: Clock> Time<C> {
    /// Begins now.
    pub(super) fn new(clock: C) -> Self {
        // A machine that lives before 1970 begins then.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let started = clock.now();
        Self { clock, started, started_ms: whole_ms(since) }
    }

    /// Now, in milliseconds since 1970.
    pub(super) fn now_ms(&self) -> u64 {
        self.started_ms.saturating_add(whole_ms(self.now().saturating_duration_since(self.started)))
    }

    /// Now, for what is measured.
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }
}

fn whole_ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
