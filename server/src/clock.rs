//! The clock of the server.

use std::time::{Duration, Instant};

/// A source of time, injected so that tests can advance it.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The current time of a monotonic clock.
    fn now(&self) -> Instant;
    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// The monotonic clock of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicClock;

impl Clock for MonotonicClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    async fn sleep(&self, duration: Duration) {
        smol::Timer::after(duration).await;
    }
}
