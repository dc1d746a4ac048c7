//! The registry of open connections: current waits, deadlines, memory, and the drain.
//!
//! One periodic sweep enforces all deadlines, which costs less than a timer for each read. A connection only notes
//! *that* it waits. The sweep reads the clock and notes the time at which it first saw the wait. So no deadline is
//! enforced early, and each is enforced at most two sweeps late.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use smol::Async;

use crate::budget::{Budget, Share};
use crate::limits::{Limits, Refusal};
use crate::service::Awaited;
use crate::telemetry::Telemetry;

/// All open connections.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    registry: Mutex<Registry>,
    budget: Budget,
    is_draining: AtomicBool,
}

#[derive(Debug, Default)]
struct Registry {
    opened_total: u64,
    watched: HashMap<u64, Watched>,
    by_address: HashMap<IpAddr, u32>,
    /// The beginning of the drain.
    drain_begun: Option<Instant>,
}

#[derive(Debug)]
struct Watched {
    connection: Arc<Connection>,
    /// The time of the first sweep that saw the connection.
    opened: Option<Instant>,
    /// The wait that the last sweep saw, and the time of the first sweep that saw it.
    wait_since: Option<(u64, Instant)>,
}

/// One connection, shared by its task and the sweep.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) address: IpAddr,
    pub(crate) stream: Async<TcpStream>,
    /// The current wait in the lowest bits, and the sequence number of the wait above them.
    wait: AtomicU64,
    /// The memory that the connection takes from the budget.
    share: Share,
    /// The limit that closes the connection.
    refusal: OnceLock<Refusal>,
}

/// A wait of a connection. Each has a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// For an action that the service awaits.
    For(Awaited),
    /// For the client to read its replies.
    WritingReplies,
}

/// The part of the budget that is free again when an exceeded budget was reclaimed: an eighth. So the search for the
/// connections to close is rare, even if clients fill the budget as fast as they can.
const RECLAIMED_PART: usize = 8;

/// The number of bits below the sequence number of a wait.
const WAIT_BITS: u32 = 2;

