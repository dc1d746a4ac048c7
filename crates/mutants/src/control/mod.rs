//! Positive controls: servers that end, or leak, when they have seen what one fault of chaos does to them.
//!
//! A control proves two things: the fault reaches its target as its description says, and the harm that follows is attributed to it.
//! The server is otherwise correct. [`trace`] records what a server sees of its clients; a [`Control`] is a condition on it.

mod trace;
pub(crate) mod witness;

use std::fmt;
use std::fs::File;

pub(crate) use trace::{End, Moment, Trace, Unit, Units, What, address_number};

/// A control: a server that is defective in what one fault does.
pub struct Control {
    /// The id of the fault that alone reveals it.
    pub fault: &'static str,
    /// What ends the server, or makes it leak, in one sentence.
    pub summary: &'static str,
    pub(crate) is_met: fn(&Moment<'_>) -> bool,
    pub(crate) effect: Effect,
    pub(crate) probe: Probe,
}

/// How a control starts.
#[derive(Debug)]
pub struct Start {
    /// The control.
    pub control: &'static Control,
    /// Whether the lock file of an earlier process was found.
    pub is_stale: bool,
    /// The file to which it appends a record for each connection, if it has one.
    pub journal: Option<File>,
}

/// What a control does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It ends.
    End,
    /// It never closes the connection.
    Leak,
    /// It never frees memory that it has used for the connection.
    Grow,
}

/// How the server looks at a connection beyond reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    No,
    /// After the end of the stream, it waits before it closes the connection, to see whether a reset follows.
    AfterEnd,
    /// Before it replies, it waits a little for the end of the stream.
    BeforeReply,
    /// It writes a line for each connection to standard error, and ends if that takes long.
    Log,
    /// It writes a record for each connection to its journal, and ends if that fails.
    Journal,
    /// It ignores SIGTERM, and its replies are wrong afterwards.
    Term,
}

impl Control {
    /// Returns a control that ends.
    pub(crate) const fn new(
        fault: &'static str,
        summary: &'static str,
        is_met: fn(&Moment<'_>) -> bool,
    ) -> Self {
        Self { fault, summary, is_met, effect: Effect::End, probe: Probe::No }
    }

    pub(crate) const fn leaks(mut self) -> Self {
        self.effect = Effect::Leak;
        self
    }

    pub(crate) const fn grows(mut self) -> Self {
        self.effect = Effect::Grow;
        self
    }

    pub(crate) const fn probes(mut self, probe: Probe) -> Self {
        self.probe = probe;
        self
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("fault", &self.fault).finish_non_exhaustive()
    }
}
