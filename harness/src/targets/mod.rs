//! What is judged: a server at an address, one that is started for the run, or the built-in one.
//!
//! Whatever is started runs under a supervisor, a process of its own that ends it with all its children when this
//! one ends, however that comes about.

mod builtin;
#[cfg(feature = "docker")]
mod container;
mod image;
mod output;
mod processes;
pub mod settings;
mod started;
mod supervisor;

use std::ffi::OsString;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use crate::drive::{NoProcess, Process, is_shortage};
use crate::history::Sample;
use crate::moves::Act;
use processes::Processes;
use settings::{LaidOut, Settings};
pub use started::raise_descriptor_limit;
use started::{START_TIMEOUT, Started};

/// Where the target of a run comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The reference server, in a process of its own, on a free port.
    BuiltIn,
    /// Any server at `HOST:PORT`.
    Addr(String),
    /// A shell command; `{port}` and `{addr}` in it stand for a free port on this machine.
    Exec {
        /// The command.
        command: String,
        /// Where it will listen, if the command does not say so by a placeholder.
        addr: Option<String>,
    },
    /// A container of an image.
    Image {
        /// The image, as Docker names it.
        name: String,
        /// The container's port, if it is not the one that the image exposes.
        port: Option<u16>,
    },
}

impl Choice {
    /// Why a target has not these settings, if it has not all of them.
    #[must_use]
    pub fn missing_setting(&self, names: &[&str]) -> Option<String> {
        let missing = match self {
            Self::BuiltIn => return None,
            Self::Exec { command, .. } => names.iter().find(|name| !Settings::is_in(command, name))?,
            Self::Addr(_) | Self::Image { .. } => names.first()?,
        };
        Some(format!(
            "it takes a setting of the target: {{{missing}}} in the command of --exec stands for it"
        ))
    }

    /// Whether the target is sure to see which address a client comes from. One that is only known by its address may be
    /// behind a relay, as a container is whose port is published on loopback.
    #[must_use]
    pub fn sees_addresses(&self) -> bool {
        match self {
            Self::BuiltIn | Self::Exec { addr: None, .. } => true,
            Self::Exec { addr: Some(addr), .. } => {
                addr.parse::<SocketAddr>().is_ok_and(|addr| addr.ip().is_loopback())
            }
            Self::Addr(_) | Self::Image { .. } => false,
        }
    }
}

