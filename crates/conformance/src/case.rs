//! Cases as data: what is sent, what has to come, and which clause says so.

use protocol::{Clause, Level};

use crate::resources::{Keeps, ORDINARY};
use driver::moves::Act;
use driver::moves::Slot;
use driver::moves::Source;

/// One case of a catalogue.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of a case, and a row names those that hold"
)]
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its id, such as `index/R1/2`, which never changes.
    pub id: &'static str,
    /// The clause that it tests.
    pub clause: Clause,
    /// How binding what it tests is: the clause's level, unless the clause says otherwise of this part.
    pub level: Level,
    /// What a server has to do, in a sentence.
    pub requirement: &'static str,
    /// What is usually wrong with a server that fails, in a sentence.
    pub usual_cause: &'static str,
    /// What is done, in order.
    pub steps: &'static [Step],
    /// For an INFO case: replies, and what they say of the server.
    pub meanings: &'static [(&'static str, &'static str)],
    /// When it is run.
    pub runs: Runs,
    /// Whether it may end the target or takes a hundred connections, so that nothing else may be under way.
    pub is_alone: bool,
    /// Whether it proves something only if the target has to wait until its replies are read.
    pub needs_block: bool,
    /// Whether the second half of client `A`'s replies has to come as quickly as the first.
    pub compares_latency: bool,
    /// Whether replies that no step expects are taken as they come, one for each request.
    pub is_lenient: bool,
    /// A reply that has to come so many times in all, at least and at most, if there is one.
    pub counts: Option<(&'static [u8], usize, usize)>,
    /// What its samples have to show.
    pub keeps: Keeps,
}

/// When a case is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// Always.
    Always,
    /// Where the target is quick enough to answer this many requests of a hundred clients in a few seconds.
    WithPace(u32),
    /// With `--stall-limit`: it waits as long.
    WithStallLimit,
    /// With `--process`, where the harness starts the target.
    WithProcess,
    /// Where the harness starts the target on this machine's loopback, so that it sees clients of several addresses as such:
    /// what listens at an address may be a relay, for whose target all clients are one.
    WithAddresses,
    /// Where the harness starts the target, and tells it these settings.
    WithSettings(&'static [&'static str]),
}

impl Runs {
    /// Why a case of this kind was not run, when it was not asked for.
    #[must_use]
    pub const fn on_request(self) -> Option<&'static str> {
        match self {
            Self::Always | Self::WithPace(_) | Self::WithAddresses | Self::WithSettings(_) => None,
            Self::WithStallLimit => Some("slow: it waits for the target's deadlines; --stall-limit runs it"),
            Self::WithProcess => Some(
                "it watches the target's process; --process runs it, with --exec, --image or the built-in server",
            ),
        }
    }
}

/// One thing that is done in a case. Slots are opened when they are first used.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Opens a connection and says nothing.
    Open(Slot),
    /// Opens a connection by way of the relay that stands before the target.
    OpenAlternate(Slot),
    /// Opens a connection from this address.
    OpenFrom(Slot, Source),
    /// Opens a connection by IPv6 to the target's IPv4 address.
    OpenMapped(Slot),
    /// So many of a crowd connect, a few at a time, and say nothing.
    Gather(Slot, Source),
    /// Sends bytes, all at once.
    Send(Slot, Template),
    /// Sends the same bytes so many times, all in one segment if it holds them.
    SendTimes(Slot, Template, usize),
    /// Sends bytes cut into parts of so many, with milliseconds between them.
    SendCut(Slot, Template, usize, u64),
    /// Sends a line and awaits its reply.
    Ask(Slot, Template, Allowed),
    /// Awaits replies.
    Expect(Slot, &'static [Allowed]),
    /// Awaits so many replies, all alike.
    ExpectTimes(Slot, Allowed, usize),
    /// Lets milliseconds pass.
    Pause(u64),
    /// Ends the sending half.
    EndSending(Slot),
    /// Ends the sending half, takes in what still comes, and closes.
    Close(Slot),
    /// Vanishes.
    Reset(Slot),
    /// Sends bytes over and over and reads no reply, until no more are taken or so many went.
    Flood(Slot, Template, usize),
    /// Waits until the target ends the connection, for as long as it may take (C5).
    AwaitEnd(Slot),
    /// The same, for milliseconds at the most.
    AwaitEndWithin(Slot, u64),
    /// Waits until the target ends the connection, which it does soon.
    Ends(Slot),
    /// Waits until the target says this and ends the connection, for milliseconds at the most.
    EndsSaying(Slot, Allowed, u64),
    /// Waits for as long as a stalled client may be kept (C5).
    PauseForStallLimit,
    /// So many clients more connect, a few at a time; each asks once.
    Join(Slot, Template, Allowed),
    /// So many of them ask at the same time, this many times.
    AllAsk(Slot, usize, Template, Allowed),
    /// So many of them send at the same time, and await nothing.
    AllSend(Slot, Template),
    /// All that are open are closed.
    CloseAll,
    /// The same steps over and over.
    Repeat(usize, &'static [Step]),
    /// Takes in so many bytes at the most, this many times, with milliseconds between them.
    TakeSlowly(Slot, usize, u64, usize),
    /// So many of a crowd vanish.
    ResetCrowd(Slot),
    /// Does something to the target's process.
    Act(Act),
    /// Looks what the target's process takes of its machine.
    Sample,
}

/// Bytes with places to be filled in; [`crate::template`] says which.
pub type Template = &'static [u8];

/// What may come as a reply. The bytes are literal, so that no encoder checks itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// One of these lines.
    Lines(&'static [&'static [u8]]),
    /// One of these lines, or the end of the connection.
    LinesOrEnd(&'static [&'static [u8]]),
    /// Any reply or none, which is what the case is there to find out.
    Observed,
}

