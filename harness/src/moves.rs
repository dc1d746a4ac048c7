//! What a client can do, and the rule that says what it does next.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which of its connections a client means; it numbers them as it likes.
pub type Slot = u16;

/// One move of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move<'a> {
    /// Wait until every client of the run is here; then the phase with this number begins.
    BeginPhase(u32),
    /// Wait until every client of the run is here.
    Meet,
    /// Let time pass.
    Pause(Duration),
    /// Wait until so much time has passed since the run began.
    Until(Duration),
    /// Note in the history that this part begins.
    Mark(u32),
    /// Open a connection in a slot that is free.
    Open(Slot),
    /// Open connections in all slots from one to another, all at once.
    OpenAll(Slot, Slot),
    /// Open one, with as little room for replies as the system allows: a target that is not read is soon blocked.
    OpenNarrow(Slot),
    /// Open one by way of the relay that stands before the target.
    OpenRelayed(Slot),
    /// Send these bytes.
    Send(Slot, &'a [u8]),
    /// Send these bytes over and over, until the target has taken none for a while or this many went.
    Flood(Slot, &'a [u8], usize),
    /// Await this many replies.
    Await(Slot, usize),
    /// Take in so many bytes at the most, of what is there by now.
    Take(Slot, usize),
    /// Take in what comes until the target ends the connection, for so long.
    AwaitEnd(Slot, Duration),
    /// End the sending half; replies can still come.
    EndSending(Slot),
    /// Vanish: the connection is reset.
    Reset(Slot),
    /// End the sending half, take in what still comes, and close.
    Close(Slot),
    /// The same for all connections of the client at once.
    CloseAll,
    /// Look what the target's process takes of its machine.
    Sample,
    /// Do something to the target's process.
    Act(Act),
    /// The client is done with the run.
    Done,
}

/// What can be done to a target's process, or on the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Stop it where it stands.
    Stop,
    /// Let it go on.
    Continue,
    /// End it where it stands.
    Kill,
    /// Let it have so many descriptors and no more.
    LimitDescriptors(u32),
    /// Let it have as many as before.
    UnlimitDescriptors,
    /// Make the way through the relay worse, in the way that has this number with whoever keeps the relay.
    Worsen(u16),
    /// Make the way through the relay good again.
    Mend,
}

/// What came of a client's last move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came<'a> {
    /// It is done; it brings nothing.
    Nothing,
    /// The replies that were awaited, without delimiters; one that was too long for any reply is empty.
    Replies(&'a [Vec<u8>]),
    /// It could not be done: the connection is gone, or nothing came in time.
    Trouble,
}

/// Says what one client does, move by move, given what came of the last one. It is pure: the same answers bring the
/// same moves.
pub trait Script {
    /// The next move.
    fn next(&mut self, came: Came<'_>) -> Move<'_>;
}
