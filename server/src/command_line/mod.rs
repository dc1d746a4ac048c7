//! The server as a command: its settings, its threads, its signals, its exit status.

mod flags;
mod health;
mod layers;
mod logging;
mod services;
mod wisdom_flags;

use std::ffi::OsString;
use std::io::{self, Write};
use std::iter;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread;

use async_signal::{Signal, Signals};
use rustix::process::{Resource, getrlimit, setrlimit};
use smol::channel::bounded;
use smol::stream::StreamExt;
use smol::{Async, Executor};
use tracing::info;

pub use flags::{CommandLine, Flags, LogFormat, LogLevel, Task};
pub use layers::{InForce, PREFIX, Source};
pub use services::Row;
pub use wisdom_flags::{SecretScope, WisdomFlags};

use crate::admin::{self, Admin, Measured};
use crate::clock::MonotonicClock;
use crate::lifecycle::{Lifecycle, Phase};
use crate::listener::{self, Ending, Parts};
use crate::service::{Service, wisdom};
use crate::telemetry::{Silence, Telemetry};

/// Why the server could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is wrong, or help was asked for.
    #[error(transparent)]
    Settings(#[from] layers::Error),
    /// The address is none, or cannot be listened on.
    #[error("cannot listen on {addr}: {source}; choose another with {flag}")]
    Listen {
        /// As it was given.
        addr: String,
        /// The flag that gave it.
        flag: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something else that the server needs.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// Some connections outlived the shutdown timeout, or there was no time for them.
    #[error("{0} connections were cut before they had ended")]
    Cut(usize),
    /// What the service needs is not there.
    #[error("cannot start: {0}")]
    Wisdom(#[from] wisdom::Error),
    /// The server that was asked is not well.
    #[error("not healthy: {0}")]
    NotHealthy(String),
}

impl Error {
    /// The exit status, as the help text has it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Settings(_) | Self::Wisdom(wisdom::Error::SecretFile { .. })) { 2 } else { 1 }
    }

    /// The text of the help or of the version, if that was asked for.
    #[must_use]
    pub fn asked_text(&self) -> Option<String> {
        match self {
            Self::Settings(layers::Error::Asked(text)) => Some(text.render().to_string()),
            _ => None,
        }
    }
}

/// Does what the command line asks for, with what the environment adds to it.
///
/// # Errors
/// It could not be done.
pub fn carry_out(
    arguments: &[OsString],
    environment: impl Iterator<Item = (OsString, OsString)>,
    out: &mut impl Write,
) -> Result<(), Error> {
    let InForce { command_line, settings, secret } = layers::read(arguments, environment)?;
    match command_line.subcommand {
        None => (command_line.flags.service.run)(&command_line.flags, secret),
        Some(Task::Health(flags)) => {
            health::ask(&flags).map_err(Error::NotHealthy)?;
            Ok(writeln!(out, "healthy")?)
        }
        Some(Task::Config(_)) => {
            for (name, value, source) in settings {
                writeln!(out, "{name:<28} {value:<24} {source}")?;
            }
            Ok(())
        }
    }
}

/// Serves with the flags alone: no variable changes anything.
///
/// # Errors
/// A flag is wrong, or the server cannot start.
pub fn run_with_flags(arguments: impl Iterator<Item = OsString>) -> Result<(), Error> {
    let arguments: Vec<OsString> = arguments.collect();
    let InForce { command_line, .. } = layers::read(&arguments, iter::empty())?;
    (command_line.flags.service.run)(&command_line.flags, None)
}

/// Serves until SIGINT or SIGTERM.
fn serve<S: Service + Measured>(
    flags: &Flags,
    build: impl FnOnce() -> Result<S, Error>,
) -> Result<(), Error> {
    // Before the first byte can be sent to it: a signal that comes early must drain too.
    let signals = Signals::new([Signal::Int, Signal::Term])?;
    let _log = logging::begin(flags);
    raise_descriptor_limit();
    let service = Arc::new(build()?);
    let lifecycle = Arc::new(Lifecycle::default());
    // Before the server listens, so that it can be seen to start.
    let telemetry: Arc<dyn Telemetry> = match &flags.admin {
        None => Arc::new(Silence),
        Some(addr) => {
            let listener = listen(addr, "--admin")?;
            let (admin, telemetry) = Admin::new(Arc::clone(&lifecycle), Arc::clone(&service), flags.pprof);
            let addr = listener.get_ref().local_addr()?;
            admin::start(listener, admin)?;
            announce(flags, "admin", addr)?;
            telemetry
        }
    };
    let listener = listen(&flags.addr, "--addr")?;
    let addr = listener.get_ref().local_addr()?;
    lifecycle.begin(Phase::Ready);
    announce(flags, "listening", addr)?;
    let stops = signals.filter_map(move |signal| {
        lifecycle.begin(Phase::Draining);
        info!(?signal, "told to stop");
        Some(())
    });
    let executor = Arc::new(Executor::new());
    let parts = Parts {
        executor: Arc::clone(&executor),
        service,
        limits: flags.limits(),
        telemetry,
        clock: MonotonicClock,
    };
    let ending = run_on_threads(&executor, flags.threads, listener::serve(parts, listener, stops))?;
    info!(?ending, "ended");
    match ending {
        Ending::Drained => Ok(()),
        Ending::Cut(connections) => Err(Error::Cut(connections)),
    }
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

fn listen(addr: &str, flag: &'static str) -> Result<Async<TcpListener>, Error> {
    let failed = |source| Error::Listen { addr: addr.to_owned(), flag, source };
    let addresses: Vec<SocketAddr> = addr.to_socket_addrs().map_err(failed)?.collect();
    let listener = TcpListener::bind(&addresses[..]).map_err(failed)?;
    // Listening again only changes the backlog, which the standard library sets to 128: with more clients at once the
    // system drops their first packet, and each waits a second for the next.
    rustix::net::listen(&listener, BACKLOG).map_err(|errno| failed(errno.into()))?;
    Async::new(listener).map_err(failed)
}

/// How many connections may wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 4096;

/// Says on standard output what programs that start the server want to know: where it listens.
fn announce(flags: &Flags, what: &str, addr: SocketAddr) -> io::Result<()> {
    info!(%addr, "{what}");
    if flags.quiet {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{what} on {addr}")?;
    out.flush()
}

/// Many systems start a process with 1,024 descriptors and allow it far more; each client takes one.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it is refused the server runs with fewer.
    let _ = setrlimit(Resource::Nofile, limit);
}
