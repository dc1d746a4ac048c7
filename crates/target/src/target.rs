//! A target that accepts connections: starting it, restarting it, and observing its process.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use driver::drive::{NoProcess, Process};
use driver::history::{Ending, Sample};
use driver::moves::Act;
use driver::run_limits::RunLimits;

use crate::choice::Choice;
#[cfg(target_os = "linux")]
use crate::descriptor_shortage::DescriptorShortage;
use crate::error::Error;
use crate::free_port;
use crate::image;
use crate::memory_shortage::{self, MemoryShortage};
use crate::output::Pipes;
use crate::output_block::OutputBlock;
use crate::processes::Processes;
use crate::settings::{Settings, WrittenSettings};
use crate::started::Started;
use crate::subcommand::BUILT_IN_SUBCOMMAND;

/// The time that the first connection may take before the address counts as unreachable.
const REACH_TIMEOUT: Duration = Duration::from_secs(10);

/// The time to wait for an external target to accept connections again after it was lost.
const REVIVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The interval at which a lost external target is tried.
const REVIVE_POLL: Duration = Duration::from_millis(50);

/// The interval at which a target that did not answer is tried.
const ANSWER_POLL: Duration = Duration::from_millis(100);

/// The factor by which the wait for the end of a container is longer than for a process: the daemon reports it.
const CONTAINER_END_FACTOR: u32 = 10;

/// A target that accepts connections.
#[derive(Debug)]
pub struct Target {
    choice: Choice,
    settings: Settings,
    addr: SocketAddr,
    started: Option<Started>,
    written_settings: Rc<WrittenSettings>,
}

impl Target {
    /// Finds or starts the target, and waits until it accepts connections.
    ///
    /// # Errors
    /// The target does not exist or cannot be started.
    pub async fn start(choice: &Choice, settings: Settings) -> Result<Self, Error> {
        // Only a target that is started here can receive settings.
        let has_settings = matches!(choice, Choice::BuiltIn | Choice::Exec { .. });
        let settings = if has_settings { settings } else { settings.without_values() };
        let written = settings.write().map_err(Error::Settings)?;
        let (addr, started) = match choice {
            Choice::BuiltIn => start_built_in(written.flags()).await?,
            Choice::Addr(addr) => (reach(addr).await?, None),
            Choice::Exec { command, addr } => start_command(&written.fill(command), addr.as_deref()).await?,
            Choice::Image { name, port } => image::start(name, *port).await?,
        };
        Ok(Self { choice: choice.clone(), settings, addr, started, written_settings: Rc::new(written) })
    }

