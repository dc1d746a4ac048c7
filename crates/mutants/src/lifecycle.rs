//! The lifecycle of a server: its open connections, and its end.

use std::collections::BTreeMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The number of a connection, in the order of arrival.
pub(crate) type ClientNumber = u64;

#[derive(Debug)]
pub(crate) struct Lifecycle {
    addr: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    has_stopped_listening: bool,
    has_ended: bool,
    has_crashed: bool,
    open: BTreeMap<ClientNumber, Arc<TcpStream>>,
}

impl Lifecycle {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { addr, state: Mutex::default(), changed: Condvar::new() }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.lock().has_ended
    }

    pub(crate) fn open_count(&self) -> usize {
        self.lock().open.len()
    }

    /// Adds a connection to the open ones. Returns false if the server has ended; the caller then closes the
    /// connection.
    pub(crate) fn register(&self, number: ClientNumber, stream: &Arc<TcpStream>) -> bool {
        let mut state = self.lock();
        if state.has_ended {
            return false;
        }
        state.open.insert(number, Arc::clone(stream));
        true
    }

    /// Removes a connection from the open ones.
    pub(crate) fn deregister(&self, number: ClientNumber) {
        self.lock().open.remove(&number);
        self.changed.notify_all();
    }

    /// Shuts down all other connections.
    pub(crate) fn shut_down_others(&self, number: ClientNumber) {
        for (other, stream) in &self.lock().open {
            if *other != number {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    /// Shuts down the connection that has been open for the longest time.
    pub(crate) fn shut_down_oldest(&self) {
        if let Some((_, stream)) = self.lock().open.first_key_value() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Ends the server because of its defect, on a thread of its own: the accepting thread must not wait for itself.
    pub(crate) fn crash_soon(self: &Arc<Self>) {
        let lifecycle = Arc::clone(self);
        // If the system refuses a thread, the server continues, and the next cause ends it.
        let _ = thread::Builder::new().name("crash".into()).spawn(move || lifecycle.crash());
    }

    /// Ends the server because of its defect.
    pub(crate) fn crash(&self) {
        self.lock().has_crashed = true;
        self.end();
    }

    /// Ends the server: first closes the listener, so that no client can reconnect, then shuts down all connections.
    pub(crate) fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
        self.connect_until_listener_closes();
        for stream in self.lock().open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Records that the listener is closed.
    pub(crate) fn note_stopped_listening(&self) {
        self.lock().has_stopped_listening = true;
        self.changed.notify_all();
    }

    pub(crate) fn wait_for_crash(&self) {
        let is_running = |state: &mut State| !(state.has_crashed && state.has_stopped_listening);
        drop(self.changed.wait_while(self.lock(), is_running).unwrap_or_else(PoisonError::into_inner));
    }

    /// Wakes the threads that wait for a condition in [`Lifecycle::wait_until`].
    pub(crate) fn wake(&self) {
        // A thread that has found its condition false holds the lock until it waits.
        drop(self.lock());
        self.changed.notify_all();
    }

    pub(crate) fn wait_for_end(&self) {
        self.wait_until(|_| false);
    }

    /// Waits until the server ends, at most for `limit`. Returns whether it has ended.
    pub(crate) fn ends_within(&self, limit: Duration) -> bool {
        let is_waiting = |state: &mut State| !state.has_ended;
        let waited = self.changed.wait_timeout_while(self.lock(), limit, is_waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0.has_ended
    }

    /// Waits until `condition` holds for the number of open connections, or until the server ends.
    pub(crate) fn wait_until(&self, condition: impl Fn(usize) -> bool) {
        let is_waiting = |state: &mut State| !state.has_ended && !condition(state.open.len());
        drop(self.changed.wait_while(self.lock(), is_waiting).unwrap_or_else(PoisonError::into_inner));
    }

    /// Connects to the server's own listener until it is closed: the accepting thread notices the end only when a
    /// client connects.
    fn connect_until_listener_closes(&self) {
        for _ in 0..WAKE_CONNECTS_MAX {
            if self.lock().has_stopped_listening {
                return;
            }
            let _ = TcpStream::connect_timeout(&self.addr, WAKE_CONNECT_TIMEOUT);
            let is_listening = |state: &mut State| !state.has_stopped_listening;
            drop(self.changed.wait_timeout_while(self.lock(), WAKE_CONNECT_TIMEOUT, is_listening));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection attempt can fail while file descriptors are exhausted, so it is repeated for two seconds.
const WAKE_CONNECTS_MAX: u32 = 100;
const WAKE_CONNECT_TIMEOUT: Duration = Duration::from_millis(20);