/// Why there is no target.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something listens already where the command was to listen.
    #[error(
        "something listens on {0} already, and would be judged in place of the command; end it or choose another --addr"
    )]
    Taken(String),
    /// The host's name is not known, or the address is none.
    #[error("{addr} is no address that can be reached: {source}")]
    Resolve {
        /// As it was given.
        addr: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing takes connections there.
    #[error("nothing takes connections on {addr}: {source}; is the server started?")]
    NotReachable {
        /// As it was given.
        addr: String,
        /// What the system said.
        source: io::Error,
    },
    /// The command ended before it listened.
    #[error("the target ended before it listened on {addr} ({ended}){output}")]
    EndedEarly {
        /// Where it was to listen.
        addr: String,
        /// How it ended.
        ended: String,
        /// The last it said.
        output: String,
    },
    /// The command runs and does not listen.
    #[error("the target did not listen on {addr} within {} s{output}", START_TIMEOUT.as_secs())]
    NeverListens {
        /// Where it was to listen.
        addr: String,
        /// The last it said.
        output: String,
    },
    /// The container runs and does not answer a request.
    #[error("the target did not answer on {place} within {} s{output}", START_TIMEOUT.as_secs())]
    NeverAnswers {
        /// Where it was to answer.
        place: String,
        /// The last it said.
        output: String,
    },
    /// There is no container.
    #[error("cannot start the image {name}: {problem}")]
    Image {
        /// As it was given.
        name: String,
        /// What Docker said.
        problem: String,
    },
    /// An image was asked for, and this build cannot start any.
    #[error("this build has no Docker; --image needs one with the feature 'docker'")]
    NoDocker,
    /// What the target is to be told cannot be written.
    #[error("cannot write the settings of the target: {0}; TMPDIR may name another directory for them")]
    Settings(io::Error),
    /// The system refused something.
    #[error("cannot start the target: {0}")]
    Start(#[from] io::Error),
}

impl Error {
    /// Whether this machine is short of something, which is not the target's fault.
    #[must_use]
    pub fn is_shortage(&self) -> bool {
        match self {
            Self::Start(_) | Self::Settings(_) => true,
            Self::NotReachable { source, .. } => is_shortage(source),
            _ => false,
        }
    }

    /// The same, of a target that has to answer and not only to listen.
    fn never_answers(self) -> Self {
        match self {
            Self::NeverListens { addr: place, output } => Self::NeverAnswers { place, output },
            other => other,
        }
    }
}

/// How long a first connection may take before the address is called unreachable.
const REACH_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a target that somebody else runs may take to be there again once it is lost.
const REVIVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The time between two looks whether it is.
const REVIVE_POLL: Duration = Duration::from_millis(50);

/// How many times as long as of a command it may take until the end of a container is known: the daemon has to tell.
const CONTAINER_PATIENCE_FACTOR: u32 = 10;

/// A target that takes connections.
#[derive(Debug)]
pub struct Target {
    choice: Choice,
    settings: Settings,
    addr: SocketAddr,
    started: Option<Started>,
    laid_out: Rc<LaidOut>,
}

impl Target {
    /// Finds or starts the target, and waits until it takes connections.
    ///
    /// # Errors
    /// There is none, or it cannot be started.
    pub async fn start(choice: &Choice, settings: Settings) -> Result<Self, Error> {
        // Only what is started here is told anything.
        let is_told = matches!(choice, Choice::BuiltIn | Choice::Exec { .. });
        let settings = if is_told { settings } else { Settings::NONE };
        let laid_out = settings.lay_out().map_err(Error::Settings)?;
        let (addr, started) = match choice {
            Choice::BuiltIn => start_built_in(laid_out.flags()).await?,
            Choice::Addr(addr) => (reach(addr).await?, None),
            Choice::Exec { command, addr } => start_command(&laid_out.fill(command), addr.as_deref()).await?,
            Choice::Image { name, port } => image::start(name, *port).await?,
        };
        Ok(Self { choice: choice.clone(), settings, addr, started, laid_out: Rc::new(laid_out) })
    }

    /// Brings back a target that is lost: starts it again where it was started, else waits a while for somebody else
    /// to have done so.
    ///
    /// # Errors
    /// It is not there.
    pub async fn revive(&mut self) -> Result<(), Error> {
        let Choice::Addr(addr) = &self.choice else {
            // What is left of the old one must not meet the new one.
            drop(self.started.take());
            *self = Self::start(&self.choice, self.settings).await?;
            return Ok(());
        };
        let comes_back = async {
            loop {
                match reach_once(addr).await {
                    Ok(reached) => return reached,
                    Err(_) => sleep(REVIVE_POLL).await,
                }
            }
        };
        let source = io::ErrorKind::TimedOut.into();
        let lost = |_| Error::NotReachable { addr: addr.clone(), source };
        self.addr = timeout(REVIVE_TIMEOUT, comes_back).await.map_err(lost)?;
        Ok(())
    }

    /// Whether it takes a connection now.
    pub async fn is_reachable(&self) -> bool {
        reach_once(&self.addr.to_string()).await.is_ok()
    }

    /// Whether the harness started it.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.started.is_some()
    }

    /// The target's process, where the harness started it.
    #[must_use]
    pub fn process(&self) -> Box<dyn Process> {
        match self.started.as_ref().and_then(Started::processes) {
            Some(processes) => Box::new(Own { processes, laid_out: Rc::clone(&self.laid_out) }),
            None => Box::new(NoProcess),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits until a container has ended and its clients have had the time to see it: those that knock at its address
    /// only then are not refused, as by the system of a process that has ended, but wait.
    pub async fn gone(&mut self) {
        match (&self.choice, self.started.as_mut()) {
            (Choice::Image { .. }, Some(started)) => started.gone().await,
            _ => std::future::pending().await,
        }
    }

    /// How the target's process ended, if it was started by [`Target::start`] and ends within `patience`: one that
    /// dies closes its connections a little before its death is known.
    pub async fn ended(&mut self, patience: Duration) -> Option<String> {
        let patience = match self.choice {
            Choice::Image { .. } => patience * CONTAINER_PATIENCE_FACTOR,
            _ => patience,
        };
        self.started.as_mut()?.ended(patience).await
    }
}

/// The processes of a target that was started, and its settings.
struct Own {
    processes: Processes,
    laid_out: Rc<LaidOut>,
}

impl Process for Own {
    fn sample(&self) -> Option<Sample> {
        self.processes.sample()
    }

    fn act(&self, act: Act) -> bool {
        match act {
            Act::Change(version) => self.laid_out.change(version),
            other => self.processes.act(other),
        }
    }
}

/// Does the work of a hidden subcommand, if that is what the arguments ask for. A binary that starts targets calls
/// this before it looks at its arguments itself.
#[must_use]
pub fn run_hidden_subcommand(arguments: &[OsString]) -> Option<ExitCode> {
    match arguments.get(1)?.to_str()? {
        supervisor::SUBCOMMAND => Some(supervisor::run(&arguments[2..])),
        builtin::SUBCOMMAND => Some(builtin::run_server(&arguments[2..])),
        #[cfg(feature = "docker")]
        image::SUBCOMMAND => Some(container::run(&arguments[2..])),
        _ => None,
    }
}

async fn start_built_in(flags: Vec<OsString>) -> Result<(SocketAddr, Option<Started>), Error> {
    let head = [std::env::current_exe()?.into(), builtin::SUBCOMMAND.into()];
    let started = Started::spawn(head.into_iter().chain(flags).collect())?;
    started.until_found("a free port", async |output| output.announced_addr()).await
}

async fn start_command(command: &str, addr: Option<&str>) -> Result<(SocketAddr, Option<Started>), Error> {
    let addr = match addr {
        Some(addr) => addr.to_owned(),
        None => format!("127.0.0.1:{}", find_free_port()?),
    };
    if reach_once(&addr).await.is_ok() {
        return Err(Error::Taken(addr));
    }
    let port = addr.rsplit(':').next().unwrap_or_default();
    let command = command.replace("{addr}", &addr).replace("{port}", port);
    let started = Started::spawn(vec!["sh".into(), "-c".into(), command.into()])?;
    started.until_found(&addr, async |_| reach_once(&addr).await.ok()).await
}

/// Connects once to see whether somebody is there.
async fn reach(addr: &str) -> Result<SocketAddr, Error> {
    let source = match timeout(REACH_TIMEOUT, lookup_host(addr)).await {
        Ok(Ok(_)) => match reach_once(addr).await {
            Ok(reached) => return Ok(reached),
            Err(source) => return Err(Error::NotReachable { addr: addr.to_owned(), source }),
        },
        Ok(Err(source)) => source,
        Err(_) => io::ErrorKind::TimedOut.into(),
    };
    Err(Error::Resolve { addr: addr.to_owned(), source })
}

/// The first of an address's meanings that takes a connection.
async fn reach_once(addr: &str) -> io::Result<SocketAddr> {
    let connect = TcpStream::connect(addr);
    let stream =
        timeout(REACH_TIMEOUT, connect).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
    // Where nobody listens on a port of the range for clients, a connection may be given that port and meet itself.
    if local == peer { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(peer) }
}

/// A port that the system says is free, and seldom gives again soon. Should another process take it before the command
/// does, the command fails to listen, and most say so and end.
fn find_free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
