//! The limits that end a run from outside: its deadline, Ctrl-C, and the signal with which CI systems cancel a job.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Sleep, sleep};

use crate::deadline::Deadline;
use crate::history::Ending;

/// The deadline before a run has begun.
const NO_DEADLINE: Duration = Duration::from_hours(24 * 365);

/// The limits of successive runs of one command.
#[derive(Debug)]
pub struct RunLimits {
    interrupt: Signal,
    terminate: Signal,
    timer: Pin<Box<Sleep>>,
    deadline: Deadline,
    reached: Option<Ending>,
    interrupted: Arc<AtomicBool>,
}

impl RunLimits {
    /// Returns limits without a deadline that listen for signals from now on.
    ///
    /// # Errors
    /// The operating system refuses to install a signal handler.
    pub fn new() -> io::Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for number in [SIGINT, SIGTERM] {
            flag::register(number, Arc::clone(&interrupted))?;
        }
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            timer: Box::pin(sleep(NO_DEADLINE)),
            deadline: Deadline::after(NO_DEADLINE),
            reached: None,
            interrupted,
        })
    }

    /// Begins a run that ends at the latest after `limit`. An earlier interruption stays in force.
    pub fn begin_run(&mut self, limit: Duration) {
        self.timer = Box::pin(sleep(limit));
        self.deadline = Deadline::after(limit);
        self.reached = self.reached.filter(|reached| *reached == Ending::Interrupted);
    }

    /// Returns the time until the deadline of the run.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.remaining()
    }

    /// Waits until a limit is reached; once one was reached, returns it at once.
    pub async fn reached(&mut self) -> Ending {
        if let Some(reached) = self.reached {
            return reached;
        }
        let reached = tokio::select! {
            _ = self.interrupt.recv() => Ending::Interrupted,
            _ = self.terminate.recv() => Ending::Interrupted,
            () = &mut self.timer => Ending::TimeOver,
        };
        self.reached = Some(reached);
        reached
    }

    /// Returns a flag that an interruption sets at once, for computations that do not wait for [`RunLimits::reached`].
    #[must_use]
    pub fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }

    /// Returns the limit that was reached, if one was.
    #[must_use]
    pub fn reached_limit(&self) -> Option<Ending> {
        self.reached
    }
}
