//! The content of a history: a header for each part, followed by events.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::history::ending::Ending;
use crate::history::escaped;
use crate::history::params::Params;
use crate::moves::{Act, Slot};

/// The version of the on-disk format.
pub const VERSION: u32 = 5;

/// The longest line of a history, in bytes; far longer than any move of a workload or a case produces.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// The first line of a part of a history: the workload and its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The format version of the program that wrote it: [`VERSION`].
    pub history: u32,
    /// The id of the workload, such as `index/replay`.
    pub workload: String,
    /// The parameters of the plan.
    pub params: Params,
    /// The SHA-256 of the plan in hexadecimal digits.
    pub plan_sha256: String,
}

/// One event of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event<'a> {
    /// The time in nanoseconds since the run began. A send is stamped before the write, every other event afterwards.
    pub at_ns: u64,
    /// The number of the client, from 0.
    pub client: u32,
    /// The number of the connection, from 1 in the order of opening; 0 for events without a connection.
    pub connection: u32,
    /// The kind of the event, with its data.
    pub event: EventKind<'a>,
}

/// The kind of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind<'a> {
    /// The client passed the barrier, and this phase began for it.
    Phase(u32),
    /// A connection was opened in this slot of the client.
    Opened(Slot),
    /// A connection could not be opened.
    NotOpened(Failure),
    /// Bytes were passed to the operating system.
    #[serde(with = "escaped")]
    Sent(Cow<'a, [u8]>),
    /// Bytes were received.
    #[serde(with = "escaped")]
    Received(Cow<'a, [u8]>),
    /// The target closed its sending half.
    Ended,
    /// The connection failed.
    Lost(Failure),
    /// A reply did not arrive in time.
    TimedOut {
        /// The time that the client waited, in nanoseconds.
        waited_ns: u64,
        /// The delay between the deadline and its detection, in nanoseconds. A large value means that this machine
        /// was overloaded.
        late_ns: u64,
    },
    /// Requests were sent repeatedly; their replies were not read.
    Flooded {
        /// The number of bytes that the target accepted.
        bytes: u64,
        /// Whether the target stopped reading before all bytes were sent.
        has_stalled: bool,
    },
    /// The client shut down its sending half.
    EndedSending,
    /// The client stopped reading the replies to a flood at its time limit, before the target had shown that it continues to write.
    StoppedReading,
    /// The target did not close a connection that it should have closed.
    StayedOpen {
        /// The time that the client waited, in nanoseconds.
        waited_ns: u64,
    },
    /// The client closed the connection.
    Closed,
    /// The client reset the connection.
    Reset,
    /// A part of the client's script began.
    Marked(u32),
    /// The resources of the target's process were sampled.
    Sampled(Sample),
    /// The client acted on the target's process.
    Acted {
        /// The action.
        act: Act,
        /// Whether the action succeeded.
        is_done: bool,
    },
    /// The client completed its script.
    ClientDone,
    /// The run ended. This is the last event of a complete part.
    RunEnded(Ending),
}

/// The resources that a process and its children use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The number of open file descriptors.
    pub descriptors: u64,
    /// The private memory in bytes: neither shared with other processes nor backed by files.
    pub memory_bytes: u64,
    /// The most private memory so far, in bytes: the peak of resident memory without what is shared or backed by files now. Older
    /// histories have none.
    #[serde(default)]
    pub memory_peak_bytes: u64,
    /// The number of threads.
    pub threads: u64,
    /// The total time, in nanoseconds, that the first threads of each process were ready to run but had no processor. Many threads
    /// delay each other, which says nothing about the machine.
    pub waited_ns: u64,
    /// The same for all threads, also those of later connections. Older histories have none.
    #[serde(default)]
    pub waited_by_all_ns: u64,
    /// The total processor time, in nanoseconds. Older histories have none.
    #[serde(default)]
    pub cpu_ns: u64,
}

/// The reason for which opening or using a connection failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of the failure.
    pub kind: FailureKind,
    /// The message of the operating system.
    pub message: String,
}

/// The kinds of failure that judges treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The target's machine refused the connection.
    Refused,
    /// No response within the time limit.
    TimedOut,
    /// This machine ran out of file descriptors or ports. The target is not responsible.
    OutOfResources,
    /// Any other failure, most often a reset.
    Other,
}
