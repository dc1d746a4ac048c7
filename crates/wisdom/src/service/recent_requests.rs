//! The recent challenge requests of each client address, and its challenges that were never solved.

use std::collections::HashMap;
use std::net::IpAddr;

use super::unanswered::{Lifetime, Unanswered};

/// The period in which requests count, in seconds.
const SECONDS: usize = 10;

/// The addresses with recent requests. When the table is full, requests of new addresses are not counted; so many
/// addresses raise the difficulty by their total rate.
#[derive(Debug)]
pub(super) struct RecentRequests {
    addresses_max: usize,
    lifetime: Lifetime,
    by_address: HashMap<IpAddr, History>,
    /// The challenges of all addresses, including those that are not in the table.
    unanswered: Unanswered,
    expired_total: u64,
}

/// The requests of one address, including the one that was just counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Requests {
    /// The number of requests in the last ten seconds.
    pub(super) recent: u32,
    /// The number of requests in the current second.
    pub(super) of_second: u32,
    /// The number of challenges that expired without a solution within the last lifetime of a challenge.
    pub(super) expired: u32,
}

impl Requests {
    /// The attempts that the address pays for: a challenge counts when it is requested, and again when it expires
    /// without a solution.
    pub(super) fn attempts(self) -> u32 {
        self.recent.saturating_add(self.expired)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct History {
    /// The number of requests in each of the last seconds, at the index of the second modulo their number.
    by_second: [u32; SECONDS],
    /// The second of the last request.
    last: u64,
    unanswered: Unanswered,
}

impl RecentRequests {
    /// Creates an empty table for this number of addresses and challenges of this lifetime.
    pub(super) fn new(addresses_max: usize, ttl_ms: u64) -> Self {
        Self {
            addresses_max,
            lifetime: Lifetime::new(ttl_ms),
            by_address: HashMap::new(),
            unanswered: Unanswered::default(),
            expired_total: 0,
        }
    }

    /// Counts a request of this address.
    pub(super) fn count(&mut self, address: IpAddr, now_ms: u64) -> Requests {
        let second = now_ms / 1000;
        self.expire(now_ms);
        self.unanswered.note_issued(self.lifetime, now_ms);
        if self.by_address.len() >= self.addresses_max && !self.by_address.contains_key(&address) {
            return Requests { recent: 1, of_second: 1, expired: 0 };
        }
        let history = self.by_address.entry(address).or_default();
        for passed in (history.last + 1..=second).rev().take(SECONDS) {
            *history.at(passed) = 0;
        }
        history.last = history.last.max(second);
        let last = history.last;
        *history.at(last) += 1;
        history.unanswered.note_issued(self.lifetime, now_ms);
        Requests {
            of_second: *history.at(last),
            recent: history.by_second.iter().sum(),
            expired: history.unanswered.expired(),
        }
    }

    /// Notes that this address has solved a challenge that was issued at this time.
    pub(super) fn note_solved(&mut self, address: IpAddr, issued_ms: u64) {
        self.unanswered.note_solved(self.lifetime, issued_ms);
        if let Some(history) = self.by_address.get_mut(&address) {
            history.unanswered.note_solved(self.lifetime, issued_ms);
        }
    }

    /// Removes the addresses without recent requests and without unanswered challenges. A full table has no room for
    /// addresses that have only the latter.
    pub(super) fn remove_inactive(&mut self, now_ms: u64) {
        let second = now_ms / 1000;
        self.expire(now_ms);
        let (is_full, lifetime) = (self.by_address.len() >= self.addresses_max, self.lifetime);
        self.by_address.retain(|_, history| {
            history.unanswered.advance(lifetime, now_ms);
            history.last + SECONDS as u64 > second || !is_full && !history.unanswered.is_empty()
        });
        self.by_address.shrink_to(self.by_address.len() * 2);
    }

    /// The number of challenges that have expired without a solution.
    pub(super) fn expired_total(&mut self, now_ms: u64) -> u64 {
        self.expire(now_ms);
        self.expired_total
    }

    fn expire(&mut self, now_ms: u64) {
        self.expired_total += self.unanswered.advance(self.lifetime, now_ms);
    }
}

impl History {
    fn at(&mut self, second: u64) -> &mut u32 {
        let index = usize::try_from(second % SECONDS as u64);
        &mut self.by_second[index.expect("a remainder of ten fits")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL_MS: u64 = 8_000;

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    #[test]
    fn requests_count_for_ten_seconds() {
        let requests = |recent, of_second| Requests { recent, of_second, expired: 0 };
        let mut recent = RecentRequests::new(10, TTL_MS);
        let begun_ms = 1_700_000_000_000;
        let mut count = |after_ms: u64| recent.count(address(1), begun_ms + after_ms).recent;
        assert_eq!([0, 10, 999, 1000, 9_999].map(&mut count), [1, 2, 3, 4, 5]);
        assert_eq!(count(10_000), 3, "the first three are ten seconds old");
        assert_eq!(count(60_000), 1);
        assert_eq!(recent.count(address(2), begun_ms), requests(1, 1));
        assert_eq!(recent.count(address(2), begun_ms), requests(2, 2));
        assert_eq!(recent.count(address(2), begun_ms + 1000), requests(3, 1));
    }

    #[test]
    fn the_table_is_bounded_and_inactive_addresses_are_removed() {
        let mut recent = RecentRequests::new(2, TTL_MS);
        for number in 0..5 {
            assert_eq!(recent.count(address(number), 0).recent, 1);
        }
        assert_eq!([1, 4].map(|number| recent.count(address(number), 0).recent), [2, 1]);
        recent.remove_inactive(9_999);
        assert_eq!(recent.by_address.len(), 2);
        recent.remove_inactive(10_000);
        assert!(recent.by_address.is_empty(), "a full table does not keep addresses without recent requests");
    }

    /// The challenges count for their address only, and for all in the total.
    #[test]
    fn expired_challenges_count_as_attempts_of_their_address() {
        let mut recent = RecentRequests::new(3, TTL_MS);
        for _ in 0..5 {
            recent.count(address(1), 0);
            recent.count(address(2), 0);
            recent.note_solved(address(2), 0);
        }
        // All have expired after five quarters of the lifetime.
        recent.remove_inactive(10_000);
        let (unpaid, paid) = (recent.count(address(1), 10_000), recent.count(address(2), 10_000));
        assert_eq!((unpaid.recent, unpaid.expired, unpaid.attempts()), (1, 5, 6));
        assert_eq!((paid.recent, paid.expired, paid.attempts()), (1, 0, 1));
        assert_eq!(recent.expired_total(10_000), 5);
        // After one more lifetime they are forgotten, and the later ones have expired.
        recent.remove_inactive(20_000);
        assert_eq!(recent.by_address.len(), 2);
        assert_eq!(recent.count(address(1), 20_000).attempts(), 2);
        assert_eq!(recent.expired_total(20_000), 7);
    }

    #[test]
    fn challenges_of_addresses_beyond_the_table_expire_too() {
        let mut recent = RecentRequests::new(1, TTL_MS);
        for number in 0..5 {
            recent.count(address(number), 0);
        }
        assert_eq!(recent.expired_total(9_999), 0);
        assert_eq!(recent.expired_total(10_000), 5);
    }
}
