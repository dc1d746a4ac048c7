//! The record of each fault that a toxic injects, and its observers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::toxic::Stream;

/// A fault that was injected.
#[derive(Clone, Debug, PartialEq)]
pub struct InjectedFault {
    /// The time since the proxy was created.
    pub at: Duration,
    /// The name of the proxy.
    pub proxy: Arc<str>,
    /// The number of the connection, counted from 1.
    pub connection: u64,
    /// The direction.
    pub stream: Stream,
    /// The name of the toxic.
    pub toxic: String,
    /// The effect.
    pub effect: Effect,
}

/// The effect on a stream. Offsets count bytes from 0, in the order in which the toxic received them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A chunk was delayed.
    Delayed {
        /// The length of the chunk.
        bytes: usize,
        /// The delay.
        delay: Duration,
    },
    /// The end of the stream was delayed.
    EndDelayed {
        /// The delay.
        delay: Duration,
    },
    /// A chunk is held back until the toxic is changed or removed.
    HeldBack {
        /// The length of the chunk.
        bytes: usize,
    },
    /// The end of the stream is held back until the toxic is removed.
    EndHeldBack,
    /// A chunk was discarded.
    Discarded {
        /// The length of the chunk.
        bytes: usize,
    },
    /// The stream was cut into pieces at this offset.
    Cut {
        /// The offset of the first byte after the cut.
        offset: u64,
    },
    /// Several chunks were joined into one.
    Joined {
        /// The number of chunks.
        chunks: usize,
        /// The length of the joined chunk.
        bytes: usize,
    },
    /// A bit of a byte was flipped.
    Flipped {
        /// The offset of the byte.
        offset: u64,
        /// A mask of the flipped bit.
        mask: u8,
    },
    /// The connection is closed after a number of bytes.
    Limited {
        /// The number of bytes.
        bytes: u64,
    },
    /// The connection was closed.
    Closed,
    /// The connection was reset.
    Reset,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delayed { bytes, delay } => write!(f, "delayed {bytes} bytes by {delay:.1?}"),
            Self::EndDelayed { delay } => write!(f, "delayed the end of the stream by {delay:.1?}"),
            Self::HeldBack { bytes } => write!(f, "held back {bytes} bytes"),
            Self::EndHeldBack => f.write_str("held back the end of the stream"),
            Self::Discarded { bytes } => write!(f, "discarded {bytes} bytes"),
            Self::Cut { offset } => write!(f, "cut before byte {offset}"),
            Self::Joined { chunks, bytes } => write!(f, "joined {chunks} chunks into one of {bytes} bytes"),
            Self::Flipped { offset, mask } => write!(f, "flipped a bit of byte {offset} (mask {mask:#04x})"),
            Self::Limited { bytes } => write!(f, "closed after {bytes} bytes"),
            Self::Closed => f.write_str("closed"),
            Self::Reset => f.write_str("reset"),
        }
    }
}

/// Receives each fault. It is called on the data path, so it must return quickly.
pub trait Observer: Send + Sync {
    /// Called for each fault.
    fn applied(&self, fault: &InjectedFault);
}

impl<F: Fn(&InjectedFault) + Send + Sync> Observer for F {
    fn applied(&self, fault: &InjectedFault) {
        self(fault);
    }
}

/// Writes each fault to the log, one per line.
#[derive(Clone, Copy, Debug)]
pub struct Log;

impl Observer for Log {
    fn applied(&self, fault: &InjectedFault) {
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

/// Notifies the observer of the faults in one direction of a connection.
pub(crate) struct EffectLog {
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) begun: Instant,
    pub(crate) proxy: Arc<str>,
    pub(crate) connection: u64,
    pub(crate) stream: Stream,
}

impl EffectLog {
    pub(crate) fn record(&self, toxic: &str, effect: Effect) {
        self.observer.applied(&InjectedFault {
            at: self.begun.elapsed(),
            proxy: Arc::clone(&self.proxy),
            connection: self.connection,
            stream: self.stream,
            toxic: toxic.to_owned(),
            effect,
        });
    }
}
