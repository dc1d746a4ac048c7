//! What is told of each fault that a toxic applies: when, where, and what.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::toxic::Stream;

/// A fault that was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Since the proxy was made.
    pub at: Duration,
    /// The proxy's name.
    pub proxy: Arc<str>,
    /// The number of the connection, from 1.
    pub connection: u64,
    /// Its direction.
    pub stream: Stream,
    /// The name of the toxic.
    pub toxic: String,
    /// What was done.
    pub effect: Effect,
}

/// What was done to a stream. Offsets count its bytes from 0, as they came to the toxic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A chunk was made to wait.
    Delayed {
        /// Its length.
        bytes: usize,
        /// How long it waits.
        delay: Duration,
    },
    /// The end of the stream was made to wait.
    EndDelayed {
        /// How long it waits.
        delay: Duration,
    },
    /// A chunk was kept, until the toxic is changed or removed.
    Kept {
        /// Its length.
        bytes: usize,
    },
    /// The end of the stream was kept, until the toxic is removed.
    EndKept,
    /// A chunk was thrown away.
    Swallowed {
        /// Its length.
        bytes: usize,
    },
    /// The stream was cut.
    Cut {
        /// Before which byte.
        offset: u64,
    },
    /// Chunks became one.
    Joined {
        /// How many.
        chunks: usize,
        /// Their length together.
        bytes: usize,
    },
    /// Bits of a byte were flipped.
    Flipped {
        /// Which byte.
        offset: u64,
        /// Which bits.
        mask: u8,
    },
    /// The connection is closed after so many bytes.
    Limited {
        /// How many.
        bytes: u64,
    },
    /// The connection is closed.
    Closed,
    /// The connection is reset.
    Reset,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delayed { bytes, delay } => write!(f, "{bytes} bytes wait {delay:.1?}"),
            Self::EndDelayed { delay } => write!(f, "the end waits {delay:.1?}"),
            Self::Kept { bytes } => write!(f, "{bytes} bytes are kept"),
            Self::EndKept => f.write_str("the end is kept"),
            Self::Swallowed { bytes } => write!(f, "{bytes} bytes are thrown away"),
            Self::Cut { offset } => write!(f, "cut before byte {offset}"),
            Self::Joined { chunks, bytes } => write!(f, "{chunks} chunks are sent as one of {bytes} bytes"),
            Self::Flipped { offset, mask } => write!(f, "byte {offset} is flipped by {mask:#04x}"),
            Self::Limited { bytes } => write!(f, "closed after {bytes} bytes"),
            Self::Closed => f.write_str("closed"),
            Self::Reset => f.write_str("reset"),
        }
    }
}

/// Who hears of faults. It is called where bytes are carried, so it must be quick.
pub trait Observer: Send + Sync {
    /// A fault was applied.
    fn applied(&self, fault: &Fault);
}

impl<F: Fn(&Fault) + Send + Sync> Observer for F {
    fn applied(&self, fault: &Fault) {
        self(fault);
    }
}

/// Writes each fault to the log, as one line.
#[derive(Clone, Copy, Debug)]
pub struct Log;

impl Observer for Log {
    fn applied(&self, fault: &Fault) {
        tracing::info!(
            proxy = %fault.proxy,
            connection = fault.connection,
            stream = fault.stream.name(),
            toxic = fault.toxic,
            "{}",
            fault.effect
        );
    }
}

/// What a direction of a connection knows of itself when it tells of a fault.
pub(super) struct Witness {
    pub(super) observer: Arc<dyn Observer>,
    pub(super) begun: Instant,
    pub(super) proxy: Arc<str>,
    pub(super) connection: u64,
    pub(super) stream: Stream,
}

impl Witness {
    pub(super) fn tell(&self, toxic: &str, effect: Effect) {
        self.observer.applied(&Fault {
            at: self.begun.elapsed(),
            proxy: Arc::clone(&self.proxy),
            connection: self.connection,
            stream: self.stream,
            toxic: toxic.to_owned(),
            effect,
        });
    }
}
