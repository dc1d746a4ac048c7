//! Moves of a client, and the script that decides them.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::history::Sample;
use crate::work::Job;

/// The number by which a client refers to one of its connections. Each client assigns its own numbers.
pub type Slot = u16;

/// One action of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move<'a> {
    /// Waits at the barrier until all clients of the run arrive, then begins the phase with this number.
    BeginPhase(u32),
    /// Waits at the barrier until all clients of the run arrive.
    Synchronize,
    /// Waits for this time.
    Pause(Duration),
    /// Waits until this time has passed since the run began.
    PauseUntil(Duration),
    /// Waits until the next time since the run began that is this offset and a multiple of this interval.
    PauseUntilNext(Duration, Duration),
    /// Records in the history that the part with this number begins.
    Mark(u32),
    /// Reads the time since the run began.
    ReadClock,
    /// Opens a connection in a free slot.
    Open(Slot),
    /// Opens a connection from this address.
    OpenFrom(Slot, Source),
    /// Opens a connection over IPv6 to the target's IPv4-mapped address.
    OpenMapped(Slot),
    /// Opens connections in all slots of a range, concurrently.
    OpenAll(Slot, Slot, Source),
    /// Opens a connection with the smallest receive buffer that the system allows, so that a target whose replies are
    /// not read blocks soon.
    OpenNarrow(Slot),
    /// Opens a connection to the alternate address of the target.
    OpenAlternate(Slot),
    /// Sends these bytes.
    Send(Slot, &'a [u8]),
    /// Sends these bytes repeatedly until the target stops reading or this number of bytes was sent.
    Flood(Slot, &'a [u8], usize),
    /// Completes the last request of the last flood and reads all replies, or some of them if the target would need longer than
    /// this time for all.
    AwaitFlood(Slot, Duration),
    /// Waits for this number of replies.
    Await(Slot, usize),
    /// Reads at most this number of bytes that are already available; does not wait.
    ReadAvailable(Slot, usize),
    /// Reads until the target closes the connection, for at most this time.
    AwaitEnd(Slot, Duration),
    /// Shuts down the sending half; replies can still be received.
    EndSending(Slot),
    /// Resets the connection.
    Reset(Slot),
    /// Shuts down the sending half, reads the remaining bytes, and closes the connection.
    Close(Slot),
    /// Closes all connections of the client concurrently.
    CloseAll,
    /// Samples the resources of the target's process.
    Sample,
    /// Like `Sample`, but samples again until the descriptors and the threads exceed those of the first sample since
    /// the last such move by less than this number, for at most this time. A target may take seconds to release resources.
    SampleSettled(u64, Duration),
    /// Acts on the target's process.
    Act(Act),
    /// Runs a computation on another thread and waits for its end.
    Compute(&'a Job),
    /// Ends the script; the client makes no further move.
    Done,
}

/// The source address of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The address that the operating system chooses.
    Any,
    /// The loopback address with this number. If the target is not on loopback, or the system has only one loopback
    /// address, the operating system chooses the address.
    Own(u32),
    /// Like `Own`, with a different address for each slot: the slot number is added.
    Each(u32),
    /// The loopback address with this number and no other. Where it is not available, the connection cannot be
    /// opened.
    Exactly(u32),
}

impl Source {
    /// Returns the source address of the connection in a slot.
    #[must_use]
    pub fn of_slot(self, slot: Slot) -> Self {
        match self {
            Self::Each(first) => Self::Own(first.wrapping_add(slot.into())),
            other => other,
        }
    }

    /// Returns the loopback address that is meant, if any. It is never an address that the system chooses by itself.
    #[must_use]
    pub fn address(self) -> Option<Ipv4Addr> {
        let (Self::Own(number) | Self::Each(number) | Self::Exactly(number)) = self else { return None };
        // Each octet takes 254 values, so that no address ends in 0 or 255.
        let octet = |number: u32| u8::try_from(number % 254).map_or(1, |octet| octet + 1);
        Some(Ipv4Addr::new(127, octet(number / (254 * 254)), octet(number / 254), octet(number)))
    }
}

/// An action on the target's process or on its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Stops the process with SIGSTOP.
    Stop,
    /// Continues a stopped process; fails if it was not stopped.
    Continue,
    /// Kills the process.
    Kill,
    /// Asks the process to end, with SIGTERM.
    Terminate,
    /// Lowers the limit on open file descriptors so far that the process can open this number of further ones.
    LeaveDescriptors(u32),
    /// Restores the previous limit on open file descriptors; fails if the process could still open one.
    RestoreDescriptors,
    /// Leaves the container of the process little memory beyond what it uses.
    LimitMemory,
    /// Restores the previous limit of memory; fails if the container has not reached it.
    RestoreMemory,
    /// Reads no output of the process any more, and fills its pipes.
    BlockOutput,
    /// Reads the output again; fails if the process could write meanwhile.
    UnblockOutput,
    /// Changes the settings file of the target to the version with this index.
    ChangeSetting(u16),
    /// Begins a condition that the environment of the run defines, such as an impaired path; the number is the
    /// environment's own. Bytes may be changed or lost from here on.
    BeginCondition(u16),
    /// Ends that condition.
    EndCondition,
}

/// The result of a client's last move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveResult<'a> {
    /// The move was made; it has no other result.
    Done,
    /// The awaited replies, without delimiters. A reply above the length limit is empty.
    Replies(&'a [Vec<u8>]),
    /// The time that was read, in nanoseconds since the run began.
    Clock(u64),
    /// The sample that was emitted at this time, in nanoseconds since the run began.
    Sampled(u64, Sample),
    /// The move failed: the connection is closed; whether that is because the client has waited for a reply in vain.
    Failed(bool),
}

impl MoveResult<'_> {
    /// Returns whether the move failed.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

/// Decides the moves of one client from the results of its earlier moves. A script is pure: equal results lead to
/// equal moves.
pub trait Script {
    /// Returns the next move, given the result of the last one.
    fn next(&mut self, result: MoveResult<'_>) -> Move<'_>;
}

impl Script for Box<dyn Script> {
    fn next(&mut self, result: MoveResult<'_>) -> Move<'_> {
        (**self).next(result)
    }
}
