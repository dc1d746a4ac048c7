//! The server as a command: its flags, its threads, its signals, its exit status.

use std::future::Future;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_signal::{Signal, Signals};
use clap::Parser;
use rustix::process::{Resource, getrlimit, setrlimit};
use smol::channel::bounded;
use smol::stream::StreamExt;
use smol::{Async, Executor};

use crate::clock::MonotonicClock;
use crate::limits::Limits;
use crate::listener::{self, Ending};
use crate::service::index::IndexService;

/// The package index: keeps packages and their dependencies for clients that speak INDEX|REMOVE|QUERY over TCP.
///
/// SIGINT and SIGTERM drain it: no new connections, what was asked is answered, then it ends. Exit status: 0 when
/// every connection ended by itself, 1 when some had to be cut or the server could not start, 2 for a bad flag.
#[derive(Clone, Debug, Parser)]
#[command(name = "server", version, max_term_width = 100, args_override_self = true)]
pub struct Flags {
    /// Address to listen on; port 0 takes a free port, which the first line of the output names
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub addr: String,

    /// Say nothing but errors
    #[arg(long)]
    pub quiet: bool,

    /// Threads that serve connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    pub threads: u8,

    /// Seconds that a client may take from the first byte of a line to its end
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub read_timeout: Duration,

    /// Seconds that a client may take to take in the replies to what it sent at once
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub write_timeout: Duration,

    /// Seconds that connections have to end after SIGINT or SIGTERM before they are cut
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub shutdown_timeout: Duration,

    /// Longest line in bytes, line end not counted, at least 65536; a longer one is answered ERROR and skipped
    #[arg(long, value_name = "BYTES", default_value_t = LINE_BYTES_MAX, value_parser = line_bytes_max)]
    pub max_line: usize,
}

/// The limit of clause F6 is at least this.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Why the server could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none, or cannot be listened on.
    #[error("cannot listen on {addr}: {source}; choose another with --addr")]
    Listen {
        /// As it was given.
        addr: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something else that the server needs.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// The address cannot be listened on, or the system refuses a thread or a signal.
pub fn run(flags: &Flags) -> Result<Ending, Error> {
    // Before the first byte can be sent to it: a signal that comes early must drain too.
    let mut signals = Signals::new([Signal::Int, Signal::Term])?;
    raise_descriptor_limit();
    let listener = listen(&flags.addr)?;
    if !flags.quiet {
        announce(listener.get_ref().local_addr()?)?;
    }
    let limits = Limits {
        read_timeout: flags.read_timeout,
        write_timeout: flags.write_timeout,
        shutdown_timeout: flags.shutdown_timeout,
    };
    let service = Arc::new(IndexService::new(flags.max_line));
    let shutdown = async move {
        signals.next().await;
    };
    let executor = Arc::new(Executor::new());
    let serving = listener::serve(Arc::clone(&executor), listener, service, limits, MonotonicClock, shutdown);
    run_on_threads(&executor, flags.threads, serving)
}

/// Runs `main` on this thread, and the tasks that it spawns on this one and `threads - 1` more.
fn run_on_threads<T>(
    executor: &Arc<Executor<'static>>,
    threads: u8,
    main: impl Future<Output = T> + Send + 'static,
) -> Result<T, Error>
where
    T: Send + 'static,
{
    let (running, ended) = bounded::<()>(1);
    for number in 1..threads {
        let (executor, ended) = (Arc::clone(executor), ended.clone());
        thread::Builder::new().name(format!("server-{number}")).spawn(move || {
            smol::block_on(executor.run(async { _ = ended.recv().await }));
        })?;
    }
    let outcome = smol::block_on(executor.run(executor.spawn(main)));
    drop(running);
    Ok(outcome)
}

fn listen(addr: &str) -> Result<Async<TcpListener>, Error> {
    let failed = |source| Error::Listen { addr: addr.to_owned(), source };
    let addresses: Vec<SocketAddr> = addr.to_socket_addrs().map_err(failed)?.collect();
    let listener = TcpListener::bind(&addresses[..]).map_err(failed)?;
    // Listening again only changes the backlog, which the standard library sets to 128: with more clients at once the
    // system drops their first packet, and each waits a second for the next.
    rustix::net::listen(&listener, BACKLOG).map_err(|errno| failed(errno.into()))?;
    Async::new(listener).map_err(failed)
}

/// How many connections may wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 4096;

fn announce(addr: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on {addr}")?;
    out.flush()
}

/// Many systems start a process with 1,024 descriptors and allow it far more; each client takes one.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it is refused the server runs with fewer.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 =
        text.parse().map_err(|_| "a number of seconds is needed, such as 30 or 0.5".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && duration <= SECONDS_MAX => Ok(duration),
        _ => Err(format!("more than 0 and at most {} seconds are needed", SECONDS_MAX.as_secs())),
    }
}

/// A day: longer than any client should hold a connection in mid-air.
const SECONDS_MAX: Duration = Duration::from_hours(24);

fn line_bytes_max(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes) if (LINE_BYTES_MAX..=1 << 30).contains(&bytes) => Ok(bytes),
        _ => Err(format!("a number of bytes from {LINE_BYTES_MAX} to {} is needed", 1 << 30)),
    }
}
