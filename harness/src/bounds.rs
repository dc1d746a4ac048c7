//! What ends a run from outside: its deadline, Ctrl-C, and the signal by which CI systems cancel a job.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Sleep, sleep};

use crate::drive::{Ending, Patience};

/// Before a run begins there is no deadline.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

/// The bounds of one run after the other.
#[derive(Debug)]
pub struct Bounds {
    interrupt: Signal,
    terminate: Signal,
    deadline: Pin<Box<Sleep>>,
    patience: Patience,
    came: Option<Ending>,
}

impl Bounds {
    /// Listens for signals from now on.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            deadline: Box::pin(sleep(FOR_EVER)),
            patience: Patience::begin(FOR_EVER),
            came: None,
        })
    }

    /// A run begins, and may take this long.
    pub fn begin_run(&mut self, deadline: Duration) {
        self.deadline = Box::pin(sleep(deadline));
        self.patience = Patience::begin(deadline);
        self.came = self.came.filter(|came| *came == Ending::Interrupted);
    }

    /// How much time the run has left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.patience.left()
    }

    /// Waits until a bound is reached; from then on it is at once.
    pub async fn reached(&mut self) -> Ending {
        if let Some(came) = self.came {
            return came;
        }
        let came = tokio::select! {
            _ = self.interrupt.recv() => Ending::Interrupted,
            _ = self.terminate.recv() => Ending::Interrupted,
            () = &mut self.deadline => Ending::TimeOver,
        };
        self.came = Some(came);
        came
    }

    /// Which bound was reached, if one was.
    #[must_use]
    pub fn came(&self) -> Option<Ending> {
        self.came
    }
}
