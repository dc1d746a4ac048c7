//! Health, metrics, build information and profiles over HTTP, on an address and a thread of their own: whoever asks is
//! answered while the server is busy, and keeps nobody waiting.

mod answers;
mod ask;
mod metrics;
mod profile;

use std::convert::Infallible;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use prometheus_client::registry::Registry;
use smol::lock::Semaphore;
use smol::{Async, LocalExecutor, Timer, future};
use smol_hyper::rt::{FuturesIo, SmolTimer};
use tracing::warn;

pub use ask::ask_health;
pub use metrics::Measured;

use crate::lifecycle::Lifecycle;
use crate::telemetry::Telemetry;

/// How long a client may take to send the head of its request.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may last in all: it carries one request, so this bounds reading, writing and doing nothing.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);

/// How many clients are served at the same time; others wait.
const CONNECTIONS_MAX: usize = 32;

/// How long to wait when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is told to those who ask.
pub struct Admin {
    lifecycle: Arc<Lifecycle>,
    registry: Registry,
    gives_profiles: bool,
}

impl Admin {
    /// Tells of this server. What hears of its connections comes with it.
    #[must_use]
    pub fn new<M: Measured>(
        lifecycle: Arc<Lifecycle>,
        service: Arc<M>,
        gives_profiles: bool,
    ) -> (Self, Arc<dyn Telemetry>) {
        let (registry, telemetry) = metrics::registry(service, Instant::now());
        (Self { lifecycle, registry, gives_profiles }, telemetry)
    }
}

/// Answers on `listener`, on a thread of its own, until the process ends.
///
/// # Errors
/// The system refuses the thread.
pub fn start(listener: Async<TcpListener>, admin: Admin) -> io::Result<()> {
    thread::Builder::new().name("admin".into()).spawn(move || {
        let executor = LocalExecutor::new();
        smol::block_on(executor.run(accept(&executor, listener, Rc::new(admin))));
    })?;
    Ok(())
}

async fn accept(executor: &LocalExecutor<'_>, listener: Async<TcpListener>, admin: Rc<Admin>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = places.acquire_arc().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let admin = Rc::clone(&admin);
                let serving = async move {
                    serve(stream, &admin).await;
                    drop(place);
                };
                executor.spawn(serving).detach();
            }
            Err(error) => {
                warn!(%error, "cannot accept admin connections");
                Timer::after(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: Async<TcpStream>, admin: &Admin) {
    let answer = service_fn(async |request| Ok::<_, Infallible>(admin.answer(&request).await));
    let connection = http1::Builder::new()
        .timer(SmolTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .keep_alive(false)
        .serve_connection(FuturesIo::new(stream), answer);
    // A client that breaks HTTP or goes away harms nobody.
    let served = async { _ = connection.await };
    let time_over = async { _ = Timer::after(CONNECTION_TIMEOUT + profile::DURATION_MAX).await };
    future::or(served, time_over).await;
}