impl Connections {
    /// Checks the limits of open connections for one more connection from this address.
    pub(crate) fn check_room(&self, address: IpAddr, limits: &Limits) -> Result<(), Refusal> {
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

    /// Adds a connection; [`Connections::remove`] removes it.
    pub(crate) fn add(&self, stream: Async<TcpStream>, address: IpAddr) -> Arc<Connection> {
        let mut registry = self.lock();
        registry.opened_total += 1;
        *registry.by_address.entry(address).or_default() += 1;
        let connection = Arc::new(Connection {
            id: registry.opened_total,
            address,
            stream,
            wait: AtomicU64::new(0),
            share: Share::default(),
            refusal: OnceLock::new(),
        });
        let watched = Watched { connection: Arc::clone(&connection), opened: None, wait_since: None };
        registry.watched.insert(connection.id, watched);
        connection
    }

    pub(crate) fn remove(&self, connection: &Connection, telemetry: &dyn Telemetry) {
        {
            let mut registry = self.lock();
            registry.watched.remove(&connection.id);
            if let Some(count) = registry.by_address.get_mut(&connection.address) {
                *count -= 1;
                if *count == 0 {
                    registry.by_address.remove(&connection.address);
                }
            }
        }
        // Last, because a connection in the registry can still be reclaimed.
        if let Some(change) = self.budget.hold(&connection.share, 0) {
            telemetry.buffered(change.before, change.after);
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().watched.len()
    }

    /// Notes the memory that a connection holds for an incomplete request and unread replies. If all connections together
    /// exceed the budget, some of them are closed.
    pub(crate) fn hold(
        &self,
        connection: &Connection,
        bytes: usize,
        limits: &Limits,
        telemetry: &dyn Telemetry,
    ) {
        let Some(change) = self.budget.hold(&connection.share, bytes) else { return };
        telemetry.buffered(change.before, change.after);
        if self.budget.lasting_bytes() > limits.buffered_bytes_max {
            self.reclaim(limits.buffered_bytes_max - limits.buffered_bytes_max / RECLAIMED_PART);
        }
    }

    /// Reports whether connections that are being closed have not released their memory yet, so that no connection may
    /// take more.
    pub(crate) fn exceed_budget(&self, limits: &Limits) -> bool {
        self.budget.bytes() > limits.buffered_bytes_max
    }

    /// Closes connections until the others take at most `bytes_max` from the budget: always the connection that has had
    /// its share longest, of the client address that takes the most. So a client that completes its requests and reads
    /// its replies keeps its connection, and other addresses do not suffer from one that takes everything.
    fn reclaim(&self, bytes_max: usize) {
        let registry = self.lock();
        let connections = registry.watched.values().map(|watched| &watched.connection);
        let mut holders: Vec<_> = connections.filter(|held| held.share.lasting_bytes() > 0).collect();
        holders.sort_unstable_by_key(|connection| Reverse(connection.share.begun()));
        let mut by_address = HashMap::<IpAddr, (usize, Vec<&Arc<Connection>>)>::new();
        for connection in holders {
            let (bytes, oldest_last) = by_address.entry(connection.address).or_default();
            *bytes += connection.share.lasting_bytes();
            oldest_last.push(connection);
        }
        while self.budget.lasting_bytes() > bytes_max {
            let largest = by_address.values_mut().max_by_key(|(bytes, _)| *bytes);
            let Some((bytes, oldest_last)) = largest else { return };
            let Some(oldest) = oldest_last.pop() else { return };
            *bytes = bytes.saturating_sub(oldest.share.lasting_bytes());
            self.budget.reclaim(&oldest.share);
            oldest.close_for(Refusal::BufferedBytes);
        }
    }

    /// Closes each connection whose current wait or total age exceeds its limit.
    pub(crate) fn sweep(&self, now: Instant, limits: &Limits) {
        let mut registry = self.lock();
        let (drain_begun, is_over_budget) = (registry.drain_begun, self.exceed_budget(limits));
        for watched in registry.watched.values_mut() {
            let wait = watched.connection.wait.load(Ordering::Relaxed);
            let (timeout, cause) = match Wait::of(wait) {
                Wait::For(Awaited::NextRequest) => (limits.idle_timeout, Refusal::IdleTimeout),
                Wait::For(Awaited::RestOfRequest) => (limits.read_timeout, Refusal::ReadTimeout),
                Wait::For(Awaited::Work) => (limits.work_timeout, Refusal::WorkTimeout),
                Wait::WritingReplies => (limits.write_timeout, Refusal::WriteTimeout),
            };
            let since = match watched.wait_since {
                Some((seen, since)) if seen == wait => since,
                _ => now,
            };
            watched.wait_since = Some((wait, since));
            let opened = *watched.opened.get_or_insert(now);
            if is_over_budget && watched.connection.delays_release() {
                // It began to wait for its client while it was closed.
                watched.connection.shut_down(Shutdown::Both);
            }
            // A client that takes no replies does not delay the end of the server.
            let is_blocked = Wait::of(wait) == Wait::WritingReplies;
            let blocked_since = drain_begun.filter(|_| is_blocked).map(|begun| begun.max(since));
            if now.duration_since(since) >= timeout {
                watched.connection.close_for(cause);
            } else if blocked_since
                .is_some_and(|since| now.duration_since(since) >= limits.drain_write_timeout())
            {
                watched.connection.close_for(Refusal::WriteTimeout);
            } else if now.duration_since(opened) >= limits.lifetime {
                watched.connection.close_for(Refusal::Lifetime);
            }
        }
    }

    /// Ends the input of every connection, so that it answers the requests it has received and then ends.
    pub(crate) fn drain(&self, now: Instant) {
        self.is_draining.store(true, Ordering::Relaxed);
        let mut registry = self.lock();
        registry.drain_begun = Some(now);
        for watched in registry.watched.values() {
            watched.connection.shut_down(Shutdown::Read);
        }
    }

    /// Reports whether the connections are being drained.
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Closes every connection immediately and returns their number.
    pub(crate) fn abort(&self) -> usize {
        let registry = self.lock();
        for watched in registry.watched.values() {
            watched.connection.shut_down(Shutdown::Both);
        }
        registry.watched.len()
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Begins a wait, whose time limit starts now.
    pub(crate) fn begin_wait(&self, wait: Wait) {
        let number = (self.wait.load(Ordering::Relaxed) >> WAIT_BITS) + 1;
        self.wait.store(number << WAIT_BITS | wait.bits(), Ordering::Relaxed);
    }

    /// The current wait.
    pub(crate) fn wait(&self) -> Wait {
        Wait::of(self.wait.load(Ordering::Relaxed))
    }

    /// The limit that closes the connection, if one was exceeded.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.refusal.get().copied()
    }

    /// Closes the connection because of a limit. Its task reads the end of the stream and then sends the close reason.
    /// A client that does not read its replies would not read the reason either, so that connection is cut off.
    pub(crate) fn close_for(&self, cause: Refusal) {
        // The first cause stays: a client that does not read its close reason was refused for an earlier cause.
        let _ = self.refusal.set(cause);
        let is_cut_off = match cause {
            Refusal::WriteTimeout => true,
            Refusal::BufferedBytes => self.wait() == Wait::WritingReplies,
            _ => false,
        };
        self.shut_down(if is_cut_off { Shutdown::Both } else { Shutdown::Read });
    }

    /// Reports whether a connection that is being closed waits for its client and holds memory meanwhile.
    pub(crate) fn delays_release(&self) -> bool {
        self.refusal().is_some() && self.wait() == Wait::WritingReplies && self.share.bytes() > 0
    }

    fn shut_down(&self, half: Shutdown) {
        // Shutting down fails only if the client has closed the connection.
        let _ = self.stream.get_ref().shutdown(half);
    }
}

impl Wait {
    const ALL: [Self; 4] = [
        Self::For(Awaited::NextRequest),
        Self::For(Awaited::RestOfRequest),
        Self::For(Awaited::Work),
        Self::WritingReplies,
    ];

    fn of(bits: u64) -> Self {
        Self::ALL[(bits & ((1 << WAIT_BITS) - 1)) as usize]
    }

    fn bits(self) -> u64 {
        match self {
            Self::For(awaited) => awaited as u64,
            Self::WritingReplies => 3,
        }
    }
}
