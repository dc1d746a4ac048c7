//! The accept loop, the refusal of connections, the deadline sweep, the drain at shutdown, and what a panic ends.

use std::convert::Infallible;
use std::future::pending;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use smol::channel::{Sender, bounded};
use smol::future::FutureExt;
use smol::io::AsyncWriteExt;
use smol::lock::Semaphore;
use smol::stream::{Stream, StreamExt};
use smol::{Async, Executor, Task, future};
use tracing::{Instrument, debug, error, info, info_span, warn};

use crate::clock::Clock;
use crate::connection::{self, Shared};
use crate::connections::{Connection, Connections};
use crate::limits::{Limits, Refusal};
use crate::linger;
use crate::rates::{Rates, limited_address};
use crate::service::{CloseReason, Service};
use crate::telemetry::Telemetry;

/// The components of a server.
pub struct Parts<S, C> {
    /// Runs the tasks.
    pub executor: Arc<Executor<'static>>,
    /// Answers the requests.
    pub service: Arc<S>,
    /// The limits of the connections.
    pub limits: Limits,
    /// Observes the connections.
    pub telemetry: Arc<dyn Telemetry>,
    /// The source of time.
    pub clock: C,
}

/// The result of [`serve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All connections ended within the shutdown timeout.
    Drained,
    /// The server closed this number of connections before they were drained.
    Aborted(usize),
    /// This part of the server panicked. Without it the server cannot serve.
    Panicked(&'static str),
}

/// Pause after a failed accept, most often for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Pauses after which accepting is tried again even if no connection has ended.
const ACCEPT_PAUSES_MAX: u32 = 20;

/// Connections that are accepted in a row before other tasks run.
const ACCEPTS_IN_A_ROW_MAX: u32 = 16;

/// Connections that are accepted after a stop; they waited in the backlog.
const BACKLOG_MAX: usize = 4096;

/// Longest interval of the deadline sweep.
const SWEEP_INTERVAL_MAX: Duration = Duration::from_secs(1);

/// Refused clients that may receive a close reason at the same time. Others are closed without one.
const LINGERING_REFUSALS_MAX: usize = 128;

/// Serves on `listener` until `stops` yields an item. Then it stops accepting and drains the open connections. A second
/// item ends the drain immediately.
pub async fn serve<S: Service, C: Clock>(
    parts: Parts<S, C>,
    listener: Async<TcpListener>,
    stops: impl Stream<Item = ()>,
) -> Ending {
    let Parts { executor, service, limits, telemetry, clock } = parts;
    let (rates, connections) = (Rates::new(&limits), Connections::default());
    let shared = Arc::new(Shared { service, limits, telemetry, clock: clock.clone(), connections, rates });
    // Each connection holds a sender. The channel carries no items; it closes when the last connection ends.
    let (alive, all_ended) = bounded::<Infallible>(1);

    let (listener, lingering) = (Arc::new(listener), Semaphore::new(LINGERING_REFUSALS_MAX));
    let admission = Admission { executor: executor.clone(), shared: shared.clone(), lingering, alive };
    let admission = Arc::new(admission);

    // The parts are separate tasks: joined futures would all be polled whenever one of them makes progress.
    let (panics, panicked) = bounded(1);
    let parts = Spawner { executor: &executor, panics };
    let accepting = parts.spawn("accept loop", accept(Arc::clone(&listener), Arc::clone(&admission)));
    let sweeping = parts.spawn("deadline sweep", sweep(Arc::clone(&shared)));
    let running =
        parts.spawn("background work of the service", Arc::clone(&shared.service).run(clock.clone()));

    let mut stops = pin!(stops);
    let stopped = async { stops.next().await.and(None) };
    if let Some(part) = future::or(async { panicked.recv().await.ok() }, stopped).await {
        return Ending::Panicked(part);
    }
    accepting.cancel().await;
    // Clients that the kernel has connected are served too; closing the listener would reset them.
    for stream in listener.get_ref().incoming().map_while(Result::ok).take(BACKLOG_MAX) {
        if let (Ok(peer), Ok(stream)) = (stream.peer_addr(), Async::new(stream)) {
            admission.admit(stream, peer);
        }
    }
    drop((listener, admission));
    info!(connections = shared.connections.count(), "draining");
    shared.connections.drain(clock.now());
    let drained = async {
        let _ = all_ended.recv().await;
        Ending::Drained
    };
    let aborted = async {
        let second_stop = async {
            if stops.next().await.is_none() {
                pending::<()>().await;
            }
        };
        future::or(clock.sleep(limits.shutdown_timeout), second_stop).await;
        Ending::Aborted(shared.connections.abort())
    };
    let failed = async { panicked.recv().await.map_or(Ending::Drained, Ending::Panicked) };
    let ending = future::or(failed, future::or(drained, aborted)).await;
    sweeping.cancel().await;
    running.cancel().await;
    ending
}

/// Spawns the parts of the server that run until they are cancelled.
struct Spawner<'a> {
    executor: &'a Executor<'static>,
    /// The names of parts that panicked.
    panics: Sender<&'static str>,
}

impl Spawner<'_> {
    fn spawn(&self, part: &'static str, task: impl Future<Output = ()> + Send + 'static) -> Task<()> {
        let panics = self.panics.clone();
        self.executor.spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                // If the channel is full, another part has panicked before.
                let _ = panics.try_send(part);
            }
        })
    }
}

/// What the accept loop needs for a new connection.
struct Admission<S, C> {
    executor: Arc<Executor<'static>>,
    shared: Arc<Shared<S, C>>,
    lingering: Semaphore,
    alive: Sender<Infallible>,
}

