//! A target that accepts connections: starting it, restarting it, and observing its process.

use std::ffi::OsString;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use driver::drive::{NoProcess, Process};
use driver::history::Sample;
use driver::moves::Act;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use crate::choice::Choice;
use crate::error::Error;
use crate::image;
use crate::processes::Processes;
use crate::settings::{LaidOut, Settings};
use crate::started::Started;
use crate::subcommand::BUILT_IN_SUBCOMMAND;

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
        let settings = if is_told { settings } else { settings.without_values() };
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
            Act::ChangeSetting(version) => self.laid_out.change(version),
            other => self.processes.act(other),
        }
    }
}

async fn start_built_in(flags: Vec<OsString>) -> Result<(SocketAddr, Option<Started>), Error> {
    let head = [std::env::current_exe()?.into(), BUILT_IN_SUBCOMMAND.into()];
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
