//! The clients that the admin endpoint serves at the same time: their number, deadlines, and who makes room.

use std::cell::Cell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::TcpStream;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use smol::future::FutureExt;
use smol::{Async, LocalExecutor, Task, Timer, future};
use smol_hyper::rt::{FuturesIo, SmolTimer};
use tracing::error;

use super::endpoint::Admin;
use super::profile;

/// Time limit for the head of a request.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit of a connection, without the duration of a profile. A connection carries one request.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);

/// Connections that are served at the same time.
const CONNECTIONS_MAX: usize = 32;

/// The served clients, in the order of their arrival.
pub(super) struct Clients<'a> {
    executor: &'a LocalExecutor<'static>,
    admin: Rc<Admin>,
    served: VecDeque<Client>,
}

struct Client {
    /// Dropping the task closes the connection.
    task: Task<()>,
    /// Whether the client has sent the head of its request.
    has_asked: Rc<Cell<bool>>,
}

impl<'a> Clients<'a> {
    pub(super) fn new(executor: &'a LocalExecutor<'static>, admin: Admin) -> Self {
        Self { executor, admin: Rc::new(admin), served: VecDeque::new() }
    }

    /// Serves a client. If there are too many, the one that has been silent longest is closed. If all have sent their
    /// requests, the new one is closed.
    pub(super) fn add(&mut self, stream: Async<TcpStream>) {
        self.served.retain(|client| !client.task.is_finished());
        if self.served.len() >= CONNECTIONS_MAX {
            let Some(silent) = self.served.iter().position(|client| !client.has_asked.get()) else { return };
            self.served.remove(silent);
        }
        let has_asked = Rc::new(Cell::new(false));
        let (admin, asked) = (Rc::clone(&self.admin), Rc::clone(&has_asked));
        let task = self.executor.spawn(async move {
            // A panic concerns only this client.
            if AssertUnwindSafe(serve(stream, &admin, &asked)).catch_unwind().await.is_err() {
                error!("an admin connection was closed because its task panicked");
            }
        });
        self.served.push_back(Client { task, has_asked });
    }

    /// Serves a client for at most `duration_max`, before any other client is accepted.
    pub(super) async fn serve_alone(&self, stream: Async<TcpStream>, duration_max: Duration) {
        let timeout = async { _ = Timer::after(duration_max).await };
        future::or(serve(stream, &self.admin, &Cell::new(false)), timeout).await;
    }
}

async fn serve(stream: Async<TcpStream>, admin: &Admin, has_asked: &Cell<bool>) {
    let answer = service_fn(async |request| {
        has_asked.set(true);
        Ok::<_, Infallible>(admin.answer(&request).await)
    });
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
