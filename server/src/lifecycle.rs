//! The phase of the server, for health checks.

use std::sync::atomic::{AtomicU8, Ordering};

/// The current phase, shared by the server and the admin endpoint.
#[derive(Debug, Default)]
pub struct Lifecycle(AtomicU8);

/// A phase of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The server does not listen yet.
    Starting,
    /// The server accepts connections.
    Ready,
    /// The server received a stop signal: it accepts no connections and answers pending requests.
    Draining,
}

impl Lifecycle {
    /// Enters a phase.
    pub fn enter(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Release);
    }

    /// The current phase.
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }
}

impl Phase {
    /// The name of the phase in health reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
        }
    }
}
