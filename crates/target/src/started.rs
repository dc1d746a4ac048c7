//! A started target: its supervisor, its output and its end.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Pid;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::descriptor_limit::original_descriptor_limit;
use crate::error::{Error, START_TIMEOUT};
use crate::notice::{Notice, Notices, next_notice};
use crate::output::{Output, Pipes};
use crate::processes::Processes;
use crate::supervisor::{self, describe_exit};

/// The interval at which a started target is checked for listening or ending.
const START_POLL: Duration = Duration::from_millis(10);

/// The time that connected clients have to observe the end of the target: their findings say more than the end
/// itself.
const END_GRACE: Duration = Duration::from_secs(2);

/// The time that a supervisor may take to end its target and itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A started target. Dropping the value ends it.
#[derive(Debug)]
pub(crate) struct Started {
    /// The supervisor ends the target when its standard input closes.
    supervisor: Child,
    output: Output,
    /// The processes of the target, where they are known.
    processes: Option<Processes>,
    /// The notices of the supervisor of a container. The supervisor of a command ends when the command does.
    notices: Option<Notices>,
    /// The description of the end, once it is known. A supervisor reports it once.
    end: Option<String>,
}

impl Started {
    /// Runs a command under a supervisor.
    ///
    /// The system cannot start a process.
    /// The system refuses a process.
    pub(crate) fn spawn(command: Vec<OsString>) -> Result<Self, Error> {
        let limit = original_descriptor_limit().to_string();
        let head = [supervisor::SUBCOMMAND.into(), limit.into()];
        let mut started = Self::of(spawn_supervisor(head.into_iter().chain(command))?);
        started.processes = started.supervisor.id().and_then(pid).map(Processes::Below);
        Ok(started)
    }

    /// Takes over a supervisor. Its unread output is the output of the target.
    pub(crate) fn of(mut supervisor: Child) -> Self {
        let output = Output::collect(supervisor.stdout.take(), supervisor.stderr.take());
        Self { supervisor, output, processes: None, notices: None, end: None }
    }

    /// Follows the notices of a container's supervisor; the main process, if known, is the target.
    pub(crate) fn watch_container(&mut self, notices: Notices, main: Option<u32>) {
        self.notices = Some(notices);
        self.processes = main.and_then(pid).and_then(Processes::from);
    }

    /// Returns the processes of the target, where they are known.
    pub(crate) fn processes(&self) -> Option<Processes> {
        self.processes
    }

    /// Returns the pipes through which the target writes its output.
    pub(crate) fn pipes(&self) -> Rc<Pipes> {
        self.output.pipes()
    }

    /// Waits until `find` returns the address at which the target listens.
    ///
    /// # Errors
    /// The target ends or takes too long.
    pub(crate) async fn until_found(
        mut self,
        place: &str,
        mut find: impl AsyncFnMut(&Output) -> Option<SocketAddr>,
    ) -> Result<(SocketAddr, Option<Self>), Error> {
        let Self { supervisor, output, notices, .. } = &mut self;
        let finding = async {
            loop {
                if let Some(found) = find(output).await {
                    return found;
                }
                sleep(START_POLL).await;
            }
        };
        // Both run concurrently: `find` may wait for the reply of a target that has ended.
        let either = async {
            tokio::select! {
                found = finding => Ok(found),
                ended = end_of(supervisor, notices.as_mut()) => Err(ended),
            }
        };
        let error = match timeout(START_TIMEOUT, either).await {
            Ok(Ok(found)) => return Ok((found, Some(self))),
            Ok(Err(ended)) => {
                let ended = ended?;
                self.output.ended().await;
                Error::EndedEarly { addr: place.to_owned(), ended, output: self.output.last_lines() }
            }
            Err(_) => Error::NeverListens { addr: place.to_owned(), output: self.output.last_lines() },
        };
        self.stop().await;
        Err(error)
    }

    /// Waits until the target has ended, plus a grace period.
    pub(crate) async fn wait_for_end(&mut self) {
        if self.end.is_none() {
            self.end = end_of(&mut self.supervisor, self.notices.as_mut()).await.ok();
        }
        sleep(END_GRACE).await;
    }

    /// Ends the target with all its children, and waits for that, so that a successor does not meet it.
    pub(crate) async fn stop(mut self) {
        drop(self.supervisor.stdin.take());
        if timeout(STOP_TIMEOUT, self.supervisor.wait()).await.is_err() {
            let _ = self.supervisor.start_kill();
        }
    }

    /// Returns how the target ended, with its last output, if it ends within `wait`.
    pub(crate) async fn ended(&mut self, wait: Duration) -> Option<String> {
        let end = match self.end.take() {
            Some(end) => end,
            None => timeout(wait, end_of(&mut self.supervisor, self.notices.as_mut())).await.ok()?.ok()?,
        };
        self.output.ended().await;
        Some(format!("{}{}", self.end.insert(end), self.output.last_lines()))
    }
}

/// Waits until the target ends, and describes how it ended.
async fn end_of(supervisor: &mut Child, notices: Option<&mut Notices>) -> io::Result<String> {
    if let Some(notices) = notices
        && let Some(Notice::Ended(how)) = next_notice(notices).await
    {
        return Ok(how);
    }
    // Waiting for the supervisor with `wait` would close its pipe and thereby end it.
    loop {
        if let Some(status) = supervisor.try_wait()? {
            return Ok(status.code().map_or_else(|| status.to_string(), describe_exit));
        }
        sleep(START_POLL).await;
    }
}

impl Drop for Started {
    /// Tells the supervisor to end the target, if [`Started::stop`] has not done so. It is not killed: if nobody waits any more for the
    /// end of [`Started::stop`], the supervisor has not ended the target yet.
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
    }
}

/// Runs this binary as a supervisor, through one of its hidden subcommands.
///
/// # Errors
/// The system cannot start a process.
pub(crate) fn spawn_supervisor(arguments: impl Iterator<Item = OsString>) -> Result<Child, Error> {
    let spawned = Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A separate process group, so that Ctrl-C does not end the supervisor before it has ended its command.
        .process_group(0)
        .spawn()?;
    Ok(spawned)
}

fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_supervisor_ends_its_target_although_nobody_waits_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ended");
        // It takes a while to end its target once its input has ended.
        let script = format!("cat; sleep 0.5; : > '{}'", file.display());
        let mut command = Command::new("sh");
        command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Started::of(command.spawn().unwrap());
        timeout(Duration::from_millis(50), started.stop()).await.unwrap_err();
        let ended = async {
            while !file.exists() {
                sleep(START_POLL).await;
            }
        };
        timeout(Duration::from_secs(30), ended).await.unwrap();
    }
}
