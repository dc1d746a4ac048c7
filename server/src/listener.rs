//! Accepts connections, keeps their deadlines, and drains them when it is told to stop.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use smol::channel::{Sender, bounded};
use smol::{Async, Executor, future};

use crate::clock::Clock;
use crate::connection;
use crate::connections::Connections;
use crate::limits::Limits;
use crate::service::Service;

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every connection ended by itself.
    Drained,
    /// So many connections outlived the shutdown timeout and were cut.
    Cut(usize),
}

/// How long to wait when no connection can be accepted, most often because descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often deadlines are looked at.
const SWEEP_INTERVAL_MAX: Duration = Duration::from_secs(1);

/// Serves `service` on `listener` until `shutdown` ends; then accepts no more, answers what is under way, and ends.
pub async fn serve<S: Service>(
    executor: Arc<Executor<'static>>,
    listener: Async<TcpListener>,
    service: Arc<S>,
    limits: Limits,
    clock: impl Clock,
    shutdown: impl Future<Output = ()>,
) -> Ending {
    let connections = Arc::new(Connections::default());
    // Nothing is ever sent: each connection holds a sender, and the channel closes when the last one is gone.
    let (alive, all_gone) = bounded::<Infallible>(1);

    // The loops are tasks of their own: a future that is joined to others is polled whenever one of them moves.
    let accepting = executor.spawn(accept(
        Arc::clone(&executor),
        listener,
        service,
        Arc::clone(&connections),
        alive,
        clock.clone(),
    ));
    let sweeping = executor.spawn(sweep(Arc::clone(&connections), limits, clock.clone()));

    shutdown.await;
    accepting.cancel().await;
    connections.end_reading();
    let drained = async {
        let _ = all_gone.recv().await;
        Ending::Drained
    };
    let cut = async {
        clock.sleep(limits.shutdown_timeout).await;
        Ending::Cut(connections.cut())
    };
    let ending = future::or(drained, cut).await;
    sweeping.cancel().await;
    ending
}

async fn accept<S: Service>(
    executor: Arc<Executor<'static>>,
    listener: Async<TcpListener>,
    service: Arc<S>,
    connections: Arc<Connections>,
    alive: Sender<Infallible>,
    clock: impl Clock,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            clock.sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Replies are whole writes already; holding one back for more would only delay it.
        let _ = stream.get_ref().set_nodelay(true);
        // Added here and not in its task, which a drain could overtake.
        let connection = connections.add(stream);
        let (connections, service, alive) = (Arc::clone(&connections), Arc::clone(&service), alive.clone());
        let task = async move {
            // A client that vanishes harms nobody (C3); there is nobody left to tell.
            let _ = connection::serve(&connection, &*service).await;
            connections.remove(&connection);
            drop(alive);
        };
        executor.spawn(task).detach();
    }
}

async fn sweep(connections: Arc<Connections>, limits: Limits, clock: impl Clock) {
    let interval = SWEEP_INTERVAL_MAX.min(limits.read_timeout.min(limits.write_timeout) / 4);
    loop {
        clock.sleep(interval).await;
        connections.sweep(clock.now(), &limits);
    }
}