    /// Restores a lost target: restarts it if it was started here, else waits for a while until it accepts
    /// connections again.
    ///
    /// # Errors
    /// The target does not accept connections.
    pub async fn revive(&mut self) -> Result<(), Error> {
        let Choice::Addr(addr) = &self.choice else {
            // The old process must have released the address before the new one starts.
            if let Some(started) = self.started.take() {
                started.stop().await;
            }
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

    /// Ends a target that was started here, and waits until it has ended. After an interruption nobody waits: the supervisor
    /// ends the target.
    pub async fn stop(mut self, limits: &RunLimits) {
        if let (Some(started), false) =
            (self.started.take(), limits.reached_limit() == Some(Ending::Interrupted))
        {
            started.stop().await;
        }
    }

    /// Returns whether the target accepts a connection now.
    pub async fn is_reachable(&self) -> bool {
        reach_once(&self.addr.to_string()).await.is_ok()
    }

    /// Returns whether the target answers this request of a new client within `limit`. A target that is about to end may
    /// still accept connections, and one at its limit of clients may not have noticed yet that others have left; so it is
    /// tried again until it answers or refuses connections.
    pub async fn answers(&self, request: &[u8], limit: Duration) -> bool {
        let tries = async {
            loop {
                match self.answer_begins(request).await {
                    Ok(true) => return true,
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return false,
                    _ => sleep(ANSWER_POLL).await,
                }
            }
        };
        timeout(limit, tries).await.unwrap_or(false)
    }

    /// Sends a request on a new connection and returns whether a byte of a reply arrives.
    async fn answer_begins(&self, request: &[u8]) -> io::Result<bool> {
        let mut stream = connect(&self.addr.to_string()).await?;
        stream.write_all(request).await?;
        Ok(stream.read(&mut [0]).await? > 0)
    }

    /// Returns whether the target was started here.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.started.is_some()
    }

    /// Returns access to the target's process, if it was started here.
    #[must_use]
    pub fn process(&self) -> Box<dyn Process> {
        let started = self.started.as_ref().and_then(|started| Some((started.processes()?, started.pipes())));
        match started {
            Some((processes, pipes)) => Box::new(StartedProcess {
                processes,
                written_settings: Rc::clone(&self.written_settings),
                #[cfg(target_os = "linux")]
                shortage: RefCell::default(),
                pipes,
                block: RefCell::default(),
                memory: RefCell::default(),
            }),
            None => Box::new(NoProcess),
        }
    }

    /// Returns why the memory of the target cannot be limited, if it cannot: only that of a container can.
    #[must_use]
    pub fn memory_obstacle(&self) -> Option<String> {
        let started = self.started.as_ref().filter(|_| matches!(self.choice, Choice::Image { .. }));
        let Some(started) = started else {
            return Some("the fault needs a container: use --image".to_owned());
        };
        match started.processes().and_then(Processes::main) {
            Some(main) => memory_shortage::obstacle(main),
            None => Some("the container does not run on this machine".to_owned()),
        }
    }

    /// Returns the address at which the target listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits until a container has ended, plus the time in which its clients notice. Connections to the address of an
    /// ended container are not refused, as those to an ended process are; they hang.
    pub async fn wait_for_container_end(&mut self) {
        match (&self.choice, self.started.as_mut()) {
            (Choice::Image { .. }, Some(started)) => started.wait_for_end().await,
            _ => std::future::pending().await,
        }
    }

    /// Returns how the target's process ended, if it was started here and ends within `wait`. The connections of a
    /// dying process close a little before its end is known.
    pub async fn ended(&mut self, wait: Duration) -> Option<String> {
        let wait = match self.choice {
            Choice::Image { .. } => wait * CONTAINER_END_FACTOR,
            _ => wait,
        };
        self.started.as_mut()?.ended(wait).await
    }
}

/// The processes of a started target, and its settings.
struct StartedProcess {
    processes: Processes,
    written_settings: Rc<WrittenSettings>,
    #[cfg(target_os = "linux")]
    shortage: RefCell<Option<DescriptorShortage>>,
    pipes: Rc<Pipes>,
    block: RefCell<Option<OutputBlock>>,
    memory: RefCell<Option<MemoryShortage>>,
}

impl Process for StartedProcess {
    fn sample(&self) -> Option<Sample> {
        #[cfg(target_os = "linux")]
        if let Some(shortage) = self.shortage.borrow_mut().as_mut() {
            shortage.observe();
        }
        self.processes.sample()
    }

    fn act(&self, act: Act) -> bool {
        match act {
            Act::ChangeSetting(version) => self.written_settings.change(version),
            #[cfg(target_os = "linux")]
            Act::LeaveDescriptors(free) => {
                let shortage = DescriptorShortage::begin(&self.processes.members(), free);
                let is_begun = shortage.is_some();
                *self.shortage.borrow_mut() = shortage;
                is_begun
            }
            #[cfg(target_os = "linux")]
            Act::RestoreDescriptors => self.shortage.take().is_some_and(DescriptorShortage::end),
            Act::LimitMemory => {
                let shortage = self.processes.main().and_then(MemoryShortage::begin);
                let is_begun = shortage.is_some();
                *self.memory.borrow_mut() = shortage;
                is_begun
            }
            Act::RestoreMemory => self.memory.take().is_some_and(MemoryShortage::end),
            Act::BlockOutput => {
                self.pipes.is_read.send_replace(false);
                let block = OutputBlock::begin(&self.pipes.ends);
                let is_begun = block.is_some();
                *self.block.borrow_mut() = block;
                is_begun
            }
            Act::UnblockOutput => {
                let was_blocked = self.block.take().is_some_and(OutputBlock::end);
                self.pipes.is_read.send_replace(true);
                was_blocked
            }
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
        None => format!("127.0.0.1:{}", free_port::find()?),
    };
    if reach_once(&addr).await.is_ok() {
        return Err(Error::Taken(addr));
    }
    let port = addr.rsplit(':').next().unwrap_or_default();
    let command = command.replace("{addr}", &addr).replace("{port}", port);
    let started = Started::spawn(vec!["sh".into(), "-c".into(), command.into()])?;
    started.until_found(&addr, async |_| reach_once(&addr).await.ok()).await
}

/// Resolves an address and connects once.
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

/// Connects to the first resolved address that accepts a connection, and returns that address.
async fn reach_once(addr: &str) -> io::Result<SocketAddr> {
    connect(addr).await?.peer_addr()
}

/// Connects to the first resolved address that accepts a connection.
async fn connect(addr: &str) -> io::Result<TcpStream> {
    let connect = TcpStream::connect(addr);
    let stream =
        timeout(REACH_TIMEOUT, connect).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
    // Without a listener on an ephemeral port, a connection may receive that port as its own and connect to itself.
    if local == peer { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(stream) }
}
