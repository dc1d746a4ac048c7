//! The package-index service: answers lines with `OK`, `FAIL` or `ERROR` from one index for all connections.

mod counts;
mod store;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::index::Index as IndexProtocol;
use protocol::index::wire::{Command, Reply, Request};
use protocol::{Framing, Lines, Next, Protocol};
use tracing::{trace, warn};

pub use counts::Counts;
pub use store::{Capacity, Index, InsertError, Size};

use super::{Answered, Awaited, CloseReason, Linger, Service};

/// The service over one index, shared by all connections.
#[derive(Debug)]
pub struct IndexService {
    shared: Mutex<Shared>,
    capacity: Capacity,
    line_bytes_max: usize,
    /// Connections that were refused or closed with `ERROR`, and lost connections.
    failed_connections: AtomicU64,
}

/// The state behind the lock.
#[derive(Debug)]
struct Shared {
    index: Index,
    counts: Counts,
    is_nearly_full: bool,
}

/// Share of the capacity, in percent, at which the service logs a warning.
const NEARLY_FULL_PERCENT: u64 = 80;

impl IndexService {
    /// Creates a service with an empty index. Lines have at most `line_bytes_max` bytes, without the line end.
    #[must_use]
    pub fn new(line_bytes_max: usize, capacity: Capacity) -> Self {
        let shared = Shared { index: Index::new(capacity), counts: Counts::default(), is_nearly_full: false };
        Self { shared: Mutex::new(shared), capacity, line_bytes_max, failed_connections: AtomicU64::new(0) }
    }

    /// The counters of requests and the size of the index, read at the same time.
    #[must_use]
    pub fn counts_and_size(&self) -> (Counts, Size) {
        let shared = self.lock();
        (shared.counts, shared.index.size())
    }

    /// The number of connections that were refused or closed with `ERROR`, or lost.
    #[must_use]
    pub fn failed_connections(&self) -> u64 {
        self.failed_connections.load(Ordering::Relaxed)
    }

    /// The capacity of the index.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// The lock is held while the lines of one read are answered, and never across an await point.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Changes of the index are atomic, so the index is consistent even if a thread panicked.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn answer(&mut self, line: &[u8], capacity: Capacity) -> Reply {
        let Ok(request) = Request::decode(line) else {
            self.counts.count(None, Reply::Error);
            return Reply::Error;
        };
        let reply = match request.command {
            Command::Index => self.insert(&request, capacity),
            Command::Remove => ok_if(self.index.remove(request.package)),
            Command::Query => ok_if(self.index.contains(request.package)),
        };
        self.counts.count(Some(request.command), reply);
        reply
    }

    fn insert(&mut self, request: &Request<'_>, capacity: Capacity) -> Reply {
        match self.index.insert(request.package, request.dependencies()) {
            Ok(()) => {
                self.warn_if_nearly_full(capacity);
                return Reply::Ok;
            }
            Err(InsertError::DependencyMissing) => return Reply::Fail,
            Err(InsertError::TooManyPackages) => self.counts.packages_too_many += 1,
            Err(InsertError::TooManyBytes) => self.counts.bytes_too_many += 1,
        }
        Reply::Error
    }

    fn warn_if_nearly_full(&mut self, capacity: Capacity) {
        let size = self.index.size();
        let is_nearly = |held: usize, most: usize| held as u64 * 100 >= most as u64 * NEARLY_FULL_PERCENT;
        let is_nearly_full =
            is_nearly(size.packages, capacity.packages_max) || is_nearly(size.bytes, capacity.bytes_max);
        // One warning for each time the threshold is crossed, not one for each package.
        if is_nearly_full && !self.is_nearly_full {
            warn!(?size, ?capacity, "the index is nearly full");
        }
        self.is_nearly_full = is_nearly_full;
    }
}

impl Service for IndexService {
    type Session = Lines;

    /// An empty line has one byte and is answered `ERROR`.
    const REPLY_BYTES_PER_BYTE_MAX: usize = Reply::Error.line().len();

    const LINGER: Linger = Linger { bytes_max: usize::MAX, duration_max: Duration::from_secs(1) };

    fn open_session(&self, _: IpAddr) -> Lines {
        IndexProtocol::framing(self.line_bytes_max)
    }

    fn answer(&self, lines: &mut Lines, input: &[u8], replies: &mut Vec<u8>) -> Answered {
        let mut shared = None;
        let (mut at, mut requests) = (0, 0);
        loop {
            let (taken, next) = lines.next(&input[at..]);
            at += taken;
            let reply = match next {
                Next::Frame(line) => {
                    let shared = shared.get_or_insert_with(|| self.lock());
                    let reply = shared.answer(line, self.capacity);
                    // Escaped, so that a client cannot forge a line of the log.
                    trace!(request = %line.escape_ascii(), ?reply);
                    reply
                }
                Next::TooLong => {
                    let shared = shared.get_or_insert_with(|| self.lock());
                    shared.counts.lines_too_long += 1;
                    shared.counts.count(None, Reply::Error);
                    Reply::Error
                }
                Next::Incomplete => return Answered { requests, closes_connection: false },
            };
            replies.extend_from_slice(reply.line());
            requests += 1;
        }
    }

    fn awaits(&self, lines: &Lines) -> Awaited {
        if lines.is_mid_frame() { Awaited::RestOfRequest } else { Awaited::NextRequest }
    }

    fn buffered_bytes(&self, lines: &Lines) -> usize {
        lines.buffer_bytes()
    }

    /// At shutdown the end of the stream is sufficient.
    fn append_close_reason(&self, reason: CloseReason, replies: &mut Vec<u8>) {
        match reason {
            CloseReason::Refused(_) => {
                self.failed_connections.fetch_add(1, Ordering::Relaxed);
                replies.extend_from_slice(Reply::Error.line());
            }
            CloseReason::ShuttingDown => {}
        }
    }

    fn note_lost_connection(&self) {
        self.failed_connections.fetch_add(1, Ordering::Relaxed);
    }
}

fn ok_if(is_done: bool) -> Reply {
    if is_done { Reply::Ok } else { Reply::Fail }
}
