//! The difficulty of challenges: it rises under load and falls when the load is low. Pure.

/// The range of the difficulty, in zero bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The initial difficulty.
    pub base: u8,
    /// The lowest difficulty.
    pub min: u8,
    /// The highest difficulty.
    pub max: u8,
}

impl Default for Range {
    fn default() -> Self {
        Self { base: 20, min: 16, max: 24 }
    }
}

/// The load within one second. Each value is relative to its target.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    /// Connections, including refused ones, relative to the limit of open connections.
    pub(super) connections: f64,
    /// Issued challenges relative to the target rate. An address counts up to [`share_of_address`].
    pub(super) challenges: f64,
    /// Delay of a solution relative to the target delay.
    pub(super) wait: f64,
    /// Fill level of the spent nonces relative to [`SPENT_FILL_MAX`].
    pub(super) spent: f64,
}

impl Load {
    /// The largest of the values.
    pub(super) fn pressure(&self) -> f64 {
        self.connections.max(self.challenges).max(self.wait).max(self.spent)
    }
}

/// The target fill level of the spent nonces.
pub(super) const SPENT_FILL_MAX: f64 = 0.8;

/// Pressure below which the load is low.
const LOW_PRESSURE: f64 = 0.5;

/// Consecutive seconds of low load after which the difficulty falls by one bit.
const LOW_SECONDS: u32 = 5;

/// The difficulty of new challenges.
#[derive(Clone, Debug)]
pub(super) struct Difficulty {
    range: Range,
    bits: u8,
    low_seconds: u32,
}

impl Difficulty {
    pub(super) fn new(range: Range) -> Self {
        Self { range, bits: range.base, low_seconds: 0 }
    }

    /// Takes the pressure of the last second, and returns the difficulty for the next one.
    pub(super) fn after_second(&mut self, pressure: f64) -> u8 {
        self.low_seconds = if pressure < LOW_PRESSURE { self.low_seconds + 1 } else { 0 };
        if pressure > 2.0 {
            self.bits += 2;
        } else if pressure > 1.0 {
            self.bits += 1;
        } else if self.low_seconds >= LOW_SECONDS {
            self.bits = self.bits.saturating_sub(1);
            self.low_seconds = 0;
        }
        self.bits = self.bits.clamp(self.range.min, self.range.max);
        self.bits
    }
}

/// The number of challenges of one address and one second that count as load: an eighth of the target rate. One address
/// alone cannot raise the difficulty of others; it pays the surcharge of [`extra_bits`] itself.
pub(super) fn share_of_address(rate_target: u32) -> u32 {
    const ADDRESSES_AT_TARGET: u32 = 8;
    (rate_target / ADDRESSES_AT_TARGET).max(1)
}

/// The surcharge for an address with many attempts: one bit above four, and another bit for each doubling. Attempts are
/// the requests of the last ten seconds, and the challenges that expired without a solution.
pub(super) fn extra_bits(attempts: u32) -> u8 {
    const FREE_ATTEMPTS: u32 = 4;
    const EXTRA_BITS_MAX: u8 = 6;
    let doublings = (0..EXTRA_BITS_MAX).take_while(|doubling| attempts > FREE_ATTEMPTS << doubling);
    doublings.map(|doubling| doubling + 1).last().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(difficulty: &mut Difficulty, pressure: f64, seconds: u32) -> u8 {
        (0..seconds).map(|_| difficulty.after_second(pressure)).last().unwrap()
    }

    #[test]
    fn difficulty_rises_within_three_seconds_and_recovers_within_sixty() {
        for (pressure, risen) in [(1.1, 23), (2.1, 24), (f64::INFINITY, 24)] {
            let mut difficulty = Difficulty::new(Range::default());
            assert_eq!(after(&mut difficulty, pressure, 3), risen, "{pressure}");
            assert_eq!(after(&mut difficulty, pressure, 60), 24, "{pressure}");
            let seconds = (1..=60).find(|_| difficulty.after_second(0.4) <= 20);
            assert_eq!(seconds, Some(20), "{pressure}");
        }
    }

    #[test]
    fn eight_addresses_together_reach_the_target_rate() {
        assert_eq!(8 * share_of_address(400), 400);
        assert_eq!(share_of_address(3), 1);
    }

    #[test]
    fn medium_load_leaves_the_difficulty_unchanged() {
        let mut difficulty = Difficulty::new(Range::default());
        assert_eq!(after(&mut difficulty, 1.0, 100), 20);
        assert_eq!(after(&mut difficulty, 0.5, 100), 20);
        assert_eq!(after(&mut difficulty, 0.4, 4), 20);
        assert_eq!(after(&mut difficulty, 0.6, 1), 20);
        assert_eq!(after(&mut difficulty, 0.4, 4), 20, "the five seconds must be consecutive");
        assert_eq!(after(&mut difficulty, 0.4, 1), 19);
        assert_eq!(after(&mut difficulty, 0.0, 1000), 16);
    }

    #[test]
    fn pressure_is_the_largest_value() {
        let load = Load { connections: 0.1, challenges: 0.2, wait: 3.0, spent: 0.4 };
        assert!((load.pressure() - 3.0).abs() < f64::EPSILON);
        assert!(Load::default().pressure() < f64::EPSILON);
    }

    #[test]
    fn the_surcharge_is_one_bit_per_doubling() {
        let cases =
            [(1, 0), (4, 0), (5, 1), (8, 1), (9, 2), (16, 2), (17, 3), (128, 5), (129, 6), (1_000_000, 6)];
        for (attempts, bits) in cases {
            assert_eq!(extra_bits(attempts), bits, "{attempts}");
        }
    }
}
