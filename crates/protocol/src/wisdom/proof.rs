//! Proof of work: a counter for which the SHA-256 hash of token and counter begins with enough zero bits (hashcash).

use std::sync::atomic::{AtomicBool, Ordering};

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

use super::token::TOKEN_BYTES;

/// The maximum difficulty that a client accepts, in zero bits: about five seconds of work on one core.
pub const DIFFICULTY_MAX: u8 = 26;

/// The number of counters that a search for a fitting one tries.
const COUNTERS_MAX: u64 = 1 << 34;

/// The number of counters that such a search tries before it looks again whether it was cancelled.
const COUNTERS_PER_CHECK: usize = 1024;

/// Returns the number of leading zero bits of the hash of a token and a counter.
#[must_use]
pub fn zero_bits(token: &[u8; TOKEN_BYTES], counter: u64) -> u32 {
    let hash = Sha256::new().chain_update(token).chain_update(counter.to_be_bytes()).finalize();
    leading_zeros(hash.chunks(4).map(|word| word.iter().fold(0, |word, &byte| word << 8 | u32::from(byte))))
}

/// Searches for counters. The token is one block of SHA-256, so its part of the hash is computed only once, and each
/// counter costs one further block.
#[derive(Clone, Debug)]
pub struct Search {
    /// The state of the hash after the token.
    after_token: [u32; 8],
    /// The counter and the padding of SHA-256 (FIPS 180-4, 5.1.1).
    block: [u8; 64],
}

impl Search {
    /// Creates a search for a token.
    #[must_use]
    pub fn new(token: &[u8; TOKEN_BYTES]) -> Self {
        /// The initial state of SHA-256 (FIPS 180-4, 5.3.3).
        const INITIAL: [u32; 8] = [
            0x6a09_e667,
            0xbb67_ae85,
            0x3c6e_f372,
            0xa54f_f53a,
            0x510e_527f,
            0x9b05_688c,
            0x1f83_d9ab,
            0x5be0_cd19,
        ];
        const MESSAGE_BITS: u64 = (TOKEN_BYTES as u64 + 8) * 8;
        let mut after_token = INITIAL;
        compress256(&mut after_token, &[*token]);
        let mut block = [0; 64];
        block[8] = 0x80;
        block[56..].copy_from_slice(&MESSAGE_BITS.to_be_bytes());
        Self { after_token, block }
    }

    /// Returns the number of leading zero bits of the hash with this counter.
    #[must_use]
    pub fn zero_bits(&mut self, counter: u64) -> u32 {
        self.block[..8].copy_from_slice(&counter.to_be_bytes());
        let mut state = self.after_token;
        compress256(&mut state, &[self.block]);
        leading_zeros(state.into_iter())
    }

    /// Returns the first counter, from zero, for which `fits` accepts the counter and the zero bits of its hash. Looks at
    /// `is_cancelled` after each thousand counters, which is less than a millisecond of work.
    ///
    /// Returns `None` if it was cancelled, or if no counter below 2³⁴ fits: no challenge of a correct server needs more.
    pub fn find_fitting(
        &mut self,
        is_cancelled: &AtomicBool,
        mut fits: impl FnMut(u64, u32) -> bool,
    ) -> Option<u64> {
        for first in (0..COUNTERS_MAX).step_by(COUNTERS_PER_CHECK) {
            if is_cancelled.load(Ordering::Relaxed) {
                break;
            }
            let found = (first..first + COUNTERS_PER_CHECK as u64)
                .find(|&counter| fits(counter, self.zero_bits(counter)));
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Returns the first of the counters whose hash begins with at least `difficulty` zero bits.
    pub fn find(&mut self, difficulty: u8, counters: impl IntoIterator<Item = u64>) -> Option<u64> {
        counters.into_iter().find(|&counter| self.zero_bits(counter) >= difficulty.into())
    }
}

fn leading_zeros(words: impl Iterator<Item = u32>) -> u32 {
    let mut bits = 0;
    for word in words {
        bits += word.leading_zeros();
        if word != 0 {
            break;
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_agrees_with_the_plain_hash() {
        let token: [u8; TOKEN_BYTES] = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let mut search = Search::new(&token);
        for counter in (0..2_000).chain([u64::MAX, 1 << 40]) {
            assert_eq!(search.zero_bits(counter), zero_bits(&token, counter), "{counter}");
        }
    }

    #[test]
    fn find_returns_the_first_sufficient_counter() {
        let token = [9; TOKEN_BYTES];
        let found = Search::new(&token).find(10, 0..1 << 20).unwrap();
        assert!(zero_bits(&token, found) >= 10);
        assert!((0..found).all(|counter| zero_bits(&token, counter) < 10));
        assert_eq!(Search::new(&token).find(10, 0..found), None);
    }

    #[test]
    fn a_search_for_a_fitting_counter_can_be_cancelled() {
        let token = [7; TOKEN_BYTES];
        let (mut search, is_cancelled) = (Search::new(&token), AtomicBool::new(false));
        let found = search.find_fitting(&is_cancelled, |_, bits| bits >= 12);
        assert_eq!(found, Search::new(&token).find(12, 0..1 << 20));
        is_cancelled.store(true, Ordering::Relaxed);
        assert_eq!(search.find_fitting(&is_cancelled, |_, _| true), None);
    }

    #[test]
    fn leading_zeros_are_counted_in_bits() {
        assert_eq!(leading_zeros([0, 0x00ff_0000, 0].into_iter()), 40);
        assert_eq!(leading_zeros([0x8000_0000].into_iter()), 0);
        assert_eq!(leading_zeros([0; 8].into_iter()), 256);
    }
}
