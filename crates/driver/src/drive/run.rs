//! The state that all clients of a run share: the target, the clock, the observer.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use crate::drive::address;
use crate::drive::barrier::Barrier;
use crate::drive::limits::{Limits, Process};
use crate::history::{Event, EventKind};
use crate::moves::Source;

/// How long opening a connection may take. It is no part of a reply's time: a target with a short backlog makes
/// clients wait for the system's second or third try.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_mins(1);

/// The same where the target is far away, and each opening takes a while for the way alone.
const FAR_OPENINGS_AT_ONCE_MAX: u32 = 16;

/// A first connection that took this long came a long way; one that took longer met a full backlog.
const FAR_CONNECT_TIME: Range<Duration> = Duration::from_millis(5)..Duration::from_millis(500);

/// The receive buffer of a narrow connection.
const NARROW_BYTES: u32 = 4096;

/// How a connection is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Plain,
    /// With as little room for replies as the system allows.
    Narrow,
    /// By way of the relay.
    Alternate,
    /// From an address of the loopback network.
    From(Source),
    /// By IPv6 to an IPv4 address.
    Mapped,
}

/// What the clients of a run share.
pub(super) struct Run<O> {
    pub(super) target: SocketAddr,
    pub(super) limits: Limits,
    /// What is left of the patience with the target.
    pub(super) reply_timeout: Cell<Duration>,
    pub(super) begun: Instant,
    pub(super) places: Semaphore,
    pub(super) openings: Arc<Semaphore>,
    pub(super) has_connected: Cell<bool>,
    pub(super) barrier: Barrier,
    pub(super) connection_count: Cell<u32>,
    pub(super) observer: RefCell<O>,
    pub(super) process: Box<dyn Process>,
    pub(super) stop: Notify,
}

impl<O: FnMut(&Event<'_>) -> ControlFlow<()>> Run<O> {
    /// Connects; the client has its turn.
    pub(super) async fn connect(&self, way: Way) -> io::Result<TcpStream> {
        let begun = Instant::now();
        let addr = match way {
            Way::Alternate => self.process.alternate_addr().ok_or(ErrorKind::NotFound)?,
            Way::Mapped => address::mapped(self.target),
            Way::Plain | Way::Narrow | Way::From(_) => self.target,
        };
        let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if way == Way::Narrow {
            socket.set_recv_buffer_size(NARROW_BYTES)?;
        }
        if let Way::From(source) = way {
            address::bind(&socket, addr, source)?;
        }
        let connected = timeout(CONNECT_TIMEOUT, socket.connect(addr)).await;
        let stream = connected.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))?;
        if !self.has_connected.replace(true) && FAR_CONNECT_TIME.contains(&begun.elapsed()) {
            let more = FAR_OPENINGS_AT_ONCE_MAX.saturating_sub(self.limits.openings_at_once_max);
            self.openings.add_permits(more as usize);
        }
        Ok(stream)
    }

    pub(super) fn now_ns(&self) -> u64 {
        as_ns(self.begun.elapsed())
    }

    pub(super) fn tell(&self, at_ns: u64, client: u32, connection: u32, event: EventKind<'_>) {
        let told = (self.observer.borrow_mut())(&Event { at_ns, client, connection, event });
        if told.is_break() {
            self.stop.notify_one();
        }
    }
}

pub(super) fn as_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
