//! The random draws of the replay. Each draw has its own key, so it does not depend on earlier draws.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::workload::replay::steps::{MALFORMED_LINES, ReplayStep};

/// The draws of a seed: `ChaCha` keyed by the seed, with one stream per client and one block per draw.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    key: [u8; 32],
}

/// The key of a draw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) client: u32,
    pub(super) step: ReplayStep,
    /// The number of the client's completed passes through its packages in this step.
    pub(super) pass: u32,
    /// The position of the next package among those of the client.
    pub(super) position: u32,
}

/// The number of 4-byte words in a `ChaCha` block.
const WORDS_PER_BLOCK: u128 = 16;

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        let mut key = *b"gauntlet replay, seeded:        ";
        key[24..].copy_from_slice(&seed.to_le_bytes());
        Self { key }
    }

    /// Draws the malformed line to send first at this spot, with a chance of `unluckiness` percent.
    pub(super) fn malformed_line(&self, spot: Spot, unluckiness: u32) -> Option<usize> {
        let mut draw = ChaCha8Rng::from_seed(self.key);
        draw.set_stream(spot.client.into());
        // The 64 bits of the block counter: 3 bits of step, 29 of pass, 32 of position.
        let block = u128::from(spot.step.phase()) << 61
            | u128::from(spot.pass & 0x1fff_ffff) << 32
            | u128::from(spot.position);
        draw.set_word_pos(block * WORDS_PER_BLOCK);
        draw.random_ratio(unluckiness, 100).then(|| draw.random_range(0..MALFORMED_LINES.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPOT: Spot = Spot { client: 1, step: ReplayStep::Index, pass: 0, position: 0 };

    #[test]
    fn the_frequency_matches_the_chance_and_every_line_is_drawn() {
        let all = Draws::new(7);
        let drawn = |unluckiness| -> Vec<usize> {
            (0..10_000)
                .filter_map(|position| all.malformed_line(Spot { position, ..SPOT }, unluckiness))
                .collect()
        };
        assert_eq!(drawn(0).len(), 0);
        assert_eq!(drawn(100).len(), 10_000);
        let five = drawn(5);
        assert!((400..600).contains(&five.len()), "{}", five.len());
        for index in 0..MALFORMED_LINES.len() {
            assert!(five.contains(&index));
        }
    }

    #[test]
    fn draws_differ_by_client_pass_and_seed() {
        let drawn = |draws: &Draws, spot: Spot| -> Vec<Option<usize>> {
            (0..1000).map(|position| draws.malformed_line(Spot { position, ..spot }, 50)).collect()
        };
        let base = drawn(&Draws::new(7), SPOT);
        assert_eq!(base, drawn(&Draws::new(7), SPOT));
        assert_ne!(base, drawn(&Draws::new(8), SPOT));
        assert_ne!(base, drawn(&Draws::new(7), Spot { client: 2, ..SPOT }));
        assert_ne!(base, drawn(&Draws::new(7), Spot { pass: 1, ..SPOT }));
    }
}
