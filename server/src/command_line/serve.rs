//! The life of a server process: addresses, threads, signals and the drain.

use std::future::pending;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;

use async_signal::{Signal, Signals};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use settings::values::listener_addresses;
use smol::channel::{Sender, bounded};
use smol::stream::StreamExt;
use smol::{Async, Executor, future};
use tracing::{info, warn};

use super::error::Error;
use super::flags::ServerFlags;
#[cfg(feature = "log")]
use super::logging;
use crate::admin::metrics::Measured;
use crate::admin::{self, Admin, Build};
use crate::clock::{Clock, MonotonicClock};
use crate::heartbeats::Heartbeats;
use crate::lifecycle::{Lifecycle, Phase};
use crate::limits::Limits;
use crate::listener::{self, Ending, Parts};
use crate::service::Service;
use crate::telemetry::{NoTelemetry, Telemetry};

/// Connections that may wait to be accepted; the operating system may allow fewer.
const BACKLOG: i32 = 4096;

/// Serves until SIGINT or SIGTERM. `create` runs after the log has started.
///
/// # Errors
/// Fails if the server cannot start. Returns [`Error::Aborted`] if connections outlived the shutdown timeout, and
/// [`Error::Panicked`] if a part of the server panicked.
pub fn serve<S: Service + Measured>(
    flags: &ServerFlags,
    limits: Limits,
    build: Build,
    create: impl FnOnce() -> Result<S, Error>,
) -> Result<(), Error> {
    // Before any output, so that a signal sent in response to it is handled.
    let signals = Signals::new([Signal::Int, Signal::Term])?;
    #[cfg(feature = "log")]
    let (_log, lost_log_lines) = logging::start(flags).unzip();
    #[cfg(not(feature = "log"))]
    let lost_log_lines = None;
    raise_descriptor_limit(&limits);
    let service = Arc::new(create()?);
    let lifecycle = Arc::new(Lifecycle::default());
    let clock = MonotonicClock;
    let (panics, panicked) = bounded(1);
    let heartbeats = Arc::new(Heartbeats::new(flags.threads, clock.now()));
    // The admin endpoint starts before the server listens, so that it can report the starting phase.
    let telemetry: Arc<dyn Telemetry> = match &flags.admin {
        None => Arc::new(NoTelemetry),
        Some(addr) => {
            let listener = listen(addr, "--admin")?;
            let (admin, telemetry) = Admin::new(
                Arc::clone(&lifecycle),
                Arc::clone(&heartbeats),
                Arc::clone(&service),
                &limits,
                build,
                flags.pprof,
                lost_log_lines,
            );
            let addr = listener.get_ref().local_addr()?;
            admin::start(listener, admin, panics.clone())?;
            announce(flags, "admin", addr)?;
            telemetry
        }
    };
    let listener = listen(&flags.addr, "--addr")?;
    let addr = listener.get_ref().local_addr()?;
    lifecycle.enter(Phase::Ready);
    announce(flags, "listening", addr)?;
    let stops = signals.filter_map(move |signal| {
        lifecycle.enter(Phase::Draining);
        info!(?signal, "stop signal received");
        Some(())
    });
    let executor = Arc::new(Executor::new());
    let parts = Parts { executor: Arc::clone(&executor), service, limits, telemetry, clock };
    let serving = listener::serve(parts, listener, stops);
    let serving =
        future::or(serving, async move { panicked.recv().await.map_or(Ending::Drained, Ending::Panicked) });
    let ending = run_on_threads(&executor, flags.threads, serving, &panics, &heartbeats, &clock)?;
    info!(?ending, "ended");
    match ending {
        Ending::Drained => Ok(()),
        Ending::Aborted(connections) => Err(Error::Aborted(connections)),
        Ending::Panicked(part) => Err(Error::Panicked(part)),
    }
}

/// Runs the body of a thread. If it panics, sends the name of this part of the server.
fn report_panic(part: &'static str, panics: &Sender<&'static str>, body: impl FnOnce()) {
    if panic::catch_unwind(AssertUnwindSafe(body)).is_err() {
        // If the channel is full, another part has panicked before.
        let _ = panics.try_send(part);
    }
}

