//! Cases as data: the bytes to send, the expected replies, and the clause that requires them.

use driver::moves::{Act, Slot, Source};
use protocol::{Clause, Level};

use crate::resources::{ORDINARY, ResourceLimit};

/// One case of a catalogue.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each flag is an independent property, and a table row names only those that apply"
)]
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The id, such as `index/R1/2`. It never changes.
    pub id: &'static str,
    /// The clause that the case tests.
    pub clause: Clause,
    /// The level of the requirement: the level of the clause, unless the clause states another one for this part.
    pub level: Level,
    /// The requirement for a server, in one sentence.
    pub requirement: &'static str,
    /// The usual cause of a failure, in one sentence.
    pub usual_cause: &'static str,
    /// The ids of other cases on which this one depends. If one of them is violated, a violation of this case is a
    /// consequence and belongs to the clause of that one.
    pub presupposes: &'static [&'static str],
    /// The steps, in order.
    pub steps: &'static [Step],
    /// A case that burdens the target as much, without the fault that this one is about. A target that ends during both does
    /// not end because of the fault.
    pub control: Option<&'static Case>,
    /// For an INFO case: replies, and the behaviour that they indicate.
    pub meanings: &'static [(&'static str, &'static str)],
    /// The condition under which the case runs.
    pub runs: Runs,
    /// Whether no other case may run at the same time, because it may end the target or opens a hundred connections.
    pub is_alone: bool,
    /// Whether the case is conclusive only if the target is blocked until its replies are read.
    pub needs_block: bool,
    /// Whether the second half of client `A`'s replies must be about as fast as the first.
    pub compares_latency: bool,
    /// Whether unexpected replies are accepted, one for each request.
    pub is_lenient: bool,
    /// A reply with its minimum and maximum number of occurrences, if the case counts one.
    pub counts: Option<(&'static [u8], usize, usize)>,
    /// The limit that its resource samples must respect.
    pub resource_limit: ResourceLimit,
}

/// The condition under which a case runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// Always.
    Always,
    /// If the target can answer this number of requests of a hundred clients within a few seconds.
    WithPace(u32),
    /// With `--stall-limit`, whose time it waits.
    WithStallLimit,
    /// With `--process`, for a target that the kit starts.
    WithProcess,
    /// For a target that the kit starts on the loopback interface of this machine. A server at an address may be
    /// behind a proxy, so that all clients have the same address.
    WithAddresses,
    /// In this edition of the protocol and in later ones.
    InEdition(u32),
    /// For a target that the kit starts with these settings.
    WithSettings(&'static [&'static str]),
}

impl Runs {
    /// Returns the reason for which a case with this condition is skipped by default, if it is.
    #[must_use]
    pub const fn skip_reason(self) -> Option<&'static str> {
        match self {
            Self::Always | Self::WithPace(_) | Self::WithAddresses | Self::WithSettings(_) => None,
            Self::InEdition(_) => Some("the selected edition of the protocol does not require it"),
            Self::WithStallLimit => {
                Some("slow: it waits for the deadlines of the target; --stall-limit runs it")
            }
            Self::WithProcess => Some(
                "it samples the process of the target; --process runs it, with --exec, --image or the built-in server",
            ),
        }
    }
}

