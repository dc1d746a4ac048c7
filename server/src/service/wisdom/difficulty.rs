//! How hard challenges are: what presses on the server makes them harder, and calm makes them easier. Pure.

/// The bounds, and where it begins; in zero bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The difficulty at the start.
    pub base: u8,
    /// It is never less than this,
    pub min: u8,
    /// and never more than this.
    pub max: u8,
}

impl Default for Range {
    fn default() -> Self {
        Self { base: 20, min: 16, max: 24 }
    }
}

/// What presses on the server in a second: each the share of what it should be at the most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    /// Connections, those included that were turned away for want of room, of those that may be open.
    pub(super) connections: f64,
    /// Challenges issued, of how many there should be in a second.
    pub(super) challenges: f64,
    /// How long a solution waits for a thread, of how long it should.
    pub(super) wait: f64,
    /// How full the set of spent challenges is, of how full it may be.
    pub(super) spent: f64,
}

impl Load {
    /// The largest of them.
    pub(super) fn pressure(&self) -> f64 {
        self.connections.max(self.challenges).max(self.wait).max(self.spent)
    }
}

/// So full the set of spent challenges may be.
pub(super) const SPENT_FILL_MAX: f64 = 0.8;

/// Below this the server is calm.
const CALM: f64 = 0.5;

/// So many calm seconds take a bit off.
const CALM_SECONDS: u32 = 5;

/// The difficulty of what is issued next.
#[derive(Clone, Debug)]
pub(super) struct Difficulty {
    range: Range,
    bits: u8,
    calm_seconds: u32,
}

impl Difficulty {
    pub(super) fn new(range: Range) -> Self {
        Self { range, bits: range.base, calm_seconds: 0 }
    }

    /// A second is over, in which this was the pressure. Brings the difficulty for the next one.
    pub(super) fn after_second(&mut self, pressure: f64) -> u8 {
        self.calm_seconds = if pressure < CALM { self.calm_seconds + 1 } else { 0 };
        if pressure > 2.0 {
            self.bits += 2;
        } else if pressure > 1.0 {
            self.bits += 1;
        } else if self.calm_seconds >= CALM_SECONDS {
            self.bits = self.bits.saturating_sub(1);
            self.calm_seconds = 0;
        }
        self.bits = self.bits.clamp(self.range.min, self.range.max);
        self.bits
    }
}

/// How much harder it is for who asks often: a bit for more than four challenges in ten seconds, and another for each
/// doubling of that.
pub(super) fn extra_bits(challenges: u32) -> u8 {
    const FREE: u32 = 4;
    const EXTRA_BITS_MAX: u8 = 6;
    let doublings = (0..EXTRA_BITS_MAX).take_while(|doubling| challenges > FREE << doubling);
    doublings.map(|doubling| doubling + 1).last().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(difficulty: &mut Difficulty, pressure: f64, seconds: u32) -> u8 {
        (0..seconds).map(|_| difficulty.after_second(pressure)).last().unwrap()
    }

    #[test]
    fn it_rises_within_three_seconds_and_is_back_within_sixty() {
        for (pressure, risen) in [(1.1, 23), (2.1, 24), (f64::INFINITY, 24)] {
            let mut difficulty = Difficulty::new(Range::default());
            assert_eq!(after(&mut difficulty, pressure, 3), risen, "{pressure}");
            assert_eq!(after(&mut difficulty, pressure, 60), 24, "{pressure}");
            let seconds = (1..=60).find(|_| difficulty.after_second(0.4) <= 20);
            assert_eq!(seconds, Some(20), "{pressure}");
        }
    }

    #[test]
    fn it_stays_where_the_server_is_neither_pressed_nor_calm() {
        let mut difficulty = Difficulty::new(Range::default());
        assert_eq!(after(&mut difficulty, 1.0, 100), 20);
        assert_eq!(after(&mut difficulty, 0.5, 100), 20);
        assert_eq!(after(&mut difficulty, 0.4, 4), 20);
        assert_eq!(after(&mut difficulty, 0.6, 1), 20);
        assert_eq!(after(&mut difficulty, 0.4, 4), 20, "the five seconds are five in a row");
        assert_eq!(after(&mut difficulty, 0.4, 1), 19);
        assert_eq!(after(&mut difficulty, 0.0, 1000), 16);
    }

    #[test]
    fn the_largest_of_all_presses() {
        let load = Load { connections: 0.1, challenges: 0.2, wait: 3.0, spent: 0.4 };
        assert!((load.pressure() - 3.0).abs() < f64::EPSILON);
        assert!(Load::default().pressure() < f64::EPSILON);
    }

    #[test]
    fn who_asks_often_gets_a_bit_for_each_doubling() {
        let cases =
            [(1, 0), (4, 0), (5, 1), (8, 1), (9, 2), (16, 2), (17, 3), (128, 5), (129, 6), (1_000_000, 6)];
        for (challenges, bits) in cases {
            assert_eq!(extra_bits(challenges), bits, "{challenges}");
        }
    }
}
