//! Accepts connections, turns away what there is no room for, keeps deadlines, and drains when it is told to stop.

use std::convert::Infallible;
use std::future::pending;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use smol::channel::{Sender, bounded};
use smol::io::AsyncWriteExt;
use smol::lock::Semaphore;
use smol::stream::{Stream, StreamExt};
use smol::{Async, Executor, future};
use tracing::{Instrument, debug, info, info_span, warn};

use crate::clock::Clock;
use crate::connections::{Connection, Connections};
use crate::limits::{Limits, Refusal};
use crate::rates::{Rates, address_of};
use crate::service::{Parting, Service};
use crate::telemetry::Telemetry;
use crate::{connection, farewell};

/// What a server is made of.
pub struct Parts<S, C> {
    /// Runs its tasks.
    pub executor: Arc<Executor<'static>>,
    /// Answers requests.
    pub service: Arc<S>,
    /// The bounds that its connections meet.
    pub limits: Limits,
    /// Hears what happens.
    pub telemetry: Arc<dyn Telemetry>,
    /// Tells the time.
    pub clock: C,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every connection ended by itself.
    Drained,
    /// So many connections were cut: they outlived the shutdown timeout, or there was no time for them.
    Cut(usize),
}

/// How long to wait when no connection can be accepted, most often because descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often deadlines are looked at.
const SWEEP_INTERVAL_MAX: Duration = Duration::from_secs(1);

/// How many clients that were turned away may be reading why; beyond that they are just closed.
const FAREWELLS_MAX: usize = 128;

/// What the tasks of a server share. The executor is not among it: it owns the tasks.
pub(crate) struct Server<S, C> {
    pub(crate) service: Arc<S>,
    pub(crate) limits: Limits,
    pub(crate) telemetry: Arc<dyn Telemetry>,
    pub(crate) clock: C,
    pub(crate) connections: Connections,
    pub(crate) rates: Rates,
    farewells: Semaphore,
}

/// Serves on `listener` until `stops` brings an item; then accepts no more, answers what is under way, and ends. At the
/// second item it ends at once.
pub async fn serve<S: Service, C: Clock>(
    parts: Parts<S, C>,
    listener: Async<TcpListener>,
    stops: impl Stream<Item = ()>,
) -> Ending {
    let Parts { executor, service, limits, telemetry, clock } = parts;
    let server = Arc::new(Server {
        service,
        limits,
        telemetry,
        clock: clock.clone(),
        rates: Rates::new(&limits),
        connections: Connections::default(),
        farewells: Semaphore::new(FAREWELLS_MAX),
    });
    // Nothing is ever sent: each connection holds a sender, and the channel closes when the last one is gone.
    let (alive, all_gone) = bounded::<Infallible>(1);

    // The loops are tasks of their own: a future that is joined to others is polled whenever one of them moves.
    let accepting = executor.spawn(accept(Arc::clone(&executor), Arc::clone(&server), listener, alive));
    let sweeping = executor.spawn(sweep(Arc::clone(&server)));
    let running = executor.spawn(Arc::clone(&server.service).run(clock.clone()));

    let mut stops = pin!(stops);
    stops.next().await;
    accepting.cancel().await;
    info!(connections = server.connections.count(), "draining");
    server.connections.end_reading();
    let drained = async {
        let _ = all_gone.recv().await;
        Ending::Drained
    };
    let no_time_left = async {
        let told_again = async {
            if stops.next().await.is_none() {
                pending::<()>().await;
            }
        };
        future::or(clock.sleep(limits.shutdown_timeout), told_again).await;
        Ending::Cut(server.connections.cut())
    };
    let ending = future::or(drained, no_time_left).await;
    sweeping.cancel().await;
    running.cancel().await;
    ending
}

async fn accept<S: Service, C: Clock>(
    executor: Arc<Executor<'static>>,
    server: Arc<Server<S, C>>,
    listener: Async<TcpListener>,
    alive: Sender<Infallible>,
) {
    let Server { limits, telemetry, clock, .. } = &*server;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                telemetry.accept_failed();
                warn!(%error, "cannot accept connections");
                clock.sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Replies are whole writes already; holding one back for more would only delay it.
        let _ = stream.get_ref().set_nodelay(true);
        let address = address_of(peer.ip());
        let room = if server.rates.may_connect(address) {
            server.connections.room_for(address, limits)
        } else {
            Err(Refusal::ConnectRate)
        };
        match room {
            Ok(()) => {
                // Added here and not in its task, which a drain could overtake.
                let connection = server.connections.add(stream, address);
                executor.spawn(serve_one(Arc::clone(&server), connection, peer, alive.clone())).detach();
            }
            Err(cause) => {
                telemetry.refused(cause);
                debug!(%peer, cause = cause.name(), "turned away");
                executor.spawn(turn_away(Arc::clone(&server), stream, cause)).detach();
            }
        }
    }
}

async fn serve_one<S: Service, C: Clock>(
    server: Arc<Server<S, C>>,
    connection: Arc<Connection>,
    peer: SocketAddr,
    alive: Sender<Infallible>,
) {
    let telemetry = &server.telemetry;
    telemetry.opened();
    let span = info_span!("connection", id = connection.id, %peer);
    let serving = async {
        debug!("opened");
        // A client that vanishes harms nobody (C3); there is nobody left to tell.
        let ended = connection::serve(&connection, &server).await;
        if let Some(cause) = connection.given_up() {
            telemetry.refused(cause);
            info!(cause = cause.name(), "given up");
        } else {
            debug!(error = ended.err().map(tracing::field::display), "closed");
        }
    };
    serving.instrument(span).await;
    server.connections.remove(&connection);
    telemetry.closed();
    drop(alive);
}

/// Lets a client read why it is not served, if not too many others are reading that already.
async fn turn_away<S: Service, C: Clock>(
    server: Arc<Server<S, C>>,
    mut stream: Async<TcpStream>,
    cause: Refusal,
) {
    let Some(_place) = server.farewells.try_acquire() else { return };
    let mut words = Vec::new();
    server.service.say_last_words(Parting::Refused(cause), &mut words);
    // So few bytes always fit.
    if stream.write_all(&words).await.is_ok() {
        farewell::part(&stream, || false, S::FAREWELL, &server.clock).await;
    }
}

async fn sweep<S: Service, C: Clock>(server: Arc<Server<S, C>>) {
    let Server { limits, clock, .. } = &*server;
    let Limits { read_timeout, idle_timeout, work_timeout, write_timeout, lifetime, .. } = *limits;
    let shortest = read_timeout.min(idle_timeout).min(work_timeout).min(write_timeout).min(lifetime);
    // Each limit is kept at most two sweeps late, a quarter of it.
    let interval = SWEEP_INTERVAL_MAX.min(shortest / 8);
    loop {
        clock.sleep(interval).await;
        server.connections.sweep(clock.now(), limits);
        server.rates.forget_absent();
    }
}
