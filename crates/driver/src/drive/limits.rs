//! The limits that a run keeps, and its access to the target's process.

use std::net::SocketAddr;
use std::time::Duration;

use crate::history::Sample;
use crate::moves::Act;

/// The limits of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a reply may take.
    pub reply_timeout: Duration,
    /// How long further replies are waited for once one did not come in time: the target is wrong already, and a run
    /// that waited as long each time would not end.
    pub reply_timeout_after_one: Duration,
    /// How many clients are under way at any moment; the others begin, in order, when these are done.
    pub clients_at_once_max: usize,
    /// How many connections are being opened at any moment.
    pub openings_at_once_max: u32,
}

/// What a run has of the target's process, where it has anything.
pub trait Process {
    /// What it takes of its machine; nothing where that is not known.
    fn sample(&self) -> Option<Sample>;

    /// Does something to it; false where that cannot be done.
    fn act(&self, act: Act) -> bool;

    /// Where a relay stands before it, if one does.
    fn alternate_addr(&self) -> Option<SocketAddr> {
        None
    }
}

/// No process is known.
#[derive(Clone, Copy, Debug)]
pub struct NoProcess;

impl Process for NoProcess {
    fn sample(&self) -> Option<Sample> {
        None
    }

    fn act(&self, _: Act) -> bool {
        false
    }
}

/// So many connections being opened at any moment are no obstacle for a backlog of five. A connection is open when its
/// first reply is there: before that it may be waiting in the backlog, which nobody can see from here.
pub const OPENINGS_AT_ONCE_GENTLE: u32 = 5;
