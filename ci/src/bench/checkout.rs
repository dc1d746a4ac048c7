//! What is measured: a build, and how often and how long.

use std::time::Duration;

use crate::binaries::Binaries;
use crate::cargo::Cargo;
use crate::failure::Failure;

/// A checkout with built binaries.
pub(crate) struct Checkout {
    pub(crate) cargo: Cargo,
    pub(crate) binaries: Binaries,
}

/// The number and length of the rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    pub(crate) is_short: bool,
    pub(crate) count: usize,
    /// The time that the client program runs in a round.
    pub(crate) length: Duration,
}

impl Rounds {
    pub(crate) fn new(is_short: bool) -> Self {
        let (count, millis) = if is_short { (3, 500) } else { (11, 1500) };
        Self { is_short, count, length: Duration::from_millis(millis) }
    }
}

/// The values that one figure had in each round: of this checkout, and of the baseline where there is one.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    pub(crate) current: Vec<f64>,
    pub(crate) baseline: Vec<f64>,
}

impl Pairs {
    /// Measures this checkout and the baseline in turns.
    ///
    /// # Errors
    /// A measurement fails.
    pub(crate) fn measure(
        rounds: usize,
        current: &Checkout,
        baseline: Option<&Checkout>,
        mut once: impl FnMut(&Checkout, usize) -> Result<f64, Failure>,
    ) -> Result<Self, Failure> {
        let mut pairs = Self::default();
        for round in 0..rounds {
            pairs.current.push(once(current, round)?);
            if let Some(baseline) = baseline {
                pairs.baseline.push(once(baseline, round)?);
            }
        }
        Ok(pairs)
    }
}
