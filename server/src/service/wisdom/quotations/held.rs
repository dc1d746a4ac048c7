//! What was fetched: a stock that nobody has been given yet, and a cache of what somebody was.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use protocol::wisdom::messages::{Quotation, Source};

/// Both, within their bounds. It reads no clock.
#[derive(Debug)]
pub(super) struct Held {
    stock_max: usize,
    cache_max: usize,
    cache_ttl: Duration,
    stock: VecDeque<Quotation>,
    /// The one that was given the longest ago is in front.
    cache: VecDeque<Cached>,
    /// Nobody will ask again.
    pub(super) is_over: bool,
}

#[derive(Debug)]
struct Cached {
    quotation: Quotation,
    /// When it was given for the first time.
    since: Instant,
}

impl Held {
    pub(super) fn new(stock_max: usize, cache_max: usize, cache_ttl: Duration) -> Self {
        let (stock, cache) = (VecDeque::new(), VecDeque::new());
        Self { stock_max, cache_max, cache_ttl, stock, cache, is_over: false }
    }

    /// Whether more is to be fetched.
    pub(super) fn has_room(&self) -> bool {
        self.stock.len() < self.stock_max
    }

    /// Takes in as much as there is room for.
    pub(super) fn put(&mut self, fetched: Vec<Quotation>) {
        self.stock.extend(fetched.into_iter().take(self.stock_max.saturating_sub(self.stock.len())));
    }

    /// One that nobody has been given yet; else the one of the cache that was given the longest ago.
    pub(super) fn take(&mut self, now: Instant) -> Option<Quotation> {
        if let Some(quotation) = self.stock.pop_front() {
            self.keep(Cached { quotation: quotation.clone(), since: now });
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

    fn keep(&mut self, cached: Cached) {
        // A source that says the same again is kept once.
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
    fn expect(held: &mut Held, now: Instant, text: &str, source: Source) {
        let taken = held.take(now).unwrap();
        assert_eq!((&*taken.quote, taken.source), (text, source));
    }

    #[test]
    fn each_is_given_once_from_the_source_and_then_in_turn_from_the_cache() {
        let (now, mut held) = (Instant::now(), Held::new(3, 8, TTL));
        assert_eq!(held.take(now), None);
        held.put(fetched(&["1", "2", "3", "4"]));
        assert!(!held.has_room(), "the fourth found no room");
        for text in ["1", "2", "3"] {
            expect(&mut held, now, text, Source::Api);
        }
        assert!(held.has_room());
        for text in ["1", "2", "3", "1", "2"] {
            expect(&mut held, now, text, Source::Cache);
        }
        held.put(fetched(&["5"]));
        expect(&mut held, now, "5", Source::Api);
    }

    #[test]
    fn the_cache_has_bounds_in_number_and_age() {
        let (now, mut held) = (Instant::now(), Held::new(8, 2, TTL));
        held.put(fetched(&["1", "2", "2", "3"]));
        for text in ["1", "2", "2"] {
            expect(&mut held, now, text, Source::Api);
        }
        let later = now + NEARLY_TTL;
        expect(&mut held, later, "3", Source::Api);
        // The first had to go; the second was kept once.
        for text in ["2", "3", "2", "3"] {
            expect(&mut held, later, text, Source::Cache);
        }
        for _ in 0..2 {
            expect(&mut held, now + TTL, "3", Source::Cache);
        }
        assert_eq!(held.take(later + TTL), None);
    }

    #[test]
    fn without_a_cache_nothing_is_given_again() {
        let (now, mut held) = (Instant::now(), Held::new(1, 0, TTL));
        held.put(fetched(&["1"]));
        expect(&mut held, now, "1", Source::Api);
        assert_eq!(held.take(now), None);
    }
}