/// Runs `main` on this thread, and the tasks that it spawns on this one and `threads - 1` others.
fn run_on_threads<T>(
    executor: &Arc<Executor<'static>>,
    threads: u8,
    main: impl Future<Output = T> + Send + 'static,
    panics: &Sender<&'static str>,
    heartbeats: &Arc<Heartbeats>,
    clock: &impl Clock,
) -> Result<T, Error>
where
    T: Send + 'static,
{
    let (running, ended) = bounded::<()>(1);
    for number in 1..threads {
        let (executor, ended) = (Arc::clone(executor), ended.clone());
        let (heartbeats, clock, panics) = (Arc::clone(heartbeats), clock.clone(), panics.clone());
        thread::Builder::new().name(format!("server-{number}")).spawn(move || {
            let running = executor.run(async {
                let ended = async { _ = ended.recv().await };
                future::or(ended, heartbeats.run(number, &clock)).await;
            });
            report_panic("thread of the server", &panics, || smol::block_on(running));
        })?;
    }
    let main = executor.spawn(main);
    let outcome = smol::block_on(executor.run(async {
        let beating = async {
            heartbeats.run(0, clock).await;
            pending().await
        };
        future::or(main, beating).await
    }));
    drop(running);
    Ok(outcome)
}

fn listen(addr: &str, flag: &'static str) -> Result<Async<TcpListener>, Error> {
    let failed = |source| Error::Listen { addr: addr.to_owned(), flag, source };
    let addresses = listener_addresses(addr).map_err(failed)?;
    let listener = TcpListener::bind(&addresses[..]).map_err(failed)?;
    // The standard library sets a backlog of 128; a second call of listen raises it. When the backlog is full the
    // system drops the first packet of a client, which repeats it after a second.
    rustix::net::listen(&listener, BACKLOG).map_err(|errno| failed(errno.into()))?;
    Async::new(listener).map_err(failed)
}

/// Prints an address to standard output, for programs that start the server on a free port.
fn announce(flags: &ServerFlags, what: &str, addr: SocketAddr) -> io::Result<()> {
    info!(%addr, "{what}");
    if flags.quiet {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{what} on {addr}")?;
    out.flush()
}

/// Descriptors in addition to those of connections: refused clients, admin clients, listeners, files of the runtime.
const OTHER_DESCRIPTORS: u64 = 256;

/// Raises the limit of file descriptors to its maximum. Many systems start a process with 1,024, and each client needs
/// one. Warns if the maximum is too low for the limit of connections.
fn raise_descriptor_limit(limits: &Limits) {
    let limit = getrlimit(Resource::Nofile);
    // If the system refuses, the server runs with fewer.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    // No limit is reported as none.
    let Some(descriptors) = getrlimit(Resource::Nofile).current else { return };
    let needed = u64::try_from(limits.connections_max).unwrap_or(u64::MAX).saturating_add(OTHER_DESCRIPTORS);
    if descriptors < needed {
        warn!(
            descriptors,
            needed,
            "the limit of open files is too low for --max-connections {}: further clients will wait until others \
             leave; raise the limit (ulimit -n) or lower --max-connections",
            limits.connections_max
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use super::*;

    /// A clock that runs a thousand times as fast.
    #[derive(Clone)]
    struct FastClock {
        begun: Instant,
    }

    impl Clock for FastClock {
        fn now(&self) -> Instant {
            self.begun + self.begun.elapsed() * 1000
        }

        async fn sleep(&self, duration: Duration) {
            smol::Timer::after(duration / 1000).await;
        }
    }

    /// Waits until this number of threads is stuck. On a busy machine others seem to be stuck for a short time.
    async fn await_stuck(heartbeats: &Heartbeats, clock: &FastClock, count: usize) {
        while heartbeats.stuck_threads(clock.now()) != count {
            smol::Timer::after(Duration::from_millis(1)).await;
        }
    }

    #[test]
    fn a_task_that_occupies_its_thread_stops_the_heartbeats_of_that_thread() {
        let clock = FastClock { begun: Instant::now() };
        let heartbeats = Arc::new(Heartbeats::new(2, clock.now()));
        let executor = Arc::new(Executor::new());
        let main = {
            let (executor, heartbeats, clock) =
                (Arc::clone(&executor), Arc::clone(&heartbeats), clock.clone());
            async move {
                let is_over = Arc::new(AtomicBool::new(false));
                let occupied = executor.spawn({
                    let is_over = Arc::clone(&is_over);
                    async move {
                        while !is_over.load(Ordering::Relaxed) {
                            thread::sleep(Duration::from_millis(1));
                        }
                    }
                });
                await_stuck(&heartbeats, &clock, 1).await;
                is_over.store(true, Ordering::Relaxed);
                occupied.await;
                await_stuck(&heartbeats, &clock, 0).await;
            }
        };
        run_on_threads(&executor, 2, main, &bounded(1).0, &heartbeats, &clock).unwrap();
    }
}
