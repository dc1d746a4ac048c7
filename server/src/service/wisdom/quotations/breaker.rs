//! A circuit breaker: a source that fails again and again is left alone for a while, and then tried once.

use std::time::{Duration, Instant};

/// When a circuit opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circuit {
    /// It opens at this many failures in a row.
    pub failures_max: u32,
    /// How long it is open at first; each try that fails doubles the time.
    pub open_first: Duration,
    /// The longest time that it is open.
    pub open_max: Duration,
}

impl Default for Circuit {
    fn default() -> Self {
        Self { failures_max: 3, open_first: Duration::from_secs(5), open_max: Duration::from_mins(5) }
    }
}

/// The breaker of one source. It reads no clock.
#[derive(Debug)]
pub(super) struct Breaker {
    circuit: Circuit,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The source is used.
    Closed { failures: u32 },
    /// It is left alone until then.
    Open { until: Instant, open_for: Duration },
    /// One try is under way, and decides.
    HalfOpen { open_for: Duration },
}

impl Breaker {
    pub(super) fn new(circuit: Circuit) -> Self {
        Self { circuit, state: State::Closed { failures: 0 } }
    }

    /// Whether the source may be asked now. Each `true` has to be followed by [`Breaker::succeeded`] or
    /// [`Breaker::failed`]: where the circuit was open, nobody else may ask before.
    pub(super) fn may_try(&mut self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until, open_for } if until <= now => {
                self.state = State::HalfOpen { open_for };
                true
            }
            State::Open { .. } | State::HalfOpen { .. } => false,
        }
    }

    /// When the source may be tried again, if it is left alone now.
    pub(super) fn opens_until(&self) -> Option<Instant> {
        match self.state {
            State::Open { until, .. } => Some(until),
            State::Closed { .. } | State::HalfOpen { .. } => None,
        }
    }

    pub(super) fn succeeded(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    pub(super) fn failed(&mut self, now: Instant) {
        let open_for = match self.state {
            State::Closed { failures } if failures + 1 < self.circuit.failures_max => {
                self.state = State::Closed { failures: failures + 1 };
                return;
            }
            State::Closed { .. } => self.circuit.open_first,
            State::Open { open_for, .. } | State::HalfOpen { open_for } => open_for.saturating_mul(2),
        };
        let open_for = open_for.min(self.circuit.open_max);
        self.state = State::Open { until: now + open_for, open_for };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn fail(breaker: &mut Breaker, now: Instant) {
        assert!(breaker.may_try(now));
        breaker.failed(now);
    }

    #[test]
    fn three_failures_in_a_row_open_it() {
        let now = Instant::now();
        let mut breaker = Breaker::new(Circuit::default());
        for _ in 0..5 {
            fail(&mut breaker, now);
            fail(&mut breaker, now);
            assert!(breaker.may_try(now));
            breaker.succeeded();
        }
        for _ in 0..3 {
            assert_eq!(breaker.opens_until(), None);
            fail(&mut breaker, now);
        }
        assert_eq!(breaker.opens_until(), Some(now + 5 * SECOND));
        assert!(!breaker.may_try(now + Duration::from_nanos(4_999_999_999)));
    }

    #[test]
    fn half_open_allows_one_try_which_decides() {
        let now = Instant::now();
        let mut breaker = Breaker::new(Circuit::default());
        for _ in 0..3 {
            fail(&mut breaker, now);
        }
        let later = now + 5 * SECOND;
        assert!(breaker.may_try(later));
        assert!(!breaker.may_try(later), "one try only");
        breaker.failed(later);
        assert_eq!(breaker.opens_until(), Some(later + 10 * SECOND));
        let later = later + 10 * SECOND;
        assert!(breaker.may_try(later));
        breaker.succeeded();
        assert!(breaker.may_try(later));
        // It begins from the beginning: two failures do nothing, the third opens it for the first time again.
        for _ in 0..3 {
            fail(&mut breaker, later);
        }
        assert_eq!(breaker.opens_until(), Some(later + 5 * SECOND));
    }

    #[test]
    fn the_time_doubles_up_to_its_limit() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(Circuit::default());
        fail(&mut breaker, now);
        fail(&mut breaker, now);
        let mut times = Vec::new();
        for _ in 0..9 {
            fail(&mut breaker, now);
            let until = breaker.opens_until().unwrap();
            times.push((until - now).as_secs());
            now = until;
        }
        assert_eq!(times, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    }
}
