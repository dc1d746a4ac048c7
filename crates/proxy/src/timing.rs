//! When a toxic applies: during a part of the time since it was added, repeatedly, to the first connections only, and after some
//! round trips.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::toxic::ToxicError;

/// The schedule of a toxic. The default is: always, and to all connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// The time since the toxic was added at which it begins to apply, in milliseconds.
    #[serde(default, rename = "from", skip_serializing_if = "is_zero")]
    pub from_ms: u64,
    /// The time at which it ceases to apply, in milliseconds; 0 means never.
    #[serde(default, rename = "to", skip_serializing_if = "is_zero")]
    pub to_ms: u64,
    /// The period after which both times are repeated, in milliseconds; 0 means that they are not.
    #[serde(default, rename = "every", skip_serializing_if = "is_zero")]
    pub every_ms: u64,
    /// The number of connections of the proxy, counted from the first, to which it applies; 0 means all.
    #[serde(default, rename = "connections", skip_serializing_if = "is_zero")]
    pub connections_max: u64,
    /// The number of round trips of a connection after which it applies to it. A round trip is data from the client and then data
    /// from the service.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round_trips: u64,
}

impl Timing {
    /// The keys of a schedule on the command line and in JSON.
    pub(crate) const KEYS: [&str; 5] = ["from", "to", "every", "connections", "round_trips"];

    /// Returns the schedule, if its times are in order.
    ///
    /// # Errors
    /// The toxic would never apply, or it would apply beyond its period.
    pub(crate) fn checked(self) -> Result<Self, ToxicError> {
        let Self { from_ms, to_ms, every_ms, .. } = self;
        let problem = if to_ms > 0 && to_ms <= from_ms {
            "to must be later than from"
        } else if every_ms > 0 && to_ms == 0 {
            "every needs to, the end of each repetition"
        } else if every_ms > 0 && every_ms < to_ms {
            "every must not be shorter than to"
        } else {
            return Ok(self);
        };
        Err(ToxicError::Attributes(problem.to_owned()))
    }

    /// Returns whether the toxic applies to the connection with this number, counted from 1.
    pub(crate) fn includes(self, connection: u64) -> bool {
        self.connections_max == 0 || connection <= self.connections_max
    }

    /// Returns whether the toxic applies at this time since it was added.
    pub(crate) fn is_active(self, elapsed: Duration) -> bool {
        self.next_active(elapsed) == Some(elapsed)
    }

    /// Returns the first time, not before `elapsed`, at which the toxic applies, if there is one.
    pub(crate) fn next_active(self, elapsed: Duration) -> Option<Duration> {
        let (begun, from, to) = self.window(elapsed);
        if elapsed < begun + from {
            return Some(begun + from);
        }
        match to {
            Some(to) if elapsed >= begun + to => {
                (self.every_ms > 0).then(|| begun + milliseconds(self.every_ms) + from)
            }
            _ => Some(elapsed),
        }
    }

    /// Returns the time at which the toxic, which applies at `elapsed`, ceases to apply, if it does.
    pub(crate) fn end(self, elapsed: Duration) -> Option<Duration> {
        let (begun, _, to) = self.window(elapsed);
        to.map(|to| begun + to)
    }

    /// Returns the beginning of the current repetition, and the beginning and the end of its active part relative to that.
    fn window(self, elapsed: Duration) -> (Duration, Duration, Option<Duration>) {
        let begun = match self.every_ms {
            0 => Duration::ZERO,
            every_ms => {
                let period_ns = milliseconds(every_ms).as_nanos();
                Duration::from_nanos_u128(elapsed.as_nanos() / period_ns * period_ns)
            }
        };
        (begun, milliseconds(self.from_ms), (self.to_ms > 0).then(|| milliseconds(self.to_ms)))
    }
}

/// Returns a duration that is short enough for sums with others.
fn milliseconds(milliseconds: u64) -> Duration {
    const LONGEST: Duration = Duration::from_hours(24 * 365);
    Duration::from_millis(milliseconds).min(LONGEST)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: Timing = Timing { from_ms: 0, to_ms: 0, every_ms: 0, connections_max: 0, round_trips: 0 };

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn without_times_a_toxic_always_applies() {
        assert_eq!(Timing::default(), ALWAYS);
        assert!(ALWAYS.is_active(ms(0)) && ALWAYS.is_active(ms(1_000_000)));
        assert_eq!(ALWAYS.end(ms(5)), None);
        assert!(ALWAYS.includes(1_000_000));
    }

    #[test]
    fn a_toxic_applies_from_one_time_to_another() {
        let once = Timing { from_ms: 100, to_ms: 200, ..ALWAYS };
        let active: Vec<u64> =
            [0, 99, 100, 199, 200, 1000].into_iter().filter(|at| once.is_active(ms(*at))).collect();
        assert_eq!(active, [100, 199]);
        assert_eq!([0, 150, 200].map(|at| once.next_active(ms(at))), [Some(ms(100)), Some(ms(150)), None]);
        assert_eq!(once.end(ms(150)), Some(ms(200)));
    }

    #[test]
    fn repetitions_begin_after_each_period() {
        let often = Timing { from_ms: 100, to_ms: 200, every_ms: 1000, ..ALWAYS };
        assert_eq!(
            [0, 150, 200, 1150, 1300].map(|at| often.is_active(ms(at))),
            [false, true, false, true, false]
        );
        assert_eq!(often.next_active(ms(1300)), Some(ms(2100)));
        assert_eq!(often.end(ms(1150)), Some(ms(1200)));
    }

    #[test]
    fn the_first_connections_are_counted_from_one() {
        let first = Timing { connections_max: 2, ..ALWAYS };
        assert_eq!([1, 2, 3].map(|connection| first.includes(connection)), [true, true, false]);
    }

    #[test]
    fn times_that_never_apply_are_rejected() {
        for (from_ms, to_ms, every_ms) in [(200, 200, 0), (0, 0, 100), (0, 200, 100)] {
            Timing { from_ms, to_ms, every_ms, ..ALWAYS }.checked().unwrap_err();
        }
        Timing { from_ms: 0, to_ms: 100, every_ms: 100, ..ALWAYS }.checked().unwrap();
    }
}
