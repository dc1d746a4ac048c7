//! The admin endpoint: health, metrics, build information and CPU profiles over HTTP.
//!
//! It listens on its own address and runs on its own thread, so that a busy server still answers and an admin request
//! delays no client.

mod ask;
mod clients;
mod endpoint;
pub mod metrics;
mod profile;

use std::io;
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

use clients::Clients;

/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Time limit of a client that uses the reserve descriptor, because no other client is served meanwhile.
const RESERVE_TIMEOUT: Duration = Duration::from_millis(250);

/// Serves the endpoint on `listener`, on its own thread, until the process ends. If the thread panics, its name is sent.
///
/// # Errors
/// Fails if the thread cannot be created.
pub fn start(listener: Async<TcpListener>, admin: Admin, panics: Sender<&'static str>) -> io::Result<()> {
    thread::Builder::new().name("admin".into()).spawn(move || {
        let executor = LocalExecutor::new();
        let accepting = executor.run(accept(&listener, Clients::new(&executor, admin)));
        if panic::catch_unwind(AssertUnwindSafe(|| smol::block_on(accepting))).is_err() {
            let _ = panics.try_send("admin endpoint");
        }
    })?;
    Ok(())
}

async fn accept(listener: &Async<TcpListener>, mut clients: Clients<'_>) {
    // A descriptor that is closed to accept a client when there are no others. It needs no file.
    let open_reserve = || listener.get_ref().try_clone().ok();
    let mut reserve = open_reserve();
    loop {
        let Err(error) = listener.accept().await.map(|(stream, _)| clients.add(stream)) else {
            // The new client is read before another one can displace it.
            future::yield_now().await;
            continue;
        };
        if is_lack_of_descriptors(&error) && reserve.take().is_some() {
            if let Ok(stream) = listener.get_ref().accept().and_then(|(stream, _)| Async::new(stream)) {
                clients.serve_alone(stream, RESERVE_TIMEOUT).await;
            }
        } else {
            warn!(%error, "cannot accept admin connections");
            Timer::after(ACCEPT_PAUSE).await;
        }
        reserve = reserve.or_else(open_reserve);
    }
}

fn is_lack_of_descriptors(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].map(|errno| Some(errno.raw_os_error())).contains(&error.raw_os_error())
}
