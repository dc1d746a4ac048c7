//! The admin endpoint: health, metrics, build information and CPU profiles over HTTP.
//!
//! It listens on its own address and runs on its own thread, so that a busy server still answers and an admin request
//! delays no client.

mod ask;
mod clients;
mod endpoint;
pub mod metrics;
mod profile;

use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use smol::channel::Sender;
use smol::{Async, LocalExecutor, Timer, future};
use tracing::warn;

pub(crate) use ask::ask_health;
pub use endpoint::{Admin, Build};
pub use metrics::LostLogLines;

use clients::Clients;

/// Pause after an accept that failed for another reason, or without a reserve.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Descriptors in reserve. One is used at a time.
const RESERVE_MAX: usize = 4;

/// Time limit of a client that uses a reserve descriptor, because no other client is served meanwhile.
const RESERVE_TIMEOUT: Duration = Duration::from_millis(250);

/// Serves the endpoint on `listener`, on its own thread, until the process ends. If the thread panics, its name is sent.
///
/// # Errors
/// Fails if the thread cannot be created.
pub fn start(listener: Async<TcpListener>, admin: Admin, panics: Sender<&'static str>) -> io::Result<()> {
    // Before the thread runs, because the server may accept clients first and use all descriptors.
    let mut reserve = Vec::with_capacity(RESERVE_MAX);
    refill(&mut reserve, &listener);
    thread::Builder::new().name("admin".into()).spawn(move || {
        let executor = LocalExecutor::new();
        let accepting = executor.run(accept(&listener, Clients::new(&executor, admin), reserve));
        if panic::catch_unwind(AssertUnwindSafe(|| smol::block_on(accepting))).is_err() {
            let _ = panics.try_send("admin endpoint");
        }
    })?;
    Ok(())
}

async fn accept(listener: &Async<TcpListener>, mut clients: Clients<'_>, mut reserve: Vec<TcpListener>) {
    // Without free descriptors, accepting fails even if no client waits, so this loop waits for a client first.
    let accept = || listener.get_ref().accept().and_then(|(stream, _)| Async::new(stream));
    loop {
        refill(&mut reserve, listener);
        match listener.readable().await.and_then(|()| accept()) {
            Ok(stream) => {
                clients.add(stream);
                // The new client is read before another one can displace it.
                future::yield_now().await;
            }
            // The client has gone.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if is_lack_of_descriptors(&error) && reserve.pop().is_some() => {
                if let Ok(stream) = accept() {
                    clients.serve_alone(stream, RESERVE_TIMEOUT).await;
                }
            }
            Err(error) => {
                warn!(%error, "cannot accept admin connections");
                Timer::after(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Fills the descriptors that are closed to accept a client when there are no others. They are duplicates, so that they
/// need no file.
fn refill(reserve: &mut Vec<TcpListener>, listener: &Async<TcpListener>) {
    while reserve.len() < RESERVE_MAX
        && let Ok(descriptor) = listener.get_ref().try_clone()
    {
        reserve.push(descriptor);
    }
}

fn is_lack_of_descriptors(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].map(|errno| Some(errno.raw_os_error())).contains(&error.raw_os_error())
}
