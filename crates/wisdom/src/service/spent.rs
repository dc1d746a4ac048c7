//! The nonces of solved challenges, until the challenges expire.

use std::collections::{BTreeMap, HashSet};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The spent nonces.
///
/// No nonce is removed before its challenge expires, because it could be spent again. When the set is full, no further
/// nonce can be spent.
#[derive(Debug)]
pub(super) struct SpentNonces {
    nonces_max: usize,
    shared: Mutex<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    by_expiry_second: BTreeMap<u64, HashSet<[u8; 16]>>,
    count: usize,
    /// Nonces that expire before this second have been removed.
    removed_before: u64,
}

/// The result of spending a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spending {
    /// The nonce was not spent before.
    Spent,
    /// The nonce was spent before.
    AlreadySpent,
    /// The set is full.
    Full,
    /// The challenge has expired; whether its nonce was spent is no longer stored.
    Expired,
}

impl SpentNonces {
    pub(super) fn new(nonces_max: usize) -> Self {
        Self { nonces_max, shared: Mutex::default() }
    }

    /// Spends the nonce of a challenge that expires at this time, in milliseconds since 1970. If several threads spend
    /// the same nonce, exactly one succeeds.
    pub(super) fn spend(&self, nonce: [u8; 16], expires_ms: u64) -> Spending {
        let second = expires_ms / 1000;
        let mut guard = self.lock();
        let shared = &mut *guard;
        if second < shared.removed_before {
            return Spending::Expired;
        }
        let of_second = shared.by_expiry_second.entry(second).or_default();
        if of_second.contains(&nonce) {
            Spending::AlreadySpent
        } else if shared.count >= self.nonces_max {
            Spending::Full
        } else {
            of_second.insert(nonce);
            shared.count += 1;
            Spending::Spent
        }
    }

    /// Removes the nonces of expired challenges.
    pub(super) fn remove_expired(&self, now_ms: u64) {
        // A challenge that expires within the current second may still be solved.
        let second = now_ms / 1000;
        let mut shared = self.lock();
        let rest = shared.by_expiry_second.split_off(&second);
        let expired = mem::replace(&mut shared.by_expiry_second, rest);
        shared.count -= expired.values().map(HashSet::len).sum::<usize>();
        shared.removed_before = shared.removed_before.max(second);
        // Freeing the memory takes time, so it happens after the lock is released.
        drop(shared);
        drop(expired);
    }

    /// The number of stored nonces.
    pub(super) fn count(&self) -> usize {
        self.lock().count
    }

    /// The capacity.
    pub(super) fn nonces_max(&self) -> usize {
        self.nonces_max
    }

    /// Locks the set, so that nothing can be spent.
    #[cfg(test)]
    pub(super) fn hold(&self) -> impl Sized + '_ {
        self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // No code under the lock can panic between two changes.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn nonce(number: usize) -> [u8; 16] {
        (number as u128).to_be_bytes()
    }

    #[test]
    fn w27_one_of_64_threads_spends_a_nonce() {
        const THREADS: usize = 64;
        const ROUNDS: usize = 1000;
        let spent = SpentNonces::new(ROUNDS);
        let barrier = Barrier::new(THREADS);
        let winners: Vec<AtomicUsize> = (0..ROUNDS).map(|_| AtomicUsize::new(0)).collect();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for (round, won) in winners.iter().enumerate() {
                        barrier.wait();
                        match spent.spend(nonce(round), 60_000) {
                            Spending::Spent => _ = won.fetch_add(1, Ordering::Relaxed),
                            other => assert_eq!(other, Spending::AlreadySpent),
                        }
                    }
                });
            }
        });
        assert!(winners.iter().all(|won| won.load(Ordering::Relaxed) == 1));
        assert_eq!(spent.count(), ROUNDS);
    }

    #[test]
    fn a_full_set_spends_nothing_and_removes_nothing() {
        let spent = SpentNonces::new(64);
        assert!((0..64).all(|number| spent.spend(nonce(number), 1000) == Spending::Spent));
        assert_eq!(spent.spend(nonce(64), 1000), Spending::Full);
        assert!((0..64).all(|number| spent.spend(nonce(number), 1000) == Spending::AlreadySpent));
        assert_eq!((spent.count(), spent.nonces_max()), (64, 64));
    }

    #[test]
    fn expired_nonces_are_removed_and_cannot_be_spent_again() {
        let spent = SpentNonces::new(2);
        assert_eq!(spent.spend(nonce(1), 1_500), Spending::Spent);
        assert_eq!(spent.spend(nonce(2), 2_500), Spending::Spent);
        spent.remove_expired(1_999);
        assert_eq!(spent.spend(nonce(1), 1_500), Spending::AlreadySpent, "its second has not passed");
        spent.remove_expired(2_000);
        assert_eq!(spent.count(), 1);
        assert_eq!(spent.spend(nonce(1), 1_500), Spending::Expired);
        assert_eq!(spent.spend(nonce(2), 2_500), Spending::AlreadySpent);
        assert_eq!(spent.spend(nonce(3), 2_500), Spending::Spent, "there is room again");
    }
}
