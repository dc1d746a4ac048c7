//! The challenges that have brought their quotation, until they have expired.

use std::collections::{BTreeMap, HashSet};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The nonces of spent challenges.
///
/// A nonce that is forgotten too early could be spent again, so none is, and where there is no room nothing is spent.
#[derive(Debug)]
pub(super) struct Spent {
    nonces_max: usize,
    shared: Mutex<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    by_expiry_second: BTreeMap<u64, HashSet<[u8; 16]>>,
    count: usize,
    /// What expires before this second is forgotten.
    forgotten_before: u64,
}

/// What became of a nonce that was to be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spending {
    /// It is spent now.
    Done,
    /// It was spent before.
    Again,
    /// There is no room to remember it.
    Full,
    /// It has expired, and nobody knows any more whether it was spent.
    TooLate,
}

impl Spent {
    pub(super) fn new(nonces_max: usize) -> Self {
        Self { nonces_max, shared: Mutex::default() }
    }

    /// Spends the nonce of a challenge that expires at this time, unless it was spent. However many threads try, one
    /// of them does it.
    pub(super) fn spend(&self, nonce: [u8; 16], expires_ms: u64) -> Spending {
        let second = expires_ms / 1000;
        let mut guard = self.lock();
        let shared = &mut *guard;
        if second < shared.forgotten_before {
            return Spending::TooLate;
        }
        let of_second = shared.by_expiry_second.entry(second).or_default();
        if of_second.contains(&nonce) {
            Spending::Again
        } else if shared.count >= self.nonces_max {
            Spending::Full
        } else {
            of_second.insert(nonce);
            shared.count += 1;
            Spending::Done
        }
    }

    /// Forgets what has expired by now.
    pub(super) fn forget_expired(&self, now_ms: u64) {
        // What expires within this second may still be solved in it.
        let second = now_ms / 1000;
        let mut shared = self.lock();
        let rest = shared.by_expiry_second.split_off(&second);
        let expired = mem::replace(&mut shared.by_expiry_second, rest);
        shared.count -= expired.values().map(HashSet::len).sum::<usize>();
        shared.forgotten_before = shared.forgotten_before.max(second);
        // Their memory is given back when nobody waits for the lock any more.
        drop(shared);
        drop(expired);
    }

    /// How many are remembered.
    pub(super) fn count(&self) -> usize {
        self.lock().count
    }

    /// How many may be.
    pub(super) fn nonces_max(&self) -> usize {
        self.nonces_max
    }

    /// Keeps everybody from spending.
    #[cfg(test)]
    pub(super) fn hold(&self) -> impl Sized + '_ {
        self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Nothing that is done under it can panic half-way.
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
    fn w27_of_64_threads_with_the_same_nonce_one_spends_it() {
        const THREADS: usize = 64;
        const ROUNDS: usize = 1000;
        let spent = Spent::new(ROUNDS);
        let barrier = Barrier::new(THREADS);
        let winners: Vec<AtomicUsize> = (0..ROUNDS).map(|_| AtomicUsize::new(0)).collect();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for (round, won) in winners.iter().enumerate() {
                        barrier.wait();
                        match spent.spend(nonce(round), 60_000) {
                            Spending::Done => _ = won.fetch_add(1, Ordering::Relaxed),
                            other => assert_eq!(other, Spending::Again),
                        }
                    }
                });
            }
        });
        assert!(winners.iter().all(|won| won.load(Ordering::Relaxed) == 1));
        assert_eq!(spent.count(), ROUNDS);
    }

    #[test]
    fn where_there_is_no_room_nothing_is_spent_and_nothing_is_forgotten() {
        let spent = Spent::new(64);
        assert!((0..64).all(|number| spent.spend(nonce(number), 1000) == Spending::Done));
        assert_eq!(spent.spend(nonce(64), 1000), Spending::Full);
        assert!((0..64).all(|number| spent.spend(nonce(number), 1000) == Spending::Again));
        assert_eq!((spent.count(), spent.nonces_max()), (64, 64));
    }

    #[test]
    fn what_has_expired_is_forgotten_and_cannot_be_spent_again() {
        let spent = Spent::new(2);
        assert_eq!(spent.spend(nonce(1), 1_500), Spending::Done);
        assert_eq!(spent.spend(nonce(2), 2_500), Spending::Done);
        spent.forget_expired(1_999);
        assert_eq!(spent.spend(nonce(1), 1_500), Spending::Again, "its second is not over");
        spent.forget_expired(2_000);
        assert_eq!(spent.count(), 1);
        assert_eq!(spent.spend(nonce(1), 1_500), Spending::TooLate);
        assert_eq!(spent.spend(nonce(2), 2_500), Spending::Again);
        assert_eq!(spent.spend(nonce(3), 2_500), Spending::Done, "there is room again");
    }
}
