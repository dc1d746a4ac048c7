//! The number of recent challenge requests per client address.

use std::collections::HashMap;
use std::net::IpAddr;

/// The period in which requests count, in seconds.
const SECONDS: usize = 10;

/// The addresses with recent requests. When the table is full, requests of new addresses are not counted; so many
/// addresses raise the difficulty by their total rate.
#[derive(Debug)]
pub(super) struct RecentRequests {
    addresses_max: usize,
    by_address: HashMap<IpAddr, History>,
}

/// The requests of one address, including the one that was just counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Requests {
    /// The number of requests in the last ten seconds.
    pub(super) recent: u32,
    /// The number of requests in the current second.
    pub(super) of_second: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct History {
    /// The number of requests in each of the last seconds, at the index of the second modulo their number.
    by_second: [u32; SECONDS],
    /// The second of the last request.
    last: u64,
}

impl RecentRequests {
    pub(super) fn new(addresses_max: usize) -> Self {
        Self { addresses_max, by_address: HashMap::new() }
    }

    /// Counts a request of this address.
    pub(super) fn count(&mut self, address: IpAddr, now_ms: u64) -> Requests {
        let second = now_ms / 1000;
        if self.by_address.len() >= self.addresses_max && !self.by_address.contains_key(&address) {
            return Requests { recent: 1, of_second: 1 };
        }
        let history = self.by_address.entry(address).or_default();
        for passed in (history.last + 1..=second).rev().take(SECONDS) {
            *history.at(passed) = 0;
        }
        history.last = history.last.max(second);
        let last = history.last;
        *history.at(last) += 1;
        Requests { of_second: *history.at(last), recent: history.by_second.iter().sum() }
    }

    /// Removes the addresses without recent requests.
    pub(super) fn remove_inactive(&mut self, now_ms: u64) {
        let second = now_ms / 1000;
        self.by_address.retain(|_, history| history.last + SECONDS as u64 > second);
        self.by_address.shrink_to(self.by_address.len() * 2);
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

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    #[test]
    fn requests_count_for_ten_seconds() {
        let mut recent = RecentRequests::new(10);
        let begun_ms = 1_700_000_000_000;
        let mut count = |after_ms: u64| recent.count(address(1), begun_ms + after_ms).recent;
        assert_eq!([0, 10, 999, 1000, 9_999].map(&mut count), [1, 2, 3, 4, 5]);
        assert_eq!(count(10_000), 3, "the first three are ten seconds old");
        assert_eq!(count(60_000), 1);
        assert_eq!(recent.count(address(2), begun_ms), Requests { recent: 1, of_second: 1 });
        assert_eq!(recent.count(address(2), begun_ms), Requests { recent: 2, of_second: 2 });
        assert_eq!(recent.count(address(2), begun_ms + 1000), Requests { recent: 3, of_second: 1 });
    }

    #[test]
    fn the_table_is_bounded_and_inactive_addresses_are_removed() {
        let mut recent = RecentRequests::new(2);
        for number in 0..5 {
            assert_eq!(recent.count(address(number), 0).recent, 1);
        }
        assert_eq!([1, 4].map(|number| recent.count(address(number), 0).recent), [2, 1]);
        recent.remove_inactive(9_999);
        assert_eq!(recent.by_address.len(), 2);
        recent.remove_inactive(10_000);
        assert!(recent.by_address.is_empty());
    }
}
