//! The limits of a run, and access to the target's process.

use std::net::SocketAddr;
use std::time::Duration;

use crate::history::Sample;
use crate::moves::Act;

/// The limits of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time that opening a connection may take. It does not count as part of a reply's latency: a short backlog makes
    /// the operating system retry a connection two or three times.
    pub connect_timeout: Duration,
    /// The time that a reply may take.
    pub reply_timeout: Duration,
    /// The time that later replies may take once one reply was late. The target already violates the protocol, and
    /// waiting the full time for each reply would exceed the time of the run.
    pub reply_timeout_after_one: Duration,
    /// The number of clients that run at the same time. The others begin, in order, as these finish.
    pub clients_at_once_max: usize,
    /// The number of connections that may be in the process of opening at the same time.
    pub openings_at_once_max: u32,
}

impl Limits {
    /// Returns limits with which a server with a short backlog violates nothing, for replies that may take this time.
    #[must_use]
    pub const fn gentle(reply_timeout: Duration) -> Self {
        Self {
            connect_timeout: CONNECT_TIMEOUT_GENTLE,
            reply_timeout,
            reply_timeout_after_one: reply_timeout,
            clients_at_once_max: usize::MAX,
            openings_at_once_max: OPENINGS_AT_ONCE_GENTLE,
        }
    }
}

/// Access to the target's process, where it is known.
pub trait Process {
    /// Returns the resources that the process uses; `None` where they are not known.
    fn sample(&self) -> Option<Sample>;

    /// Acts on the process; returns false where that is not possible.
    fn act(&self, act: Act) -> bool;

    /// Returns the alternate address of the target, such as that of a proxy, if it has one.
    fn alternate_addr(&self) -> Option<SocketAddr> {
        None
    }
}

/// A target whose process is not known.
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

/// The time that opening a connection may take where a short backlog is no violation.
const CONNECT_TIMEOUT_GENTLE: Duration = Duration::from_mins(1);

/// The number of connections in the process of opening that a backlog of five tolerates. A connection counts as open
/// once its first reply is received: before that it may be in the backlog, which clients cannot see.
const OPENINGS_AT_ONCE_GENTLE: u32 = 5;
