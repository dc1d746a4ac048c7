//! The state that all clients of a run share: target, clock and observer.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use crate::drive::acknowledgement::Unacknowledged;
use crate::drive::address;
use crate::drive::barrier::Barrier;
use crate::drive::limits::{Limits, Process};
use crate::history::{Event, EventKind};
use crate::moves::Source;

/// The number of concurrent openings for a distant target, where each opening takes at least one round trip.
const FAR_OPENINGS_AT_ONCE_MAX: u32 = 16;

/// The range of connect times that indicates a distant target. A longer time indicates a full backlog.
const FAR_CONNECT_TIME: Range<Duration> = Duration::from_millis(5)..Duration::from_millis(500);

/// The size of the receive buffer of a narrow connection, in bytes.
const NARROW_BYTES: u32 = 4096;

/// The way in which a connection is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Plain,
    /// With the smallest receive buffer that the system allows.
    Narrow,
    /// To the alternate address.
    Alternate,
    /// From an address of the loopback network.
    From(Source),
    /// Over IPv6 to an IPv4-mapped address.
    Mapped,
}

/// The state that the clients of a run share.
pub(super) struct Run<O> {
    pub(super) target: SocketAddr,
    pub(super) limits: Limits,
    /// The current reply timeout; it becomes shorter after the first late reply.
    pub(super) reply_timeout: Cell<Duration>,
    pub(super) begun: Instant,
    pub(super) client_permits: Semaphore,
    pub(super) opening_permits: Arc<Semaphore>,
    /// The right to run a job on another thread.
    pub(super) work_permits: Semaphore,
    pub(super) has_connected: Cell<bool>,
    pub(super) barrier: Barrier,
    pub(super) connection_count: Cell<u32>,
    pub(super) unacknowledged: Unacknowledged,
    /// The number of connections whose target's half a client that closed did not see end in time.
    pub(super) late_ends: Cell<u32>,
    pub(super) observer: RefCell<O>,
    pub(super) process: Box<dyn Process>,
    pub(super) stop: Notify,
}

/// Receives the events of a run, and may stop it.
pub(super) trait Observer: FnMut(&Event<'_>) -> ControlFlow<()> {}

impl<O: FnMut(&Event<'_>) -> ControlFlow<()>> Observer for O {}

impl<O: Observer> Run<O> {
    /// Opens a TCP connection; the client holds an opening permit.
    pub(super) async fn connect(&self, route: Route) -> io::Result<TcpStream> {
        let begun = Instant::now();
        let addr = match route {
            Route::Alternate => self.process.alternate_addr().ok_or(ErrorKind::NotFound)?,
            Route::Mapped => address::mapped(self.target),
            Route::Plain | Route::Narrow | Route::From(_) => self.target,
        };
        let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if route == Route::Narrow {
            socket.set_recv_buffer_size(NARROW_BYTES)?;
        }
        if let Route::From(source) = route {
            address::bind(&socket, addr, source)?;
        }
        let connected = timeout(self.limits.connect_timeout, socket.connect(addr)).await;
        let stream = connected.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))?;
        // On this machine, only a busy processor delays a connection.
        let may_be_far = !self.has_connected.replace(true) && !addr.ip().is_loopback();
        if may_be_far && FAR_CONNECT_TIME.contains(&begun.elapsed()) {
            let more = FAR_OPENINGS_AT_ONCE_MAX.saturating_sub(self.limits.openings_at_once_max);
            self.opening_permits.add_permits(more as usize);
        }
        Ok(stream)
    }

    pub(super) fn now_ns(&self) -> u64 {
        as_ns(self.begun.elapsed())
    }

    /// Passes an event to the observer.
    pub(super) fn emit(&self, at_ns: u64, client: u32, connection: u32, event: EventKind<'_>) {
        let flow = (self.observer.borrow_mut())(&Event { at_ns, client, connection, event });
        if flow.is_break() {
            self.stop.notify_one();
        }
    }
}

pub(super) fn as_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