/// One step of a case. Most steps open their slot if it is not open.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Opens a connection and sends nothing.
    Open(Slot),
    /// Opens a connection to the alternate address of the target.
    OpenAlternate(Slot),
    /// Opens a connection from this address.
    OpenFrom(Slot, Source),
    /// Opens a connection over IPv6 to the IPv4-mapped address of the target.
    OpenMapped(Slot),
    /// Opens this number of connections of a crowd, a few at a time, and sends nothing.
    ConnectCrowd(Slot, Source),
    /// Sends bytes with one write.
    Send(Slot, Template),
    /// Sends the same bytes this number of times with one write.
    SendTimes(Slot, Template, usize),
    /// Sends bytes in parts of this size, with pauses in milliseconds between them.
    SendCut(Slot, Template, usize, u64),
    /// Sends a request and waits for its reply.
    Ask(Slot, Template, Allowed),
    /// Waits for replies.
    Expect(Slot, &'static [Allowed]),
    /// Waits for this number of equal replies.
    ExpectTimes(Slot, Allowed, usize),
    /// Pauses for this number of milliseconds.
    Pause(u64),
    /// Shuts down the sending half.
    EndSending(Slot),
    /// Shuts down the sending half, reads the remaining bytes, and closes.
    Close(Slot),
    /// Resets the connection.
    Reset(Slot),
    /// Sends bytes repeatedly without reading, until the target stops reading or this number of bytes was sent.
    Flood(Slot, Template, usize),
    /// Reads the replies to the last flood, or some of them if all would take more than this number of milliseconds.
    AwaitFlood(Slot, u64),
    /// Waits until the target closes the connection, for at most the stall limit (C5).
    AwaitEnd(Slot),
    /// Waits until the target closes the connection, for at most this number of milliseconds.
    AwaitEndWithin(Slot, u64),
    /// Waits until the target closes the connection, which it must do soon.
    Ends(Slot),
    /// Waits until the target sends this reply and closes the connection, for at most this number of milliseconds.
    EndsWithReply(Slot, Allowed, u64),
    /// Pauses for the stall limit (C5).
    PauseForStallLimit,
    /// Opens this number of connections of a crowd, a few at a time; each sends one request.
    Join(Slot, Template, Allowed),
    /// This number of members of the crowd send a request concurrently; repeated this number of times.
    AllAsk(Slot, usize, Template, Allowed),
    /// This number of members of the crowd send concurrently, without waiting for replies.
    AllSend(Slot, Template),
    /// Without the first members of the crowd, this number of members expect a reply each to what they sent.
    AllExpect(Slot, Slot, Allowed),
    /// Closes all connections.
    CloseAll,
    /// Repeats steps.
    Repeat(usize, &'static [Step]),
    /// Repeats steps at least and at most this number of times. After the first number, no further repetition begins if this number
    /// of milliseconds has passed since the first one began: a slow target gets less.
    RepeatWithin(usize, usize, u64, &'static [Step]),
    /// Makes the first steps and, if they took at most this number of milliseconds, the second ones.
    IfFast(u64, &'static [Step], &'static [Step]),
    /// Reads at most this number of bytes, with pauses in milliseconds, this number of times.
    ReadSlowly(Slot, usize, u64, usize),
    /// Resets the connections of this number of members of the crowd.
    ResetCrowd(Slot),
    /// Acts on the target's process.
    Act(Act),
    /// Samples the resources of the target's process.
    Sample,
    /// Makes steps until the samples in them decide whether memory grows ([`ResourceLimit::MemoryPerVisit`]).
    UntilDecided(&'static [Step]),
}

/// Bytes with placeholders, which [`crate::template`] describes.
pub type Template = &'static [u8];

/// The allowed replies. The bytes are literal, so that no encoder checks itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// One of these lines.
    Lines(&'static [&'static [u8]]),
    /// One of these lines, or the close of the connection.
    LinesOrEnd(&'static [&'static [u8]]),
    /// Any reply or none: the case observes the behaviour.
    Observed,
}

impl Allowed {
    /// Returns the allowed lines; empty if any line is allowed.
    #[must_use]
    pub const fn lines(self) -> &'static [&'static [u8]] {
        match self {
            Self::Lines(lines) | Self::LinesOrEnd(lines) => lines,
            Self::Observed => &[],
        }
    }

    /// Returns whether the connection may be closed instead.
    #[must_use]
    pub const fn may_end(self) -> bool {
        !matches!(self, Self::Lines(_))
    }
}

/// `OK` is required.
pub const OK: Allowed = Allowed::Lines(&[b"OK\n"]);
/// `FAIL` is required.
pub const FAIL: Allowed = Allowed::Lines(&[b"FAIL\n"]);
/// `ERROR` is required.
pub const ERROR: Allowed = Allowed::Lines(&[b"ERROR\n"]);
/// The request must be accepted as valid.
pub const OK_OR_FAIL: Allowed = Allowed::Lines(&[b"OK\n", b"FAIL\n"]);
/// Any reply except `OK`.
pub const FAIL_OR_ERROR: Allowed = Allowed::Lines(&[b"FAIL\n", b"ERROR\n"]);
/// Any of the three replies.
pub const ANY: Allowed = Allowed::Lines(&[b"OK\n", b"FAIL\n", b"ERROR\n"]);
/// Any of the three replies, or the close of the connection.
pub const ANY_OR_END: Allowed = Allowed::LinesOrEnd(&[b"OK\n", b"FAIL\n", b"ERROR\n"]);
/// `FAIL`, or the close of the connection.
pub const FAIL_OR_END: Allowed = Allowed::LinesOrEnd(&[b"FAIL\n"]);
/// Any behaviour; it is observed.
pub const OBSERVED: Allowed = Allowed::Observed;

