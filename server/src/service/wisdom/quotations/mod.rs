//! Quotations that are there when they are wanted: fetched ahead from outside, given again, or from a collection.
//!
//! Whoever asks waits for a short lock and for nothing else. One thread asks the outside sources, and a circuit breaker
//! for each leaves those alone that fail.

mod answer;
mod breaker;
mod embedded;
mod held;
mod source;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use protocol::wisdom::messages::Quotation;
use tracing::{debug, warn};

use breaker::Breaker;
use held::Held;
use source::Source;

pub use breaker::Circuit;
pub use source::{NoUrl, label};

/// Where quotations come from, and how many are kept.
#[derive(Clone)]
pub struct Settings {
    /// Outside sources, the one to be preferred first. [`label`] says whether one can be asked.
    pub urls: Vec<String>,
    /// How many that were given are kept to be given again.
    pub cache_max: usize,
    /// How long after it was given one is given again.
    pub cache_ttl: Duration,
    /// How many are fetched ahead.
    pub stock_max: usize,
    /// How long one fetch may take in all.
    pub fetch_timeout: Duration,
    /// The pause between two fetches, so that no source is flooded.
    pub fetch_pause: Duration,
    /// When a source that fails is left alone.
    pub circuit: Circuit,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A URL may hold a key.
        let shown: Vec<String> = self.urls.iter().map(|url| source::shown(url)).collect();
        f.debug_struct("Settings").field("urls", &shown).finish_non_exhaustive()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            cache_max: 256,
            cache_ttl: Duration::from_hours(1),
            stock_max: 32,
            fetch_timeout: Duration::from_secs(2),
            fetch_pause: Duration::from_millis(100),
            circuit: Circuit::default(),
        }
    }
}

/// How an outside source has done so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCounts {
    /// Scheme, host and port of its URL. Two sources may have the same; their order is that of the settings.
    pub label: String,
    /// Answers that brought a quotation.
    pub fetched_total: u64,
    /// Fetches that brought none.
    pub failed_total: u64,
}

/// Gives quotations to whoever asks.
#[derive(Debug)]
pub struct Quotations {
    shared: Arc<Shared>,
    embedded: Vec<Quotation>,
    /// How often the collection had to do.
    embedded_given: AtomicUsize,
}

/// What the thread that fetches has in common with those who ask.
#[derive(Debug)]
struct Shared {
    sources: Vec<Counted>,
    fetch_pause: Duration,
    circuit: Circuit,
    held: Mutex<Held>,
    /// There is room for more, or nobody will ask again.
    changed: Condvar,
}

#[derive(Debug)]
struct Counted {
    source: Source,
    fetched_total: AtomicU64,
    failed_total: AtomicU64,
}

impl Quotations {
    /// With nothing fetched yet.
    #[must_use]
    pub fn new(settings: Settings) -> Arc<Self> {
        let Settings { urls, cache_max, cache_ttl, stock_max, fetch_timeout, fetch_pause, circuit } =
            settings;
        let counted = |url| Counted {
            source: Source::new(url, fetch_timeout),
            fetched_total: AtomicU64::new(0),
            failed_total: AtomicU64::new(0),
        };
        let sources = urls.into_iter().map(counted).collect();
        let held = Mutex::new(Held::new(stock_max, cache_max, cache_ttl));
        Arc::new(Self {
            shared: Arc::new(Shared { sources, fetch_pause, circuit, held, changed: Condvar::new() }),
            embedded: embedded::collection(),
            embedded_given: AtomicUsize::new(0),
        })
    }

    /// Starts the thread that fetches ahead, if there is a source. It ends when the last [`Arc`] is dropped.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(self: &Arc<Self>) -> io::Result<()> {
        if self.shared.sources.is_empty() {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        thread::Builder::new().name("quotations".to_owned()).spawn(move || shared.fetch_ahead())?;
        Ok(())
    }

    /// A quotation, at once: one that nobody has been given yet, else one that somebody was, else one of the collection.
    #[must_use]
    pub fn take(&self) -> Quotation {
        let taken = self.shared.lock().take(Instant::now());
        self.shared.changed.notify_one();
        taken.unwrap_or_else(|| {
            let given = self.embedded_given.fetch_add(1, Ordering::Relaxed);
            self.embedded[given % self.embedded.len()].clone()
        })
    }

    /// How the outside sources have done, in the order of the settings.
    #[must_use]
    pub fn counts(&self) -> Vec<SourceCounts> {
        let counts = |counted: &Counted| SourceCounts {
            label: counted.source.label().to_owned(),
            fetched_total: counted.fetched_total.load(Ordering::Relaxed),
            failed_total: counted.failed_total.load(Ordering::Relaxed),
        };
        self.shared.sources.iter().map(counts).collect()
    }
}

impl Drop for Quotations {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the stock full until nobody will ask again.
    fn fetch_ahead(&self) {
        let mut breakers: Vec<Breaker> = self.sources.iter().map(|_| Breaker::new(self.circuit)).collect();
        while self.wait_for_room() {
            let now = Instant::now();
            let Some(chosen) = breakers.iter_mut().position(|breaker| breaker.may_try(now)) else {
                let reopens = breakers.iter().filter_map(Breaker::opens_until).min();
                self.wait_until(reopens.unwrap_or(now + self.circuit.open_first));
                continue;
            };
            let (counted, breaker) = (&self.sources[chosen], &mut breakers[chosen]);
            match counted.source.fetch() {
                Ok(fetched) => {
                    counted.fetched_total.fetch_add(1, Ordering::Relaxed);
                    breaker.succeeded();
                    self.lock().put(fetched);
                }
                Err(error) => {
                    counted.failed_total.fetch_add(1, Ordering::Relaxed);
                    breaker.failed(Instant::now());
                    let source = counted.source.label();
                    if breaker.opens_until().is_some() {
                        warn!(source, %error, "a source of quotations fails, and is left alone for a while");
                    } else {
                        debug!(source, %error, "no quotation was fetched");
                    }
                }
            }
            self.wait_until(Instant::now() + self.fetch_pause);
        }
    }

    /// Waits until there is room in the stock. Brings `false` if nobody will ask again.
    fn wait_for_room(&self) -> bool {
        let waits = |held: &mut Held| !held.is_over && !held.has_room();
        let held = self.changed.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner);
        !held.is_over
    }

    /// Waits until this time, or until nobody will ask again.
    fn wait_until(&self, time: Instant) {
        let left = time.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(self.lock(), left, |held| !held.is_over);
        drop(waited);
    }
}