impl Allowed {
    /// The lines that are right; none if any is.
    #[must_use]
    pub const fn lines(self) -> &'static [&'static [u8]] {
        match self {
            Self::Lines(lines) | Self::LinesOrEnd(lines) => lines,
            Self::Observed => &[],
        }
    }

    /// Whether the connection may end instead.
    #[must_use]
    pub const fn may_end(self) -> bool {
        !matches!(self, Self::Lines(_))
    }
}

/// `OK` has to come.
pub const OK: Allowed = Allowed::Lines(&[b"OK\n"]);
/// `FAIL` has to come.
pub const FAIL: Allowed = Allowed::Lines(&[b"FAIL\n"]);
/// `ERROR` has to come.
pub const ERROR: Allowed = Allowed::Lines(&[b"ERROR\n"]);
/// The request has to be taken for one.
pub const OK_OR_FAIL: Allowed = Allowed::Lines(&[b"OK\n", b"FAIL\n"]);
/// Anything but `OK`.
pub const FAIL_OR_ERROR: Allowed = Allowed::Lines(&[b"FAIL\n", b"ERROR\n"]);
/// Any of the three replies.
pub const ANY: Allowed = Allowed::Lines(&[b"OK\n", b"FAIL\n", b"ERROR\n"]);
/// Any of the three replies, or the end of the connection.
pub const ANY_OR_END: Allowed = Allowed::LinesOrEnd(&[b"OK\n", b"FAIL\n", b"ERROR\n"]);
/// `FAIL`, or the end of the connection.
pub const FAIL_OR_END: Allowed = Allowed::LinesOrEnd(&[b"FAIL\n"]);
/// To be found out.
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

/// A case of this clause, at its level, without steps yet.
#[must_use]
pub const fn case(id: &'static str, clause: Clause, requirement: &'static str) -> Case {
    Case {
        id,
        clause,
        level: clause.level,
        requirement,
        usual_cause: "",
        steps: &[],
        meanings: &[],
        runs: Runs::Always,
        is_alone: false,
        needs_block: false,
        compares_latency: false,
        is_lenient: false,
        counts: None,
        keeps: ORDINARY,
    }
}

impl Case {
    /// What is done, in order.
    #[must_use]
    pub const fn steps(mut self, steps: &'static [Step]) -> Self {
        self.steps = steps;
        self
    }

    /// What is usually wrong with a server that fails.
    #[must_use]
    pub const fn cause(mut self, usual_cause: &'static str) -> Self {
        self.usual_cause = usual_cause;
        self
    }

    /// What replies say of the server, for an INFO case.
    #[must_use]
    pub const fn means(mut self, meanings: &'static [(&'static str, &'static str)]) -> Self {
        self.meanings = meanings;
        self
    }

    /// Another level than the clause's.
    #[must_use]
    pub const fn at(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// When it is run.
    #[must_use]
    pub const fn runs(mut self, runs: Runs) -> Self {
        self.runs = runs;
        self
    }

    /// It proves something only if the target had to wait.
    #[must_use]
    pub const fn needs_block(mut self) -> Self {
        self.needs_block = true;
        self
    }

    /// The second half of client `A`'s replies has to come as quickly as the first.
    #[must_use]
    pub const fn compares_latency(mut self) -> Self {
        self.compares_latency = true;
        self
    }

    /// Replies that no step expects are taken as they come.
    #[must_use]
    pub const fn lenient(mut self) -> Self {
        self.is_lenient = true;
        self
    }

    /// A reply that has to come so many times in all.
    #[must_use]
    pub const fn exactly(mut self, reply: &'static [u8], times: usize) -> Self {
        self.counts = Some((reply, times, times));
        self
    }

    /// A reply that has to come so many times at least.
    #[must_use]
    pub const fn at_least(mut self, reply: &'static [u8], times: usize) -> Self {
        self.counts = Some((reply, times, usize::MAX));
        self
    }

    /// What its samples have to show.
    #[must_use]
    pub const fn keeps(mut self, keeps: Keeps) -> Self {
        self.keeps = keeps;
        self
    }

    /// Nothing else may be under way.
    #[must_use]
    pub const fn alone(mut self) -> Self {
        self.is_alone = true;
        self
    }
}

/// Client `A` sends a line and awaits its reply.
#[must_use]
pub const fn ask(line: Template, reply: Allowed) -> Step {
    Step::Ask(A, line, reply)
}
