//! How many challenges each address has asked for lately.

use std::collections::HashMap;
use std::net::IpAddr;

/// How long an asking counts, in seconds.
const SECONDS: usize = 10;

/// The addresses that have asked lately. Beyond the limit others are not counted: so many at once are seen by their rate.
#[derive(Debug)]
pub(super) struct Askers {
    addresses_max: usize,
    by_address: HashMap<IpAddr, Asker>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Asker {
    /// How often it asked in each of the last seconds, each at its place modulo their number.
    by_second: [u32; SECONDS],
    /// The last second in which it asked.
    last: u64,
}

impl Askers {
    pub(super) fn new(addresses_max: usize) -> Self {
        Self { addresses_max, by_address: HashMap::new() }
    }

    /// An address asks now. Brings how often it has in the last ten seconds, this time counted.
    pub(super) fn asks(&mut self, address: IpAddr, now_ms: u64) -> u32 {
        let second = now_ms / 1000;
        if self.by_address.len() >= self.addresses_max && !self.by_address.contains_key(&address) {
            return 1;
        }
        let asker = self.by_address.entry(address).or_default();
        for passed in (asker.last + 1..=second).rev().take(SECONDS) {
            *asker.at(passed) = 0;
        }
        asker.last = asker.last.max(second);
        let last = asker.last;
        *asker.at(last) += 1;
        asker.by_second.iter().sum()
    }

    /// Forgets who has not asked lately.
    pub(super) fn forget_absent(&mut self, now_ms: u64) {
        let second = now_ms / 1000;
        self.by_address.retain(|_, asker| asker.last + SECONDS as u64 > second);
        self.by_address.shrink_to(self.by_address.len() * 2);
    }
}

impl Asker {
    fn at(&mut self, second: u64) -> &mut u32 {
        let place = usize::try_from(second % SECONDS as u64);
        &mut self.by_second[place.expect("less than ten")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    #[test]
    fn what_was_asked_in_the_last_ten_seconds_counts() {
        let mut askers = Askers::new(10);
        let begun_ms = 1_700_000_000_000;
        let mut asks = |after_ms: u64| askers.asks(address(1), begun_ms + after_ms);
        assert_eq!([0, 10, 999, 1000, 9_999].map(&mut asks), [1, 2, 3, 4, 5]);
        assert_eq!(asks(10_000), 3, "the first three are ten seconds old");
        assert_eq!(asks(60_000), 1);
        assert_eq!(askers.asks(address(2), begun_ms), 1);
    }

    #[test]
    fn addresses_are_bounded_and_forgotten() {
        let mut askers = Askers::new(2);
        for number in 0..5 {
            assert_eq!(askers.asks(address(number), 0), 1);
        }
        assert_eq!([1, 4].map(|number| askers.asks(address(number), 0)), [2, 1]);
        askers.forget_absent(9_999);
        assert_eq!(askers.by_address.len(), 2);
        askers.forget_absent(10_000);
        assert!(askers.by_address.is_empty());
    }
}
