//! The open connections: what each waits for, when it is given up, and how all of them are drained.
//!
//! One sweep over all connections keeps their deadlines, which is cheaper than a timer for each read. A connection
//! notes only *that* it waits; the sweep, which alone reads the clock, notes since when. So no deadline is kept
//! early, and each is kept at most two sweeps late.

use std::collections::HashMap;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use smol::Async;

use crate::limits::{Limits, Refusal};
use crate::service::Awaited;

/// All open connections.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<Registry>,
    is_draining: AtomicBool,
}

#[derive(Debug, Default)]
struct Registry {
    opened_total: u64,
    watched: HashMap<u64, Watched>,
    by_address: HashMap<IpAddr, u32>,
}

#[derive(Debug)]
struct Watched {
    connection: Arc<Connection>,
    /// When the first sweep saw it.
    opened: Option<Instant>,
    /// The wait that the last sweep saw, and when it saw that wait first.
    wait_since: Option<(u64, Instant)>,
}

/// One connection, shared by its task and the sweep.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) address: IpAddr,
    pub(crate) stream: Async<TcpStream>,
    /// What is waited for, in the lowest bits, and the number of the wait above them.
    wait: AtomicU64,
    /// Why the connection is given up, if it is.
    given_up: OnceLock<Refusal>,
}

/// What a connection waits for; each wait has a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// What the service awaits of its client.
    For(Awaited),
    /// The client, to take in its replies.
    TakingReplies,
}

/// The bits below the number of a wait.
const WAIT_BITS: u32 = 2;

impl Connections {
    /// Whether there is room for one more from this address.
    pub(crate) fn room_for(&self, address: IpAddr, limits: &Limits) -> Result<(), Refusal> {
        let registry = self.lock();
        if registry.watched.len() >= limits.connections_max {
            return Err(Refusal::Connections);
        }
        let of_address = registry.by_address.get(&address).copied().unwrap_or(0);
        if limits.connections_per_address_max.is_some_and(|most| of_address >= most.get()) {
            return Err(Refusal::ConnectionsPerAddress);
        }
        Ok(())
    }

    /// Adds a connection; it stays until [`Connections::remove`].
    pub(crate) fn add(&self, stream: Async<TcpStream>, address: IpAddr) -> Arc<Connection> {
        let mut registry = self.lock();
        registry.opened_total += 1;
        *registry.by_address.entry(address).or_default() += 1;
        let connection = Arc::new(Connection {
            id: registry.opened_total,
            address,
            stream,
            wait: AtomicU64::new(0),
            given_up: OnceLock::new(),
        });
        let watched = Watched { connection: Arc::clone(&connection), opened: None, wait_since: None };
        registry.watched.insert(connection.id, watched);
        connection
    }

    pub(crate) fn remove(&self, connection: &Connection) {
        let mut registry = self.lock();
        registry.watched.remove(&connection.id);
        if let Some(count) = registry.by_address.get_mut(&connection.address) {
            *count -= 1;
            if *count == 0 {
                registry.by_address.remove(&connection.address);
            }
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().watched.len()
    }

    /// Gives up every connection that has waited longer than it may, or is too old.
    pub(crate) fn sweep(&self, now: Instant, limits: &Limits) {
        for watched in self.lock().watched.values_mut() {
            let wait = watched.connection.wait.load(Ordering::Relaxed);
            let (timeout, cause) = match Wait::of(wait) {
                Wait::For(Awaited::NextRequest) => (limits.idle_timeout, Refusal::IdleTimeout),
                Wait::For(Awaited::RestOfRequest) => (limits.read_timeout, Refusal::ReadTimeout),
                Wait::For(Awaited::Work) => (limits.work_timeout, Refusal::WorkTimeout),
                Wait::TakingReplies => (limits.write_timeout, Refusal::WriteTimeout),
            };
            let since = match watched.wait_since {
                Some((seen, since)) if seen == wait => since,
                _ => now,
            };
            watched.wait_since = Some((wait, since));
            let opened = *watched.opened.get_or_insert(now);
            if now.duration_since(since) >= timeout {
                watched.connection.give_up(cause);
            } else if now.duration_since(opened) >= limits.lifetime {
                watched.connection.give_up(Refusal::Lifetime);
            }
        }
    }

    /// Lets every connection answer what it has been sent and then end.
    pub(crate) fn end_reading(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
        for watched in self.lock().watched.values() {
            watched.connection.shut_down(Shutdown::Read);
        }
    }

    /// Whether connections are to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
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
        let number = (self.wait.load(Ordering::Relaxed) >> WAIT_BITS) + 1;
        self.wait.store(number << WAIT_BITS | wait.bits(), Ordering::Relaxed);
    }

    /// What is waited for now.
    pub(crate) fn wait(&self) -> Wait {
        Wait::of(self.wait.load(Ordering::Relaxed))
    }

    /// Why the connection ends before its client ends it, if it does.
    pub(crate) fn given_up(&self) -> Option<Refusal> {
        self.given_up.get().copied()
    }

    /// Wakes the connection's task with an end of stream; one that stalls while it is told something has no use
    /// for last words, and is cut.
    pub(crate) fn give_up(&self, cause: Refusal) {
        // The first cause stays: a client that does not read its last words is given up for what came before.
        let _ = self.given_up.set(cause);
        self.shut_down(if cause == Refusal::WriteTimeout { Shutdown::Both } else { Shutdown::Read });
    }

    fn shut_down(&self, half: Shutdown) {
        // The only error is that the client was faster.
        let _ = self.stream.get_ref().shutdown(half);
    }
}

impl Wait {
    const ALL: [Self; 4] = [
        Self::For(Awaited::NextRequest),
        Self::For(Awaited::RestOfRequest),
        Self::For(Awaited::Work),
        Self::TakingReplies,
    ];

    fn of(bits: u64) -> Self {
        Self::ALL[(bits & ((1 << WAIT_BITS) - 1)) as usize]
    }

    fn bits(self) -> u64 {
        match self {
            Self::For(awaited) => awaited as u64,
            Self::TakingReplies => 3,
        }
    }
}
