//! The dialect of a protocol, as its cases need it: decoding of replies, unsolicited bytes that are allowed, the
//! clause that a violation concerns, and cleanup.

use std::fmt;
use std::time::Duration;

use driver::moves::Slot;
use driver::work::Job;
use protocol::{Clause, Framing};

/// The dialect of a protocol.
#[derive(Clone, Copy)]
pub struct Dialect {
    /// Returns a framing for frames of at most this number of bytes.
    pub framing: fn(usize) -> Box<dyn Framing>,
    /// The bytes after each frame on the wire.
    pub delimiter: &'static [u8],
    /// Converts a reply frame to the form in which cases expect it, without the delimiter.
    pub read: fn(&[u8]) -> Vec<u8>,
    /// The prefixes of valid replies. Any other reply violates the wire format.
    pub replies: &'static [&'static [u8]],
    /// The summary of a finding about a reply that is not valid.
    pub invalid_reply: &'static str,
    /// The unsolicited bytes that a server may send.
    pub unsolicited: UnsolicitedPolicy,
    /// Returns the reason for which a correct server may send this unexpected reply, given the time between the
    /// beginning of the case and the request; `None` if it may not.
    pub excuse: fn(&[u8], Duration) -> Option<&'static str>,
    /// Whether a connection may end with a reset.
    pub may_reset: bool,
    /// Returns the clause that a violation concerns, given the clause of the case.
    pub clause: fn(Clause, ViolationKind<'_>) -> Clause,
    /// Returns the names in these bytes that a server may remember after the case.
    pub names_in: fn(&[u8]) -> Vec<Vec<u8>>,
    /// Returns the requests that make a server forget names. Without names, returns a plain request if there is one.
    pub clean_up: fn(&[&[u8]]) -> Vec<CleanupStep>,
    /// Creates the template that fills placeholders which depend on received replies, if the protocol has such.
    pub payload_template: Option<fn() -> Box<dyn PayloadTemplate>>,
    /// A request that every server answers and that changes nothing.
    pub plain_request: &'static [u8],
    /// Returns requests by which the pace of a server is measured, in a cycle that leaves nothing behind. Each client, which the
    /// number names, has its own.
    pub pace_requests: fn(u32) -> Vec<Vec<u8>>,
    /// Whether requests are operations on a package index.
    pub has_index_operations: bool,
    /// Whether each case connects from its own source address.
    pub has_own_address: bool,
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialect").field("replies", &self.replies).finish_non_exhaustive()
    }
}

impl Dialect {
    /// Returns whether a line is a valid reply.
    #[must_use]
    pub fn is_reply(&self, line: &[u8]) -> bool {
        self.replies.iter().any(|reply| line.starts_with(reply))
    }
}

/// The unsolicited bytes that a server may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsolicitedPolicy {
    /// These bytes, as the reason for closing the connection; nothing may follow them.
    CloseReason(&'static [u8]),
    /// The reply that the case expects next on the connection.
    NextExpected,
}

/// The kind of a violation, with the facts that determine its clause.
#[derive(Clone, Copy, Debug)]
pub enum ViolationKind<'a> {
    /// Unsolicited bytes were received.
    Unsolicited {
        /// Whether the client had sent any byte before.
        has_sent: bool,
        /// Whether the client had sent a part of a request and not yet its end.
        is_mid_request: bool,
        /// Whether the bytes are valid replies.
        is_reply: bool,
    },
    /// A reply is not valid.
    InvalidReply,
    /// Only a part of a reply was received.
    Partial,
    /// The connection was closed instead of a reply.
    Closed {
        /// The outstanding request.
        request: &'a [u8],
        /// Whether it was a plain request of a new client.
        is_plain: bool,
        /// Whether it was the first request on the connection.
        is_first: bool,
        /// Whether the previous reply on the connection was an error.
        has_erred: bool,
    },
    /// No reply arrived in time.
    Timeout {
        /// Whether it was a plain request of a new client.
        is_plain: bool,
    },
    /// The connection was reset.
    Reset,
    /// The connection could not be opened.
    NotOpened,
    /// Resources of departed clients were not released.
    ResourceLeak,
    /// The target stopped serving clients.
    TargetLost,
}

/// One step of the cleanup before and after a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CleanupStep {
    /// Sends a request and accepts any reply.
    Ask(Vec<u8>),
    /// Skips this number of following requests if every reply so far was this one.
    SkipIfAll(&'static [u8], usize),
}

/// Fills placeholders in the bytes of a case that depend on received replies.
pub trait PayloadTemplate: fmt::Debug {
    /// Appends `bytes` with their placeholders filled. If that needs a computation first, returns its job; the next call
    /// with the same bytes continues after it.
    fn fill(&mut self, slot: Slot, bytes: &[u8], out: &mut Vec<u8>) -> Option<&Job>;

    /// Records a reply.
    fn note(&mut self, slot: Slot, reply: &[u8]);
}
