//! Where the server is between its start and its end, for those who ask whether it is well.

use std::sync::atomic::{AtomicU8, Ordering};

/// Shared by who changes it and who asks.
#[derive(Debug, Default)]
pub struct Lifecycle(AtomicU8);

/// A part of the server's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It does not listen yet.
    Starting,
    /// It takes connections.
    Ready,
    /// It was told to stop, takes no more connections, and answers what is under way.
    Draining,
}

impl Lifecycle {
    /// The next part begins.
    pub fn begin(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Release);
    }

    /// The part that it is in.
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }
}

impl Phase {
    /// Its name in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
        }
    }
}
