//! What a history consists of: a header for each part, then events.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::history::ending::Ending;
use crate::history::escaped;
use crate::history::params::Params;
use crate::moves::{Act, Slot};

/// The version of the form on disk.
pub const VERSION: u32 = 5;

/// The longest line that is written or read, far beyond what any move of a workload or a case makes of itself.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// The first line of a history on disk: what was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`VERSION`] of the kit that wrote it.
    pub history: u32,
    /// The workload's id, such as `index/replay`.
    pub workload: String,
    /// The parameters of the plan.
    pub params: Params,
    /// The hash of the plan, in hex digits.
    pub plan_sha256: String,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event<'a> {
    /// Nanoseconds since the run began: of a sending taken before the write, of all else after it happened.
    pub at_ns: u64,
    /// Which client, from 0.
    pub client: u32,
    /// Which connection, from 1 in the order of the openings; 0 where there is none.
    pub connection: u32,
    /// What happened.
    pub event: EventKind<'a>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind<'a> {
    /// The client met the others, and began this phase.
    Phase(u32),
    /// A connection was opened, in this slot of the client.
    Opened(Slot),
    /// A connection could not be opened.
    NotOpened(Failure),
    /// Bytes were handed to the system.
    #[serde(with = "escaped")]
    Sent(Cow<'a, [u8]>),
    /// Bytes came.
    #[serde(with = "escaped")]
    Received(Cow<'a, [u8]>),
    /// The target ended its sending half.
    Ended,
    /// The connection broke.
    Lost(Failure),
    /// A reply did not come in time.
    TimedOut {
        /// How long it was awaited.
        waited_ns: u64,
        /// How much later than planned the harness noticed: much means that it was itself held up.
        late_ns: u64,
    },
    /// Requests were sent over and over; their replies are not looked at.
    Flooded {
        /// How much the target took.
        bytes: u64,
        /// Whether it took no more at the end, though there was more.
        has_stalled: bool,
    },
    /// The connection was to end, and did not.
    StayedOpen {
        /// How long that was awaited.
        waited_ns: u64,
    },
    /// The client closed the connection.
    Closed,
    /// The client reset the connection.
    Reset,
    /// A part of the client's plan begins.
    Marked(u32),
    /// What the target's process took of its machine.
    Sampled(Sample),
    /// Something was done to the target's process.
    Acted {
        /// What.
        act: Act,
        /// Whether it could be done.
        is_done: bool,
    },
    /// The client made its last move.
    ClientDone,
    /// The run ended; the last event of a history that is whole.
    RunEnded(Ending),
}

/// What a process takes of its machine, its children included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Open descriptors.
    pub descriptors: u64,
    /// Memory that is its own: neither shared with others nor backed by files.
    pub memory_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// How long they have been ready to run and had no processor, so far.
    pub waited_ns: u64,
}

/// Why an opening or a connection failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose fault it is, as far as the error tells.
    pub kind: FailureKind,
    /// What the system said.
    pub message: String,
}

/// The kinds of failures that are judged differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The target's machine says that nothing listens.
    Refused,
    /// No answer within the limit.
    TimedOut,
    /// This machine ran out of descriptors or ports: never the target's fault.
    OutOfResources,
    /// Anything else, most often a reset.
    Other,
}
