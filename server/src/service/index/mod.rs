//! The package-index service: lines in, `OK`, `FAIL` and `ERROR` out, over one index for all connections.

mod store;

use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::index::Index as IndexProtocol;
use protocol::index::wire::{Command, Reply, Request};
use protocol::{Framing, Lines, Next, Protocol};

pub use store::Index;

use super::Service;

/// One index, shared by all connections.
#[derive(Debug)]
pub struct IndexService {
    index: Mutex<Index>,
    line_bytes_max: usize,
}

impl IndexService {
    /// A service with an empty index, for lines of at most `line_bytes_max` bytes without their line end.
    #[must_use]
    pub fn new(line_bytes_max: usize) -> Self {
        Self { index: Mutex::default(), line_bytes_max }
    }

    /// The lock is held while the lines of one read are answered, and never across a wait.
    fn lock(&self) -> MutexGuard<'_, Index> {
        // Each change of the index is made whole or not at all, so a thread that panicked left it in order.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for IndexService {
    type Session = Lines;

    const LAST_WORDS: &'static [u8] = Reply::Error.line();

    fn open_session(&self) -> Lines {
        IndexProtocol::framing(self.line_bytes_max)
    }

    fn answer(&self, lines: &mut Lines, input: &[u8], replies: &mut Vec<u8>) {
        let mut index = None;
        let mut at = 0;
        loop {
            let (taken, next) = lines.next(&input[at..]);
            at += taken;
            let reply = match next {
                Next::Frame(line) => answer(index.get_or_insert_with(|| self.lock()), line),
                Next::TooLong => Reply::Error,
                Next::Incomplete => return,
            };
            replies.extend_from_slice(reply.line());
        }
    }

    fn is_mid_request(&self, lines: &Lines) -> bool {
        lines.is_mid_frame()
    }
}

fn answer(index: &mut Index, line: &[u8]) -> Reply {
    let Ok(request) = Request::decode(line) else {
        return Reply::Error;
    };
    let is_done = match request.command {
        Command::Index => index.insert(request.package, request.dependencies()),
        Command::Remove => index.remove(request.package),
        Command::Query => index.contains(request.package),
    };
    if is_done { Reply::Ok } else { Reply::Fail }
}
