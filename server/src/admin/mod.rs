//! The admin endpoint: health, metrics, build information and CPU profiles over HTTP.
//!
//! It listens on its own address and runs on its own thread, so that a busy server still answers and an admin request
//! delays no client.

mod ask;
mod endpoint;
pub mod metrics;
mod profile;

use std::convert::Infallible;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use smol::lock::Semaphore;
use smol::{Async, LocalExecutor, Timer, future};
use smol_hyper::rt::{FuturesIo, SmolTimer};
use tracing::warn;

pub(crate) use ask::ask_health;
pub use endpoint::{Admin, Build};
pub use metrics::LostLogLines;

/// Time limit for the head of a request.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit of a connection, without the duration of a profile. A connection carries one request.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);

/// Connections that are served at the same time; others wait.
const CONNECTIONS_MAX: usize = 32;

/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the endpoint on `listener`, on its own thread, until the process ends.
///
/// # Errors
/// Fails if the thread cannot be created.
pub fn start(listener: Async<TcpListener>, admin: Admin) -> io::Result<()> {
    thread::Builder::new().name("admin".into()).spawn(move || {
        let executor = LocalExecutor::new();
        smol::block_on(executor.run(accept(&executor, listener, Rc::new(admin))));
    })?;
    Ok(())
}

async fn accept(executor: &LocalExecutor<'_>, listener: Async<TcpListener>, admin: Rc<Admin>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let permit = permits.acquire_arc().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let admin = Rc::clone(&admin);
                let serving = async move {
                    serve(stream, &admin).await;
                    drop(permit);
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
    // Errors of HTTP and lost connections concern only this client.
    let served = async { _ = connection.await };
    let timeout = async { _ = Timer::after(CONNECTION_TIMEOUT + profile::DURATION_MAX).await };
    future::or(served, timeout).await;
}