/// The first client of a case.
pub const A: Slot = 0;
/// The second client.
pub const B: Slot = 1;
/// The third client.
pub const C: Slot = 2;
/// The fourth client.
pub const D: Slot = 3;

/// The first slot of a crowd.
pub const CROWD: Slot = 100;

/// Returns a case of this clause, at its level, without steps.
#[must_use]
pub const fn case(id: &'static str, clause: Clause, requirement: &'static str) -> Case {
    Case {
        id,
        clause,
        level: clause.level,
        requirement,
        usual_cause: "",
        presupposes: &[],
        steps: &[],
        control: None,
        meanings: &[],
        runs: Runs::Always,
        is_alone: false,
        needs_block: false,
        compares_latency: false,
        is_lenient: false,
        counts: None,
        resource_limit: ORDINARY,
    }
}

impl Case {
    /// Sets the steps.
    #[must_use]
    pub const fn steps(mut self, steps: &'static [Step]) -> Self {
        self.steps = steps;
        self
    }

    /// Sets the case with which the end of a target is compared.
    #[must_use]
    pub const fn control(mut self, control: &'static Case) -> Self {
        self.control = Some(control);
        self
    }

    /// Sets the usual cause of a failure.
    #[must_use]
    pub const fn cause(mut self, usual_cause: &'static str) -> Self {
        self.usual_cause = usual_cause;
        self
    }

    /// Sets the other cases on which the case depends.
    #[must_use]
    pub const fn presupposes(mut self, cases: &'static [&'static str]) -> Self {
        self.presupposes = cases;
        self
    }

    /// Sets the meanings of replies, for an INFO case.
    #[must_use]
    pub const fn means(mut self, meanings: &'static [(&'static str, &'static str)]) -> Self {
        self.meanings = meanings;
        self
    }

    /// Sets a level other than that of the clause.
    #[must_use]
    pub const fn at(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Sets the condition under which the case runs.
    #[must_use]
    pub const fn runs(mut self, runs: Runs) -> Self {
        self.runs = runs;
        self
    }

    /// Makes the case conclusive only if the target is blocked.
    #[must_use]
    pub const fn needs_block(mut self) -> Self {
        self.needs_block = true;
        self
    }

    /// Requires the second half of client `A`'s replies to be about as fast as the first.
    #[must_use]
    pub const fn compares_latency(mut self) -> Self {
        self.compares_latency = true;
        self
    }

    /// Accepts unexpected replies.
    #[must_use]
    pub const fn lenient(mut self) -> Self {
        self.is_lenient = true;
        self
    }

    /// Requires a reply exactly this number of times.
    #[must_use]
    pub const fn exactly(mut self, reply: &'static [u8], times: usize) -> Self {
        self.counts = Some((reply, times, times));
        self
    }

    /// Requires a reply at least this number of times.
    #[must_use]
    pub const fn at_least(mut self, reply: &'static [u8], times: usize) -> Self {
        self.counts = Some((reply, times, usize::MAX));
        self
    }

    /// Sets the limit that the resource samples must respect.
    #[must_use]
    pub const fn resource_limit(mut self, resource_limit: ResourceLimit) -> Self {
        self.resource_limit = resource_limit;
        self
    }

    /// Prevents other cases from running at the same time.
    #[must_use]
    pub const fn alone(mut self) -> Self {
        self.is_alone = true;
        self
    }
}

/// Returns a step in which client `A` sends a request and waits for its reply.
#[must_use]
pub const fn ask(line: Template, reply: Allowed) -> Step {
    Step::Ask(A, line, reply)
}
