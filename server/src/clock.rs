//! Where the server reads time.

use std::time::{Duration, Instant};

/// A source of time. It is injected, so that a test can move it.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Now, on a clock that never goes back.
    fn now(&self) -> Instant;
    /// Ends after `duration`.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// The machine's monotonic clock.
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
