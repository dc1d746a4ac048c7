//! Time for those who may not look at a clock.

use std::time::{Duration, Instant};

/// A span of time that has begun.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    begun: Instant,
    lasts: Duration,
}

impl Patience {
    /// Begins now.
    #[must_use]
    pub fn begin(lasts: Duration) -> Self {
        Self { begun: Instant::now(), lasts }
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.begun.elapsed() >= self.lasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_when_its_time_is() {
        assert!(Patience::begin(Duration::ZERO).is_over());
        assert!(!Patience::begin(Duration::from_hours(1)).is_over());
    }
}
