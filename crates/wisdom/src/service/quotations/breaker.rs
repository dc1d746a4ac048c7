//! A circuit breaker: after repeated failures a source is not used for some time, and then tried once.

use std::time::{Duration, Instant};

/// The settings of a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circuit {
    /// Consecutive failures after which the circuit opens.
    pub failures_max: u32,
    /// Time for which the circuit is open at first. Each failed try doubles it.
    pub open_first: Duration,
    /// Longest time for which the circuit is open.
    pub open_max: Duration,
}

impl Default for Circuit {
    fn default() -> Self {
        Self { failures_max: 3, open_first: Duration::from_secs(5), open_max: Duration::from_mins(5) }
    }
}

/// The circuit breaker of one source. The caller passes the time.
#[derive(Debug)]
pub(super) struct Breaker {
    circuit: Circuit,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The source is used.
    Closed { failures: u32 },
    /// The source is not used until this time.
    Open { until: Instant, open_for: Duration },
    /// A single try is running; its result closes or opens the circuit.
    HalfOpen { open_for: Duration },
}

impl Breaker {
    pub(super) fn new(circuit: Circuit) -> Self {
        Self { circuit, state: State::Closed { failures: 0 } }
    }

    /// Reports whether the source may be used now. After `true` the caller must call [`Breaker::succeeded`] or
    /// [`Breaker::failed`], because a half-open circuit permits no other try until then.
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

    /// The time at which an open circuit permits the next try.
    pub(super) fn open_until(&self) -> Option<Instant> {
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
    fn three_consecutive_failures_open_the_circuit() {
        let now = Instant::now();
        let mut breaker = Breaker::new(Circuit::default());
        for _ in 0..5 {
            fail(&mut breaker, now);
            fail(&mut breaker, now);
            assert!(breaker.may_try(now));
            breaker.succeeded();
        }
        for _ in 0..3 {
            assert_eq!(breaker.open_until(), None);
            fail(&mut breaker, now);
        }
        assert_eq!(breaker.open_until(), Some(now + 5 * SECOND));
        assert!(!breaker.may_try(now + Duration::from_nanos(4_999_999_999)));
    }

    #[test]
    fn a_half_open_circuit_permits_one_try() {
        let now = Instant::now();
        let mut breaker = Breaker::new(Circuit::default());
        for _ in 0..3 {
            fail(&mut breaker, now);
        }
        let later = now + 5 * SECOND;
        assert!(breaker.may_try(later));
        assert!(!breaker.may_try(later), "one try only");
        breaker.failed(later);
        assert_eq!(breaker.open_until(), Some(later + 10 * SECOND));
        let later = later + 10 * SECOND;
        assert!(breaker.may_try(later));
        breaker.succeeded();
        assert!(breaker.may_try(later));
        // A closed circuit starts anew: the third failure opens it for the initial time.
        for _ in 0..3 {
            fail(&mut breaker, later);
        }
        assert_eq!(breaker.open_until(), Some(later + 5 * SECOND));
    }

    #[test]
    fn the_open_time_doubles_up_to_its_limit() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(Circuit::default());
        fail(&mut breaker, now);
        fail(&mut breaker, now);
        let mut times = Vec::new();
        for _ in 0..9 {
            fail(&mut breaker, now);
            let until = breaker.open_until().unwrap();
            times.push((until - now).as_secs());
            now = until;
        }
        assert_eq!(times, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    }
}
