//! What the cases of a protocol have to know of its wire: how replies are read, what a server may say unasked, which
//! clause a fault breaks, and what is sent before and after a case.

use std::fmt;
use std::time::Duration;

use protocol::{Clause, Framing};

use driver::moves::Slot;

/// A protocol's wire, as far as its cases have to know it.
#[derive(Clone, Copy)]
pub struct Dialect {
    /// Cuts a stream into frames of at most so many bytes.
    pub framing: fn(usize) -> Box<dyn Framing>,
    /// What stands behind each frame on the wire.
    pub delimiter: &'static [u8],
    /// Writes a reply, which is a frame, as cases expect it, without the delimiter.
    pub read: fn(&[u8]) -> Vec<u8>,
    /// The lines that are replies at all, by what they begin with: any other breaks the wire form.
    pub replies: &'static [&'static [u8]],
    /// What such a reply is called, as a finding says it.
    pub no_reply: &'static str,
    /// What a server may say unasked.
    pub unasked: Unasked,
    /// Why a right server may give this reply, though it is not expected, to what was sent so long after the beginning of a
    /// case; nothing if it may not.
    pub excuse: fn(&[u8], Duration) -> Option<&'static str>,
    /// Whether the end of a connection may be a reset.
    pub may_reset: bool,
    /// The clause that something breaks, in a case of a clause.
    pub clause: fn(Clause, Broken<'_>) -> Clause,
    /// The names in these bytes that a server may remember after the case.
    pub names_in: fn(&[u8]) -> Vec<Vec<u8>>,
    /// The plain requests that make a server forget names; without names, a plain request if there is one.
    pub clean_up: fn(&[&[u8]]) -> Vec<CleanupStep>,
    /// What fills places in bytes that depend on what came, where a protocol has such.
    pub payload_template: Option<fn() -> Box<dyn PayloadTemplate>>,
    /// Whether each case has an address of its own to come from.
    pub has_own_address: bool,
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialect").field("replies", &self.replies).finish_non_exhaustive()
    }
}

impl Dialect {
    /// Whether a line is a reply at all.
    #[must_use]
    pub fn is_reply(&self, line: &[u8]) -> bool {
        self.replies.iter().any(|reply| line.starts_with(reply))
    }
}

/// What a server may say of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// These bytes, and then nothing more.
    LastWord(&'static [u8]),
    /// What the case expects next on this connection.
    WhatIsExpected,
}

/// Something that breaks a clause.
#[derive(Clone, Copy, Debug)]
pub enum Broken<'a> {
    /// Bytes came that had not to come.
    Unsolicited {
        /// Whether anything had been sent before.
        has_sent: bool,
    },
    /// What came is no reply at all.
    NoReply,
    /// A part of a reply came, and no more.
    Partial,
    /// The connection ended instead of a reply.
    Ended {
        /// The request that waited.
        request: &'a [u8],
        /// Whether it was a plain request of a new client.
        is_plain: bool,
        /// Whether nothing had been answered there before.
        is_first: bool,
        /// Whether the last reply there was an error.
        has_erred: bool,
    },
    /// Nothing came in time.
    Silent {
        /// Whether it was a plain request of a new client.
        is_plain: bool,
    },
    /// A connection was reset.
    Reset,
    /// A connection could not be opened.
    NotOpened,
    /// What a client cost was not given back.
    Kept,
    /// The target was lost.
    Lost,
}

/// A part of the clean-up before and after a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CleanupStep {
    /// Asks, and takes any reply.
    Ask(Vec<u8>),
    /// Leaves out so many of the following, if every reply so far was this one.
    SkipIfAll(&'static [u8], usize),
}

/// Fills the places in a case's bytes that depend on what came before.
pub trait PayloadTemplate: fmt::Debug {
    /// Appends `bytes` with their places filled.
    fn fill(&mut self, slot: Slot, bytes: &[u8], out: &mut Vec<u8>);

    /// Takes in a reply.
    fn note(&mut self, slot: Slot, reply: &[u8]);
}