async fn accept<S: Service, C: Clock>(listener: Arc<Async<TcpListener>>, admission: Arc<Admission<S, C>>) {
    let Shared { telemetry, clock, .. } = &*admission.shared;
    loop {
        for _ in 0..ACCEPTS_IN_A_ROW_MAX {
            match listener.accept().await {
                Ok((stream, peer)) => admission.admit(stream, peer),
                // This client has gone, but others may be waiting.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    telemetry.accept_failed();
                    warn!(%error, "cannot accept connections");
                    // Until a connection ends, so that free descriptors are left to other parts of the server.
                    let open = admission.shared.connections.count();
                    for _ in 0..ACCEPT_PAUSES_MAX {
                        clock.sleep(ACCEPT_PAUSE).await;
                        if admission.shared.connections.count() < open {
                            break;
                        }
                    }
                }
            }
        }
        // Accepting does not wait while clients are in the backlog.
        future::yield_now().await;
    }
}

impl<S: Service, C: Clock> Admission<S, C> {
    /// Serves a new connection, or refuses it.
    fn admit(self: &Arc<Self>, stream: Async<TcpStream>, peer: SocketAddr) {
        let Self { executor, shared, .. } = &**self;
        // Replies are already written in large pieces, so Nagle's algorithm would only delay them.
        let _ = stream.get_ref().set_nodelay(true);
        let address = limited_address(peer.ip());
        let admission = if shared.rates.allows_connection(address) {
            shared.connections.check_room(address, &shared.limits)
        } else {
            Err(Refusal::ConnectRate)
        };
        match admission {
            Ok(()) => {
                // Registered here instead of in its task, so that a drain cannot miss it.
                let served = Served::new(Arc::clone(shared), stream, address, self.alive.clone());
                executor.spawn(isolate(Arc::clone(shared), serve_one(served, peer))).detach();
            }
            Err(cause) => {
                shared.telemetry.refused(cause);
                debug!(%peer, cause = cause.name(), "connection refused");
                executor.spawn(isolate(Arc::clone(shared), refuse(Arc::clone(self), stream, cause))).detach();
            }
        }
    }
}

/// Runs the task of one client. A panic ends only this task.
async fn isolate<S, C>(shared: Arc<Shared<S, C>>, task: impl Future<Output = ()>) {
    if AssertUnwindSafe(task).catch_unwind().await.is_err() {
        shared.telemetry.panicked();
        error!("a connection was closed because its task panicked");
    }
}

/// An open connection. Dropping it releases everything that the connection holds, also if its task panics.
struct Served<S, C> {
    shared: Arc<Shared<S, C>>,
    connection: Arc<Connection>,
    _alive: Sender<Infallible>,
}

impl<S, C> Served<S, C> {
    fn new(
        shared: Arc<Shared<S, C>>,
        stream: Async<TcpStream>,
        address: IpAddr,
        alive: Sender<Infallible>,
    ) -> Self {
        let connection = shared.connections.add(stream, address);
        shared.telemetry.opened();
        Self { shared, connection, _alive: alive }
    }
}

impl<S, C> Drop for Served<S, C> {
    fn drop(&mut self) {
        self.shared.connections.remove(&self.connection, &*self.shared.telemetry);
        self.shared.telemetry.closed();
    }
}

async fn serve_one<S: Service, C: Clock>(served: Served<S, C>, peer: SocketAddr) {
    let Served { shared, connection, .. } = &served;
    let telemetry = &shared.telemetry;
    let span = info_span!("connection", id = connection.id, %peer);
    let serving = async {
        debug!("opened");
        let ended = connection::serve(connection, shared).await;
        // A lost connection is counted, but it is not an error of the server (C3).
        if ended.is_err() {
            shared.service.note_lost_connection();
        }
        if let Some(cause) = connection.refusal() {
            telemetry.refused(cause);
            info!(cause = cause.name(), "closed because of a limit");
        } else {
            debug!(error = ended.err().map(tracing::field::display), "closed");
        }
    };
    serving.instrument(span).await;
}

/// Sends a refused client its close reason, unless too many refused clients are lingering.
async fn refuse<S: Service, C: Clock>(
    admission: Arc<Admission<S, C>>,
    mut stream: Async<TcpStream>,
    cause: Refusal,
) {
    let Admission { shared, lingering, .. } = &*admission;
    let Some(_permit) = lingering.try_acquire() else { return };
    let mut reply = Vec::new();
    shared.service.append_close_reason(CloseReason::Refused(cause), &mut reply);
    // The send buffer of a new socket always has room for the reason.
    if stream.write_all(&reply).await.is_ok() {
        linger::close(&stream, || false, S::LINGER, &shared.clock).await;
    }
}

async fn sweep<S: Service, C: Clock>(shared: Arc<Shared<S, C>>) {
    let Shared { limits, clock, .. } = &*shared;
    let Limits { read_timeout, idle_timeout, work_timeout, write_timeout, lifetime, .. } = *limits;
    let shortest = read_timeout.min(idle_timeout).min(work_timeout).min(write_timeout).min(lifetime);
    // A deadline is enforced at most two sweeps late: a quarter of the shortest limit.
    let interval = SWEEP_INTERVAL_MAX.min(shortest / 8);
    let drain_interval = interval.min(limits.drain_write_timeout() / 8);
    loop {
        clock.sleep(if shared.connections.is_draining() { drain_interval } else { interval }).await;
        shared.connections.sweep(clock.now(), limits);
        shared.rates.remove_inactive();
    }
}
