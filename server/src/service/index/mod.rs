//! The package-index service: lines in, `OK`, `FAIL` and `ERROR` out, over one index for all connections.

mod counts;
mod store;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::index::Index as IndexProtocol;
use protocol::index::wire::{Command, Reply, Request};
use protocol::{Framing, Lines, Next, Protocol};
use tracing::{trace, warn};

pub use counts::Counts;
pub use store::{Capacity, Index, NotInserted, Size};

use super::Service;

/// One index, shared by all connections.
#[derive(Debug)]
pub struct IndexService {
    index: Mutex<Index>,
    capacity: Capacity,
    line_bytes_max: usize,
    counts: Counts,
    has_warned: AtomicBool,
}

/// From this share of its capacity on, in a hundred, an index is nearly full, which is worth a warning.
const NEARLY_FULL_PERCENT: u64 = 80;

impl IndexService {
    /// A service with an empty index, for lines of at most `line_bytes_max` bytes without their line end.
    #[must_use]
    pub fn new(line_bytes_max: usize, capacity: Capacity) -> Self {
        Self {
            index: Mutex::new(Index::new(capacity)),
            capacity,
            line_bytes_max,
            counts: Counts::default(),
            has_warned: AtomicBool::new(false),
        }
    }

    /// What was asked and answered so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How much the index holds now.
    #[must_use]
    pub fn size(&self) -> Size {
        self.lock().size()
    }

    /// How much it may hold.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// The lock is held while the lines of one read are answered, and never across a wait.
    fn lock(&self) -> MutexGuard<'_, Index> {
        // Each change of the index is made whole or not at all, so a thread that panicked left it in order.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer_line(&self, index: &mut Index, line: &[u8]) -> Reply {
        let Ok(request) = Request::decode(line) else {
            self.counts.count(None, Reply::Error);
            return Reply::Error;
        };
        let reply = match request.command {
            Command::Index => self.insert(index, &request),
            Command::Remove => ok_if(index.remove(request.package)),
            Command::Query => ok_if(index.contains(request.package)),
        };
        self.counts.count(Some(request.command), reply);
        reply
    }

    fn insert(&self, index: &mut Index, request: &Request<'_>) -> Reply {
        let full = match index.insert(request.package, request.dependencies()) {
            Ok(()) => {
                self.warn_if_nearly_full(index.size());
                return Reply::Ok;
            }
            Err(NotInserted::DependencyMissing) => return Reply::Fail,
            Err(NotInserted::TooManyPackages) => &self.counts.packages_too_many,
            Err(NotInserted::TooManyBytes) => &self.counts.bytes_too_many,
        };
        full.fetch_add(1, Ordering::Relaxed);
        Reply::Error
    }

    fn warn_if_nearly_full(&self, size: Size) {
        let is_nearly = |held: usize, most: usize| held as u64 * 100 >= most as u64 * NEARLY_FULL_PERCENT;
        let is_nearly_full = is_nearly(size.packages, self.capacity.packages_max)
            || is_nearly(size.bytes, self.capacity.bytes_max);
        // Once each time, not once for each package.
        if !self.has_warned.swap(is_nearly_full, Ordering::Relaxed) && is_nearly_full {
            warn!(?size, capacity = ?self.capacity, "the index is nearly full");
        }
    }
}

impl Service for IndexService {
    type Session = Lines;

    const LAST_WORDS: &'static [u8] = Reply::Error.line();

    /// An empty line, which is one byte, is an `ERROR`.
    const REPLY_BYTES_FOR_A_BYTE_MAX: usize = Reply::Error.line().len();

    fn open_session(&self) -> Lines {
        IndexProtocol::framing(self.line_bytes_max)
    }

    fn answer(&self, lines: &mut Lines, input: &[u8], replies: &mut Vec<u8>) -> usize {
        let mut index = None;
        let (mut at, mut answered) = (0, 0);
        loop {
            let (taken, next) = lines.next(&input[at..]);
            at += taken;
            let reply = match next {
                Next::Frame(line) => {
                    let reply = self.answer_line(index.get_or_insert_with(|| self.lock()), line);
                    // Escaped, so that no client can write a line of the log.
                    trace!(request = %line.escape_ascii(), ?reply);
                    reply
                }
                Next::TooLong => {
                    self.counts.lines_too_long.fetch_add(1, Ordering::Relaxed);
                    self.counts.count(None, Reply::Error);
                    Reply::Error
                }
                Next::Incomplete => return answered,
            };
            replies.extend_from_slice(reply.line());
            answered += 1;
        }
    }

    fn is_mid_request(&self, lines: &Lines) -> bool {
        lines.is_mid_frame()
    }
}

fn ok_if(is_done: bool) -> Reply {
    if is_done { Reply::Ok } else { Reply::Fail }
}
