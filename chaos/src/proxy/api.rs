//! Toxiproxy's HTTP API, so that its clients work with these proxies unchanged.

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

use super::proxies::Proxies;

/// How long a client may take to send the head of its request, and may do nothing between two.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may last in all.
const CONNECTION_TIMEOUT: Duration = Duration::from_hours(1);

/// How many clients are served at the same time; others wait.
const CONNECTIONS_MAX: usize = 64;

/// How long to wait when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers on `listener`, as long as it is polled: when this future is dropped, all connections are closed.
pub async fn serve(listener: TcpListener, proxies: Arc<Mutex<Proxies>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => _ = connections.spawn(answer_all(stream, Arc::clone(&proxies))),
                Err(error) => {
                    warn!(%error, "cannot accept clients of the API");
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
    // A client that breaks HTTP or goes away harms nobody.
    let _ = timeout(CONNECTION_TIMEOUT, connection).await;
}
