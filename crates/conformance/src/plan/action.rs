//! The actions of a plan: moves that own their bytes.

use std::rc::Rc;
use std::time::Duration;

use driver::moves::{Move, Slot};

/// The slot of the cleanup connection, which is not part of the case.
pub const CLEANUP: Slot = Slot::MAX;

/// The time within which a target must close a connection that it has to close.
pub(super) const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// A move that owns its bytes; equal bytes are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Move(Simple),
    Send(Slot, Rc<[u8]>),
    Flood(Slot, Rc<[u8]>, usize),
    /// Waits for one reply; the flag tells whether the connection may be closed instead.
    Await(Slot, bool),
    /// Skips this number of actions if every reply to the cleanup connection was this one.
    SkipIfAll(&'static [u8], usize),
    /// Starts a timer at the time that was read.
    StartTimer,
    /// Skips this number of actions if so much time had passed since then when the clock was read.
    SkipIfLate(Duration, usize),
    /// Skips this number of actions if the samples so far decide whether memory grows.
    SkipIfDecided(usize),
}

/// A move without bytes of its own.
pub(super) type Simple = Move<'static>;
