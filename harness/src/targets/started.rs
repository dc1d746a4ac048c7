//! What was started for a run: the supervisor under which it runs, and what it says.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Pid, Resource, getrlimit, setrlimit};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::output::Output;
use super::processes::Processes;
use super::{Error, supervisor};

/// How long a target that is started may take until it listens.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(30);

/// The time between two looks whether a started target listens, or has ended.
const START_POLL: Duration = Duration::from_millis(10);

/// How often it is looked whether the supervisor has ended what it watches: for ten seconds.
const STOP_POLLS_MAX: u32 = 1000;

/// Something that was started, and ends when this is dropped.
#[derive(Debug)]
pub(super) struct Started {
    /// When its standard input closes, it ends what it watches.
    supervisor: Child,
    output: Output,
    /// The processes that are the target, where they are known.
    processes: Option<Processes>,
}

impl Started {
    /// Runs a command under a supervisor.
    ///
    /// # Errors
    /// The system refuses a process.
    pub(super) fn spawn(command: Vec<OsString>) -> Result<Self, Error> {
        let limit = original_descriptor_limit().to_string();
        let head = [supervisor::SUBCOMMAND.into(), limit.into()];
        let mut started = Self::of(spawn_supervisor(head.into_iter().chain(command))?);
        started.processes = started.supervisor.id().and_then(pid).map(Processes::Below);
        Ok(started)
    }

    /// Takes over a supervisor; what it still has of its output is what the target says.
    pub(super) fn of(mut supervisor: Child) -> Self {
        let output = Output::collect(supervisor.stdout.take(), supervisor.stderr.take());
        Self { supervisor, output, processes: None }
    }

    /// The same, with the process that is the target, and all below it, known.
    pub(super) fn with_main_process(mut self, main: Option<u32>) -> Self {
        self.processes = main.and_then(pid).and_then(Processes::from);
        self
    }

    /// The processes that are the target, where they are known.
    pub(super) fn processes(&self) -> Option<Processes> {
        self.processes
    }

    /// Waits until `find` finds where the target listens.
    ///
    /// # Errors
    /// It ends, or takes too long.
    pub(super) async fn until_found(
        mut self,
        place: &str,
        mut find: impl AsyncFnMut(&Output) -> Option<SocketAddr>,
    ) -> Result<(SocketAddr, Option<Self>), Error> {
        let searching = async {
            loop {
                if let Some(found) = find(&self.output).await {
                    return Ok::<_, Error>(found);
                }
                self.check_running(place).await?;
                sleep(START_POLL).await;
            }
        };
        match timeout(START_TIMEOUT, searching).await {
            Ok(found) => Ok((found?, Some(self))),
            Err(_) => Err(Error::NeverListens { addr: place.to_owned(), output: self.output.last_words() }),
        }
    }

    /// How it ended, if it does within `patience`, with the last it said.
    pub(super) async fn ended(&mut self, patience: Duration) -> Option<String> {
        // Not by waiting for the supervisor, which would close the pipe and so end it.
        let ends = async {
            loop {
                if let Some(status) = self.supervisor.try_wait().ok()? {
                    return Some(status);
                }
                sleep(START_POLL).await;
            }
        };
        let status = timeout(patience, ends).await.ok()??;
        self.output.ended().await;
        Some(format!("{}{}", describe(status), self.output.last_words()))
    }

    async fn check_running(&mut self, place: &str) -> Result<(), Error> {
        let Some(status) = self.supervisor.try_wait()? else { return Ok(()) };
        self.output.ended().await;
        let (addr, ended, output) = (place.to_owned(), describe(status), self.output.last_words());
        Err(Error::EndedEarly { addr, ended, output })
    }
}

impl Drop for Started {
    /// Ends what was started, with all its children, and waits until that is done: whoever starts something in its
    /// place must not meet it.
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        for _ in 0..STOP_POLLS_MAX {
            if !matches!(self.supervisor.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(START_POLL);
        }
        let _ = self.supervisor.start_kill();
    }
}

/// Runs this binary again as a supervisor: one of its hidden subcommands.
///
/// # Errors
/// The system refuses a process.
pub(super) fn spawn_supervisor(arguments: impl Iterator<Item = OsString>) -> Result<Child, Error> {
    let spawned = Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // In a group of its own, so that Ctrl-C in a terminal does not end it before it could end its command.
        .process_group(0)
        .spawn()?;
    Ok(spawned)
}

/// Allows this process as many descriptors as the system lets it have: many systems start a process with 1,024, and
/// each client takes one. What is started for a run gets the limit that there was before.
pub fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    let _ = ORIGINAL_DESCRIPTOR_LIMIT.set(limit.current);
    limit.current = limit.maximum;
    // Where it is refused, a run with too many clients says what it ran out of.
    let _ = setrlimit(Resource::Nofile, limit);
}

static ORIGINAL_DESCRIPTOR_LIMIT: OnceLock<Option<u64>> = OnceLock::new();

/// The limit to give to a target; 0 is none.
fn original_descriptor_limit() -> u64 {
    ORIGINAL_DESCRIPTOR_LIMIT
        .get()
        .copied()
        .unwrap_or_else(|| getrlimit(Resource::Nofile).current)
        .unwrap_or(0)
}

fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(code) if code > supervisor::SIGNAL_BASE => {
            format!("by signal {}", code - supervisor::SIGNAL_BASE)
        }
        Some(code) => format!("exit status {code}"),
        None => status.to_string(),
    }
}
