//! Values that several command lines share: seconds, ranges of seeds, a random seed.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// A range of seeds that includes both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedRange {
    /// The first seed.
    pub first: u64,
    /// The last seed.
    pub last: u64,
}

/// The largest number of seeds of one range.
const SEEDS_MAX: u64 = 100_000;

/// Parses a range of seeds such as `1..5`, which includes both ends.
///
/// # Errors
/// The text is not a range, or the range has more than 100,000 seeds.
pub fn seeds(text: &str) -> Result<SeedRange, String> {
    let malformed = || "expected a range such as 1..5, which includes the first and the last seed".to_owned();
    let (first, last) = text.split_once("..").ok_or_else(malformed)?;
    let first = first.parse().map_err(|_| malformed())?;
    let last = last.parse().map_err(|_| malformed())?;
    match last {
        last if last < first => Err("the last seed is smaller than the first".to_owned()),
        last if last - first >= SEEDS_MAX => Err(format!("at most {SEEDS_MAX} seeds can be run")),
        last => Ok(SeedRange { first, last }),
    }
}

/// Parses a positive number of seconds of at most one day.
///
/// # Errors
/// The text is not such a number.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 =
        text.parse().map_err(|_| "expected a number of seconds, such as 10 or 0.5".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && duration <= SECONDS_MAX => Ok(duration),
        _ => Err(format!("expected more than 0 and at most {} seconds", SECONDS_MAX.as_secs())),
    }
}

const SECONDS_MAX: Duration = Duration::from_hours(24);

/// Draws a seed that is short enough to be typed. This is the only draw that no seed decides.
#[must_use]
pub fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000
}
