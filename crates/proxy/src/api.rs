//! Toxiproxy's HTTP API: clients of Toxiproxy work with these proxies unchanged.

mod answers;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::proxies::Proxies;

/// The time limit for the head of a request, and for an idle connection.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(30);

/// The time limit for a connection.
const CONNECTION_TIMEOUT: Duration = Duration::from_hours(1);

/// The number of clients that are served at the same time; others wait.
const CONNECTIONS_MAX: usize = 64;

/// The pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the API on `listener`. Dropping the future closes all connections.
pub async fn serve(listener: TcpListener, proxies: Arc<Mutex<Proxies>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => _ = connections.spawn(answer_all(stream, Arc::clone(&proxies))),
                Err(error) => {
                    warn!(%error, "cannot accept a connection to the API");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn answer_all(stream: TcpStream, proxies: Arc<Mutex<Proxies>>) {
    let answer = service_fn(async |request| Ok::<_, Infallible>(answers::answer(&proxies, request).await));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .serve_connection(TokioIo::new(stream), answer);
    // An error concerns only this client.
    let _ = timeout(CONNECTION_TIMEOUT, connection).await;
}
