//! Values that several command lines share: seconds, ranges of seeds, a random seed.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Seeds from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedRange {
    /// The first seed.
    pub first: u64,
    /// The last seed.
    pub last: u64,
}

/// More than anybody waits for, and little enough to be no trap.
const SEEDS_MAX: u64 = 100_000;

/// Reads a range of seeds.
///
/// # Errors
/// It is none, in words.
pub fn seeds(text: &str) -> Result<SeedRange, String> {
    let wrong = || "a range such as 1..5 is needed, first and last seed included".to_owned();
    let (first, last) = text.split_once("..").ok_or_else(wrong)?;
    let first = first.parse().map_err(|_| wrong())?;
    let last = last.parse().map_err(|_| wrong())?;
    match last {
        last if last < first => Err("the last seed is before the first".to_owned()),
        last if last - first >= SEEDS_MAX => Err(format!("at most {SEEDS_MAX} seeds are run")),
        last => Ok(SeedRange { first, last }),
    }
}

/// Reads a number of seconds, above none and up to a day.
///
/// # Errors
/// It is none, in words.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 =
        text.parse().map_err(|_| "a number of seconds is needed, such as 10 or 0.5".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && duration <= SECONDS_MAX => Ok(duration),
        _ => Err(format!("more than 0 and at most {} seconds are needed", SECONDS_MAX.as_secs())),
    }
}

const SECONDS_MAX: Duration = Duration::from_hours(24);

/// A seed that is short enough to be typed again. The one draw that no seed decides.
#[must_use]
pub fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000
}
