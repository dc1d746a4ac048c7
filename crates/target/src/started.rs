//! What was started for a run: the supervisor under which it runs, and what it says.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Pid, Resource, getrlimit, setrlimit};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::error::Error;
use crate::image::{Told, Words};
use crate::output::Output;
use crate::processes::Processes;
use crate::{image, supervisor};

/// How long a target that is started may take until it listens.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(30);

/// The time between two looks whether a started target listens, or has ended.
const START_POLL: Duration = Duration::from_millis(10);

/// How long what has ended is still asked by those who were connected to it: what they see says more than that it ended.
const GONE_GRACE: Duration = Duration::from_secs(2);

/// How often it is looked whether the supervisor has ended what it watches: for ten seconds.
const STOP_POLLS_MAX: u32 = 1000;

/// Something that was started, and ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Started {
    /// When its standard input closes, it ends what it watches.
    supervisor: Child,
    output: Output,
    /// The processes that are the target, where they are known.
    processes: Option<Processes>,
    /// What the supervisor of a container tells; that of a command ends when the command does.
    words: Option<Words>,
    /// How it ended, once that is known: a supervisor tells it once.
    end: Option<String>,
}

impl Started {
    /// Runs a command under a supervisor.
    ///
    /// # Errors
    /// The system refuses a process.
    pub(crate) fn spawn(command: Vec<OsString>) -> Result<Self, Error> {
        let limit = original_descriptor_limit().to_string();
        let head = [supervisor::SUBCOMMAND.into(), limit.into()];
        let mut started = Self::of(spawn_supervisor(head.into_iter().chain(command))?);
        started.processes = started.supervisor.id().and_then(pid).map(Processes::Below);
        Ok(started)
    }

    /// Takes over a supervisor; what it still has of its output is what the target says.
    pub(crate) fn of(mut supervisor: Child) -> Self {
        let output = Output::collect(supervisor.stdout.take(), supervisor.stderr.take());
        Self { supervisor, output, processes: None, words: None, end: None }
    }

    /// From now on the supervisor's words tell of the container, and its main process, if it is known, is the target.
    pub(crate) fn watch_container(&mut self, words: Words, main: Option<u32>) {
        self.words = Some(words);
        self.processes = main.and_then(pid).and_then(Processes::from);
    }

    /// The processes that are the target, where they are known.
    pub(crate) fn processes(&self) -> Option<Processes> {
        self.processes
    }

    /// Waits until `find` finds where the target listens.
    ///
    /// # Errors
    /// It ends, or takes too long.
    pub(crate) async fn until_found(
        mut self,
        place: &str,
        mut find: impl AsyncFnMut(&Output) -> Option<SocketAddr>,
    ) -> Result<(SocketAddr, Option<Self>), Error> {
        let Self { supervisor, output, words, .. } = &mut self;
        let finding = async {
            loop {
                if let Some(found) = find(output).await {
                    return found;
                }
                sleep(START_POLL).await;
            }
        };
        // Both at once: a search may wait for the reply of one that has ended.
        let either = async {
            tokio::select! {
                found = finding => Ok(found),
                ended = end_of(supervisor, words.as_mut()) => Err(ended),
            }
        };
        match timeout(START_TIMEOUT, either).await {
            Ok(Ok(found)) => Ok((found, Some(self))),
            Ok(Err(ended)) => {
                let ended = ended?;
                self.output.ended().await;
                Err(Error::EndedEarly { addr: place.to_owned(), ended, output: self.output.last_words() })
            }
            Err(_) => Err(Error::NeverListens { addr: place.to_owned(), output: self.output.last_words() }),
        }
    }

    /// Waits until it has ended, and a little longer.
    pub(crate) async fn gone(&mut self) {
        if self.end.is_none() {
            self.end = end_of(&mut self.supervisor, self.words.as_mut()).await.ok();
        }
        sleep(GONE_GRACE).await;
    }

    /// How it ended, if it does within `patience`, with the last it said.
    pub(crate) async fn ended(&mut self, patience: Duration) -> Option<String> {
        let end = match self.end.take() {
            Some(end) => end,
            None => timeout(patience, end_of(&mut self.supervisor, self.words.as_mut())).await.ok()?.ok()?,
        };
        self.output.ended().await;
        Some(format!("{}{}", self.end.insert(end), self.output.last_words()))
    }
}

/// Waits until the target ends; how it did, in words.
async fn end_of(supervisor: &mut Child, words: Option<&mut Words>) -> io::Result<String> {
    if let Some(words) = words
        && let Some(Told::Ended(how)) = image::hear(words).await
    {
        return Ok(how);
    }
    // Not by waiting for the supervisor, which would close the pipe and so end it.
    loop {
        if let Some(status) = supervisor.try_wait()? {
            return Ok(status.code().map_or_else(|| status.to_string(), describe));
        }
        sleep(START_POLL).await;
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
pub(crate) fn spawn_supervisor(arguments: impl Iterator<Item = OsString>) -> Result<Child, Error> {
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

/// The exit status of a command or a container, in words.
pub(crate) fn describe(code: i32) -> String {
    if code > supervisor::SIGNAL_BASE {
        format!("by signal {}", code - supervisor::SIGNAL_BASE)
    } else {
        format!("exit status {code}")
    }
}
