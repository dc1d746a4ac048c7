//! The open connections: what each waits for, when it is given up, and how all of them are drained.
//!
//! One sweep over all connections keeps their deadlines, which is cheaper than a timer for each read. A connection
//! notes only *that* it waits; the sweep, which alone reads the clock, notes since when. So no deadline is kept
//! early, and each is kept at most two sweeps late.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use smol::Async;

use crate::limits::Limits;

/// All open connections.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<Registry>,
}

#[derive(Debug, Default)]
struct Registry {
    opened_total: u64,
    watched: HashMap<u64, Watched>,
}

#[derive(Debug)]
struct Watched {
    connection: Arc<Connection>,
    /// The wait that the last sweep saw, and when it saw that wait first.
    wait_since: Option<(u64, Instant)>,
}

/// One connection, shared by its task and the sweep.
#[derive(Debug)]
pub(crate) struct Connection {
    id: u64,
    pub(crate) stream: Async<TcpStream>,
    /// What is waited for, in the two lowest bits, and the number of the wait above them.
    wait: AtomicU64,
    is_given_up: AtomicBool,
}

/// What a connection waits for, so far as it has a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Nothing with a deadline.
    Nothing = 0,
    /// The rest of a request that the client has begun.
    RestOfRequest = 1,
    /// The client, to take in its replies.
    TakingReplies = 2,
}

impl Connections {
    /// Adds a connection; it stays until [`Connections::remove`].
    pub(crate) fn add(&self, stream: Async<TcpStream>) -> Arc<Connection> {
        let mut registry = self.lock();
        registry.opened_total += 1;
        let connection = Arc::new(Connection {
            id: registry.opened_total,
            stream,
            wait: AtomicU64::new(0),
            is_given_up: AtomicBool::new(false),
        });
        let watched = Watched { connection: Arc::clone(&connection), wait_since: None };
        registry.watched.insert(connection.id, watched);
        connection
    }

    pub(crate) fn remove(&self, connection: &Connection) {
        self.lock().watched.remove(&connection.id);
    }

    /// Gives up every connection that has waited longer than it may.
    pub(crate) fn sweep(&self, now: Instant, limits: &Limits) {
        for watched in self.lock().watched.values_mut() {
            let wait = watched.connection.wait.load(Ordering::Relaxed);
            let timeout = match Wait::of(wait) {
                Wait::Nothing => {
                    watched.wait_since = None;
                    continue;
                }
                Wait::RestOfRequest => limits.read_timeout,
                Wait::TakingReplies => limits.write_timeout,
            };
            let since = match watched.wait_since {
                Some((seen, since)) if seen == wait => since,
                _ => now,
            };
            watched.wait_since = Some((wait, since));
            if now.duration_since(since) >= timeout {
                watched.connection.give_up(Wait::of(wait));
            }
        }
    }

    /// Lets every connection answer what it has been sent and then end.
    pub(crate) fn end_reading(&self) {
        for watched in self.lock().watched.values() {
            watched.connection.shut_down(Shutdown::Read);
        }
    }

    /// Ends every connection at once; says how many there were.
    pub(crate) fn cut(&self) -> usize {
        let registry = self.lock();
        for watched in registry.watched.values() {
            watched.connection.shut_down(Shutdown::Both);
        }
        registry.watched.len()
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Begins a wait: its deadline counts from now.
    pub(crate) fn begin_wait(&self, wait: Wait) {
        let number = (self.wait.load(Ordering::Relaxed) >> 2) + 1;
        self.wait.store(number << 2 | wait as u64, Ordering::Relaxed);
    }

    /// What is waited for now.
    pub(crate) fn wait(&self) -> Wait {
        Wait::of(self.wait.load(Ordering::Relaxed))
    }

    /// Whether the connection ends because a deadline passed.
    pub(crate) fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed)
    }

    /// Wakes the connection's task with an end of stream; one that stalls while it is told something has no use
    /// for last words, and is cut.
    fn give_up(&self, wait: Wait) {
        self.is_given_up.store(true, Ordering::Relaxed);
        self.shut_down(if wait == Wait::TakingReplies { Shutdown::Both } else { Shutdown::Read });
    }

    fn shut_down(&self, half: Shutdown) {
        // The only error is that the client was faster.
        let _ = self.stream.get_ref().shutdown(half);
    }
}

impl Wait {
    fn of(bits: u64) -> Self {
        match bits & 3 {
            1 => Self::RestOfRequest,
            2 => Self::TakingReplies,
            _ => Self::Nothing,
        }
    }
}
