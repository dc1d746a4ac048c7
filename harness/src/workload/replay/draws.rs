//! The replay's draws. Each has a key of its own, so it is the same whatever was drawn before it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::workload::replay::steps::{BROKEN_LINES, Step};

/// All draws of a seed: `ChaCha` keyed by the seed, a stream for each client, a block for each draw.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    key: [u8; 32],
}

/// Where a draw is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) client: u32,
    pub(super) step: Step,
    /// How often the client has gone through its packages in this step.
    pub(super) pass: u32,
    /// Which of its packages is next.
    pub(super) position: u32,
}

/// `ChaCha` counts words of 4 bytes; a block has 16 of them.
const WORDS_PER_BLOCK: u128 = 16;

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        let mut key = *b"gauntlet replay, seeded:        ";
        key[24..].copy_from_slice(&seed.to_le_bytes());
        Self { key }
    }

    /// The broken line to send first at this spot, with a chance of `unluckiness` in a hundred.
    pub(super) fn broken_line(&self, spot: Spot, unluckiness: u32) -> Option<usize> {
        let mut draw = ChaCha8Rng::from_seed(self.key);
        draw.set_stream(spot.client.into());
        // 3 bits of step, 29 of pass, 32 of position make up the 64 bits of the block counter.
        let block = u128::from(spot.step.phase()) << 61
            | u128::from(spot.pass & 0x1fff_ffff) << 32
            | u128::from(spot.position);
        draw.set_word_pos(block * WORDS_PER_BLOCK);
        draw.random_ratio(unluckiness, 100).then(|| draw.random_range(0..BROKEN_LINES.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPOT: Spot = Spot { client: 1, step: Step::Index, pass: 0, position: 0 };

    #[test]
    fn the_chance_is_as_asked_and_every_line_is_drawn() {
        let all = Draws::new(7);
        let drawn = |unluckiness| -> Vec<usize> {
            (0..10_000)
                .filter_map(|position| all.broken_line(Spot { position, ..SPOT }, unluckiness))
                .collect()
        };
        assert_eq!(drawn(0).len(), 0);
        assert_eq!(drawn(100).len(), 10_000);
        let five = drawn(5);
        assert!((400..600).contains(&five.len()), "{}", five.len());
        for which in 0..BROKEN_LINES.len() {
            assert!(five.contains(&which));
        }
    }

    #[test]
    fn clients_passes_and_seeds_draw_apart() {
        let drawn = |draws: &Draws, spot: Spot| -> Vec<Option<usize>> {
            (0..1000).map(|position| draws.broken_line(Spot { position, ..spot }, 50)).collect()
        };
        let base = drawn(&Draws::new(7), SPOT);
        assert_eq!(base, drawn(&Draws::new(7), SPOT));
        assert_ne!(base, drawn(&Draws::new(8), SPOT));
        assert_ne!(base, drawn(&Draws::new(7), Spot { client: 2, ..SPOT }));
        assert_ne!(base, drawn(&Draws::new(7), Spot { pass: 1, ..SPOT }));
    }
}
