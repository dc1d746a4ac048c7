//! Quotations without waiting: prefetched from outside sources, cached, or from an embedded collection.
//!
//! Taking a quotation waits for a short lock only. One thread fetches from the outside sources. A circuit breaker for
//! each source skips those that fail.

mod answer;
mod breaker;
mod embedded;
mod failure;
#[cfg(feature = "sources")]
mod fetch;
#[cfg(not(feature = "sources"))]
#[path = "no_fetch.rs"]
mod fetch;
#[cfg(test)]
mod https_tests;
mod source;
mod stock;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use protocol::wisdom::messages::Quotation;
use smol::channel::{Receiver, Sender, bounded};
use tracing::{debug, warn};

use breaker::Breaker;
use source::Source;
use stock::Stock;

pub use breaker::Circuit;
pub use source::{InvalidUrl, label};

/// The settings of sources and storage.
#[derive(Clone)]
pub struct Settings {
    /// URLs of outside sources, in the order of preference. [`label`] checks a URL.
    pub urls: Vec<String>,
    /// Returned quotations that are kept, to be returned again.
    pub cache_max: usize,
    /// Time for which a returned quotation is kept.
    pub cache_ttl: Duration,
    /// Quotations that are prefetched.
    pub prefetch_max: usize,
    /// Time limit of a fetch, including redirects.
    pub fetch_timeout: Duration,
    /// Pause between two fetches.
    pub fetch_pause: Duration,
    /// The circuit breaker of each source.
    pub circuit: Circuit,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A URL may contain a key.
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
            prefetch_max: 32,
            fetch_timeout: Duration::from_secs(2),
            fetch_pause: Duration::from_millis(100),
            circuit: Circuit::default(),
        }
    }
}

/// The counters of an outside source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCounts {
    /// Scheme, host and port of the URL. Several sources may have the same label.
    pub label: String,
    /// Fetches that returned a quotation.
    pub fetched_total: u64,
    /// Fetches that failed.
    pub failed_total: u64,
}

/// The quotations of a server.
#[derive(Debug)]
pub struct Quotations {
    shared: Arc<Shared>,
    embedded: Vec<Quotation>,
    /// The number of quotations taken from the embedded collection.
    embedded_taken: AtomicUsize,
    /// Closed when the fetching thread ends.
    fetching: OnceLock<Receiver<Infallible>>,
}

/// The state shared with the fetching thread.
#[derive(Debug)]
struct Shared {
    sources: Vec<Counted>,
    fetch_pause: Duration,
    circuit: Circuit,
    stock: Mutex<Stock>,
    /// Notified when there is room in the stock or it is closed.
    changed: Condvar,
}

#[derive(Debug)]
struct Counted {
    source: Source,
    fetched_total: AtomicU64,
    failed_total: AtomicU64,
}

impl Quotations {
    /// Creates an empty stock. [`Quotations::start`] starts fetching.
    #[must_use]
    pub fn new(settings: Settings) -> Arc<Self> {
        let Settings { urls, cache_max, cache_ttl, prefetch_max, fetch_timeout, fetch_pause, circuit } =
            settings;
        let counted = |url| Counted {
            source: Source::new(url, fetch_timeout),
            fetched_total: AtomicU64::new(0),
            failed_total: AtomicU64::new(0),
        };
        let sources = urls.into_iter().map(counted).collect();
        let stock = Mutex::new(Stock::new(prefetch_max, cache_max, cache_ttl));
        Arc::new(Self {
            shared: Arc::new(Shared { sources, fetch_pause, circuit, stock, changed: Condvar::new() }),
            embedded: embedded::collection(),
            embedded_taken: AtomicUsize::new(0),
            fetching: OnceLock::new(),
        })
    }

    /// Starts the fetching thread, if there is a source. It ends when the last [`Arc`] is dropped.
    ///
    /// # Errors
    /// Fails if the thread cannot be created.
    pub fn start(self: &Arc<Self>) -> io::Result<()> {
        if self.shared.sources.is_empty() {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let (alive, ended) = bounded(1);
        thread::Builder::new().name("quotations".to_owned()).spawn(move || {
            let _alive: Sender<Infallible> = alive;
            shared.prefetch();
        })?;
        // A second thread shares the stock with the first, which is observed.
        let _ = self.fetching.set(ended);
        Ok(())
    }

    /// Completes when the fetching thread has panicked; otherwise it does not end before this value is dropped.
    pub(super) async fn await_panic(&self) {
        match self.fetching.get() {
            Some(ended) => _ = ended.recv().await,
            None => pending().await,
        }
    }

    /// Returns a quotation immediately: a prefetched one, otherwise a cached one, otherwise one of the collection.
    #[must_use]
    pub fn take(&self) -> Quotation {
        let taken = self.shared.lock().take(Instant::now());
        self.shared.changed.notify_one();
        taken.unwrap_or_else(|| {
            let taken = self.embedded_taken.fetch_add(1, Ordering::Relaxed);
            self.embedded[taken % self.embedded.len()].clone()
        })
    }

    /// The counters of the outside sources, in the order of the settings.
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
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the stock full until it is closed.
    fn prefetch(&self) {
        let mut breakers: Vec<Breaker> = self.sources.iter().map(|_| Breaker::new(self.circuit)).collect();
        while self.wait_for_room() {
            let now = Instant::now();
            let Some(chosen) = breakers.iter_mut().position(|breaker| breaker.may_try(now)) else {
                let next_try = breakers.iter().filter_map(Breaker::open_until).min();
                self.wait_until(next_try.unwrap_or(now + self.circuit.open_first));
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
                    if breaker.open_until().is_some() {
                        warn!(source, %error, "a source of quotations fails and is not used for some time");
                    } else {
                        debug!(source, %error, "a source of quotations failed");
                    }
                }
            }
            self.wait_until(Instant::now() + self.fetch_pause);
        }
    }

    /// Waits until there is room in the stock. Returns `false` if the stock is closed.
    fn wait_for_room(&self) -> bool {
        let waits = |stock: &mut Stock| !stock.is_closed && !stock.has_room();
        let stock = self.changed.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner);
        !stock.is_closed
    }

    /// Waits until this time, or until the stock is closed.
    fn wait_until(&self, time: Instant) {
        let left = time.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(self.lock(), left, |stock| !stock.is_closed);
        drop(waited);
    }
}
