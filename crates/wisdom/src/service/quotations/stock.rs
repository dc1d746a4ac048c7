//! Fetched quotations: the unused ones, and a cache of those that were returned before.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use protocol::wisdom::messages::{Quotation, Source};

/// Unused and cached quotations, within limits. The caller passes the time.
#[derive(Debug)]
pub(super) struct Stock {
    unused_max: usize,
    cache_max: usize,
    cache_ttl: Duration,
    unused: VecDeque<Quotation>,
    /// The front is the one that was returned the longest ago.
    cache: VecDeque<Cached>,
    /// Set when no further quotation will be taken.
    pub(super) is_closed: bool,
}

#[derive(Debug)]
struct Cached {
    quotation: Quotation,
    /// The time at which it was returned first.
    since: Instant,
}

impl Stock {
    pub(super) fn new(unused_max: usize, cache_max: usize, cache_ttl: Duration) -> Self {
        let (unused, cache) = (VecDeque::new(), VecDeque::new());
        Self { unused_max, cache_max, cache_ttl, unused, cache, is_closed: false }
    }

    /// Reports whether more quotations should be fetched.
    pub(super) fn has_room(&self) -> bool {
        self.unused.len() < self.unused_max
    }

    /// Adds fetched quotations, as far as there is room.
    pub(super) fn put(&mut self, fetched: Vec<Quotation>) {
        self.unused.extend(fetched.into_iter().take(self.unused_max.saturating_sub(self.unused.len())));
    }

    /// Returns an unused quotation, otherwise the cached one that was returned the longest ago.
    pub(super) fn take(&mut self, now: Instant) -> Option<Quotation> {
        if let Some(quotation) = self.unused.pop_front() {
            self.cache(Cached { quotation: quotation.clone(), since: now });
            return Some(quotation);
        }
        while let Some(cached) = self.cache.pop_front() {
            if now.saturating_duration_since(cached.since) < self.cache_ttl {
                let quotation = Quotation { source: Source::Cache, ..cached.quotation.clone() };
                self.cache.push_back(cached);
                return Some(quotation);
            }
        }
        None
    }

    fn cache(&mut self, cached: Cached) {
        // A text that the source returns again is cached once.
        self.cache.retain(|kept| kept.quotation.quote != cached.quotation.quote);
        if self.cache.len() >= self.cache_max {
            self.cache.pop_front();
        }
        if self.cache_max > 0 {
            self.cache.push_back(cached);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_mins(1);
    const NEARLY_TTL: Duration = Duration::from_nanos(59_999_999_999);

    fn fetched(texts: &[&str]) -> Vec<Quotation> {
        let of = |text: &&str| Quotation {
            quote: (*text).to_owned(),
            author: "A".to_owned(),
            source: Source::Api,
        };
        texts.iter().map(of).collect()
    }

    #[track_caller]
    fn expect(stock: &mut Stock, now: Instant, text: &str, source: Source) {
        let taken = stock.take(now).unwrap();
        assert_eq!((&*taken.quote, taken.source), (text, source));
    }

    #[test]
    fn each_quotation_is_returned_once_as_new_and_then_in_turn_from_the_cache() {
        let (now, mut stock) = (Instant::now(), Stock::new(3, 8, TTL));
        assert_eq!(stock.take(now), None);
        stock.put(fetched(&["1", "2", "3", "4"]));
        assert!(!stock.has_room(), "there is no room for the fourth");
        for text in ["1", "2", "3"] {
            expect(&mut stock, now, text, Source::Api);
        }
        assert!(stock.has_room());
        for text in ["1", "2", "3", "1", "2"] {
            expect(&mut stock, now, text, Source::Cache);
        }
        stock.put(fetched(&["5"]));
        expect(&mut stock, now, "5", Source::Api);
    }

    #[test]
    fn the_cache_is_bounded_in_number_and_age() {
        let (now, mut stock) = (Instant::now(), Stock::new(8, 2, TTL));
        stock.put(fetched(&["1", "2", "2", "3"]));
        for text in ["1", "2", "2"] {
            expect(&mut stock, now, text, Source::Api);
        }
        let later = now + NEARLY_TTL;
        expect(&mut stock, later, "3", Source::Api);
        // The first was evicted; the second was cached once.
        for text in ["2", "3", "2", "3"] {
            expect(&mut stock, later, text, Source::Cache);
        }
        for _ in 0..2 {
            expect(&mut stock, now + TTL, "3", Source::Cache);
        }
        assert_eq!(stock.take(later + TTL), None);
    }

    #[test]
    fn without_a_cache_nothing_is_returned_again() {
        let (now, mut stock) = (Instant::now(), Stock::new(1, 0, TTL));
        stock.put(fetched(&["1"]));
        expect(&mut stock, now, "1", Source::Api);
        assert_eq!(stock.take(now), None);
    }
}
