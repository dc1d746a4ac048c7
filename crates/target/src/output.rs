//! The output of a started target: read continuously so that the target never blocks, and shown when it fails.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The number of bytes kept: the end of the output, where programs usually report errors.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// The number of lines shown in a message.
const SHOWN_LINES_MAX: usize = 10;

/// The time to wait for the remaining output of a process that has ended.
const REST_TIMEOUT: Duration = Duration::from_secs(1);

/// The output of a process: standard output and standard error combined.
#[derive(Debug)]
pub(crate) struct Output {
    kept: Arc<Mutex<Vec<u8>>>,
    readers: JoinSet<()>,
    pipes: Rc<Pipes>,
}

/// The pipes through which a process writes its output.
#[derive(Debug)]
pub(crate) struct Pipes {
    /// Their reading ends.
    pub(crate) ends: Vec<OwnedFd>,
    /// Whether they are read.
    pub(crate) is_read: watch::Sender<bool>,
}

impl Output {
    /// Reads both streams in the background.
    pub(crate) fn collect(stdout: Option<ChildStdout>, stderr: Option<ChildStderr>) -> Self {
        let kept = Arc::default();
        let mut readers = JoinSet::new();
        let is_read = watch::Sender::new(true);
        let mut ends = Vec::new();
        if let Some(stdout) = stdout {
            // Without a second descriptor, the output is read but cannot be blocked.
            ends.extend(stdout.as_fd().try_clone_to_owned());
            readers.spawn(keep(stdout, Arc::clone(&kept), is_read.subscribe()));
        }
        if let Some(stderr) = stderr {
            ends.extend(stderr.as_fd().try_clone_to_owned());
            readers.spawn(keep(stderr, Arc::clone(&kept), is_read.subscribe()));
        }
        Self { kept, readers, pipes: Rc::new(Pipes { ends, is_read }) }
    }

    /// Returns the pipes.
    pub(crate) fn pipes(&self) -> Rc<Pipes> {
        Rc::clone(&self.pipes)
    }

    /// Waits until the output of an ended process is read completely.
    pub(crate) async fn ended(&mut self) {
        let all = async { while self.readers.join_next().await.is_some() {} };
        // A remaining child process may hold the streams open.
        let _ = timeout(REST_TIMEOUT, all).await;
    }

    /// Returns the address in the line with which the reference server announces its listener.
    pub(crate) fn announced_addr(&self) -> Option<SocketAddr> {
        let kept = lock(&self.kept);
        let text = String::from_utf8_lossy(&kept);
        let (lines, _) = text.rsplit_once('\n')?;
        lines.lines().find_map(|line| line.strip_prefix("listening on ")?.parse().ok())
    }

    /// Formats the last lines as the end of a message; empty if there is no output.
    pub(crate) fn last_lines(&self) -> String {
        let kept = lock(&self.kept);
        let text = String::from_utf8_lossy(&kept);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN_LINES_MAX)..];
        if shown.is_empty() {
            return String::new();
        }
        shown.iter().fold("; its last output:".to_owned(), |text, line| {
            let line: String = line.chars().filter(|letter| !letter.is_control()).collect();
            format!("{text}\n  | {line}")
        })
    }
}

async fn keep(
    mut stream: impl AsyncRead + Unpin,
    kept: Arc<Mutex<Vec<u8>>>,
    mut is_read: watch::Receiver<bool>,
) {
    let mut chunk = vec![0; 4096];
    // The sender exists as long as this task.
    while is_read.wait_for(|is_read| *is_read).await.is_ok() {
        let count = tokio::select! {
            biased;
            _ = is_read.changed() => continue,
            count = stream.read(&mut chunk) => count,
        };
        let Ok(count @ 1..) = count else { break };
        let mut kept = lock(&kept);
        kept.extend_from_slice(&chunk[..count]);
        let excess = kept.len().saturating_sub(KEPT_BYTES_MAX);
        kept.drain(..excess);
    }
}

fn lock(kept: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
