//! The evidence about one scene: facts that were observed, without a judgement.

use std::time::Duration;

use driver::moves::Act;
use protocol::Clause;
use verdict::Finding;

/// Everything that is known about a scene once it is closed.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// The requirements of the scene.
    pub(crate) requirements: Requirements,
    /// The progress of the scene.
    pub(crate) progress: Progress,
    /// Why the target is gone, if it is.
    pub(crate) target_lost: Option<String>,
    /// The incidents in order.
    pub(crate) incidents: Vec<Noted>,
    /// Violations of the protocol's invariant by requests that were sent during the scene.
    pub(crate) violations: Vec<Finding>,
    /// The time after which the newcomer was served, in nanoseconds; none if it was not served.
    pub(crate) newcomer_waited_ns: Option<u64>,
    /// The number of times a bystander received the reply that it wanted.
    pub(crate) served: u64,
    /// The number of times a bystander was refused, as the protocol allows.
    pub(crate) refused: u64,
    /// Sorted latencies of bystanders, in nanoseconds, for requests due before the first fault of the run.
    pub(crate) quiet_latencies_ns: Vec<u64>,
    /// Sorted latencies of bystanders, in nanoseconds, for requests due during the scene.
    pub(crate) latencies_ns: Vec<u64>,
    /// The sorted parts of these latencies in which the target did not work for the clients at fault, in nanoseconds.
    pub(crate) idle_waits_ns: Vec<u64>,
    /// The processor time that the target used while it had nothing to do, if that is much.
    pub(crate) idle_cpu: Option<IdleCpu>,
    /// Delays that the machine caused.
    pub(crate) delays: Delays,
    /// The judgement of the clients at fault.
    pub(crate) at_fault: AtFault,
}

/// The requirements of a scene, from the rows of the fault and of the protocol.
#[expect(clippy::struct_excessive_bools, reason = "each is an independent property of the fault")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requirements {
    /// The clauses that harm to other clients violates.
    pub(crate) clauses: HarmClauses,
    /// The clause that a target violates if clients wait for long, or at all without a fault.
    pub(crate) kept_waiting: Clause,
    /// Returns the clause that an incorrect reply to this request violates without a fault.
    pub(crate) without_fault: fn(&str) -> Clause,
    /// The clause about resources that a target violates which uses a processor while it has nothing to do, if there is one.
    pub(crate) idle: Option<Clause>,
    /// Whether the protocol promises that other clients are served during the fault.
    pub(crate) is_promised: bool,
    /// Whether the target may refuse requests during the fault, because it cannot know its state.
    pub(crate) may_refuse: bool,
    /// Whether the fault ends the target.
    pub(crate) ends_target: bool,
    /// Whether the scene is inconclusive unless a client blocked the target.
    pub(crate) needs_block: bool,
    /// The shortest deadline that a target may set for an idle client, if the protocol has one.
    pub(crate) deadline: Option<Duration>,
    /// The newcomer's request and reply.
    pub(crate) newcomer: Newcomer,
}

/// The clauses that harm to other clients violates, all of them MUST but that of the newcomer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HarmClauses {
    /// They receive no reply.
    pub(crate) silent: Clause,
    /// A client that connects afterwards receives no reply. With a clause that is a SHOULD, this is a warning.
    pub(crate) newcomer: Clause,
    /// Their connections are closed.
    pub(crate) closed: Clause,
    /// The history of all requests is impossible.
    pub(crate) impossible: Clause,
    /// The target is gone.
    pub(crate) gone: Clause,
    /// Anything else.
    pub(crate) other: Clause,
}

impl HarmClauses {
    /// Returns the same clause for all harm.
    pub(crate) const fn all(clause: Clause) -> Self {
        Self {
            silent: clause,
            newcomer: clause,
            closed: clause,
            impossible: clause,
            gone: clause,
            other: clause,
        }
    }
}

/// Shares of a processor that a target uses, or on a busy machine waits for, while only bystanders send requests, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IdleCpu {
    /// Before the first fault.
    pub(crate) before_percent: u64,
    /// After the fault, or during a fault in which it cannot do anything.
    pub(crate) after_percent: u64,
}

/// A client that connects after a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newcomer {
    /// The request.
    pub(crate) request: &'static [u8],
    /// Returns whether a reply means that the newcomer is served.
    pub(crate) is_served: fn(&[u8]) -> bool,
    /// A description of such a reply.
    pub(crate) wanted: &'static str,
}

/// The progress of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The fault did not begin.
    NotBegun,
    /// The fault began, and its steps did not all run.
    Incomplete,
    /// All steps of the fault ran.
    Complete,
}

/// An incident and its circumstances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    /// The number of the bystander concerned.
    pub(crate) client: Option<u32>,
    /// What happened.
    pub(crate) incident: Incident,
    /// When it happened, relative to the fault.
    pub(crate) time: IncidentTime,
}

/// When an incident happened, or when what led to it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IncidentTime {
    /// Before the first fault of this target process.
    BeforeFaults,
    /// During the fault.
    During,
    /// After the fault.
    After,
}

/// Something that happened during a scene and that may be harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Incident {
    /// An action on the process or the path had no effect, so the fault did not occur.
    ActionFailed(Act),
    /// A bystander received a reply that is incorrect.
    IncorrectReply {
        /// The request.
        request: String,
        /// The reply.
        actual: String,
        /// The correct reply.
        expected: String,
        /// Whether the reply refuses the request, so that it states nothing.
        is_refusal: bool,
    },
    /// A bystander received bytes that belong to no request.
    UnsolicitedBytes {
        /// The last request.
        after: String,
        /// The bytes.
        bytes: String,
    },
    /// A bystander received no reply.
    NoReply {
        /// The request; empty if the connection was idle.
        request: String,
        /// The event instead of the reply.
        instead: Instead,
        /// Whether it was never served on this connection, as a target above its limits may do.
        is_unserved: bool,
    },
    /// A bystander's idle connection was closed.
    IdleConnectionClosed,
    /// A bystander's session did not end as the protocol requires.
    SessionBroken {
        /// The clause about the end of a session.
        clause: Clause,
        /// How it ended.
        end: SessionEnd,
        /// The last message that the bystander sent.
        sent: String,
        /// The observation.
        actual: String,
    },
    /// A bystander received a challenge that takes too long to solve.
    ChallengeTooHard {
        /// The difficulty of the challenge, in bits.
        bits: u8,
        /// The highest difficulty that bystanders solve, in bits.
        bits_max: u8,
    },
    /// The newcomer could not be started, for lack of resources on this machine.
    NewcomerNotStarted(String),
    /// The newcomer was not served.
    NewcomerNotServed(Instead),
}

impl Incident {
    /// Returns whether a client other than those at fault waits for a reply without end.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(self, Self::NoReply { instead, .. } | Self::NewcomerNotServed(instead) if instead.is_nothing())
    }

    /// Returns whether it means that a client was not served, rather than served incorrectly.
    pub(crate) fn is_about_service(&self) -> bool {
        matches!(self, Self::NoReply { .. } | Self::IdleConnectionClosed | Self::SessionBroken { .. })
    }
}

/// The event that a client received instead of the expected reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    /// Another reply.
    Reply(String),
    /// Nothing before the timeout.
    Nothing {
        /// The time that the client waited, in nanoseconds.
        waited_ns: u64,
        /// The lateness of the harness during that time, in nanoseconds.
        late_ns: u64,
    },
    /// An error of the connection.
    Error(String),
    /// The end of the connection.
    End,
}

/// The end of a session that is not as the protocol requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionEnd {
    /// The connection stays open after the last reply.
    StaysOpen,
    /// The connection was reset.
    Reset,
    /// The connection was closed before the last reply.
    TooEarly,
}

/// Delays that the machine caused, which are not the target's fault.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delays {
    /// The largest lateness of the harness, in nanoseconds.
    pub(crate) harness_ns: u64,
    /// The longest time that the target was ready to run without a processor, in nanoseconds.
    pub(crate) target_ns: u64,
    /// The largest share of half a second for which a target with one thread was ready to run without a processor, in percent. The
    /// threads of others may have delayed each other.
    pub(crate) target_percent: u64,
    /// The same for a target with any number of threads, but only while it used less than a processor.
    pub(crate) starved_percent: u64,
}

impl Delays {
    /// Returns the larger delay, in nanoseconds.
    pub(crate) fn longest_ns(self) -> u64 {
        self.harness_ns.max(self.target_ns)
    }
}

/// The judgement of the clients at fault, by the judge of conformance cases.
#[derive(Clone, Debug, Default)]
pub(crate) struct AtFault {
    /// The finding about an incorrect reply or a resource bound, if there is one.
    pub(crate) finding: Option<Finding>,
    /// Whether the finding is that the target's memory exceeds a bound.
    pub(crate) is_beyond_memory: bool,
    /// Why the case is inconclusive, if it is.
    pub(crate) cause: Option<String>,
    /// Why the scene cannot decide anything about this target, if it cannot: it is too slow, or the fault does not occur.
    pub(crate) left_out: Option<String>,
    /// Whether a client never got its reply.
    pub(crate) waiting: Waiting,
    /// The clause to which the finding belongs because the target loses lines that arrive together, if it does and the scene
    /// contains such lines, or because it does not reply to a client that has shut down its sending half.
    pub(crate) lost_lines: Option<Clause>,
    /// Whether it loses lines whose replies would block it, so that the fault cannot occur.
    pub(crate) cannot_be_blocked: bool,
}

/// Clients at fault that never got a reply.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waiting {
    /// Whether there is one.
    pub(crate) has_any: bool,
    /// Whether one of them belongs to a crowd.
    pub(crate) has_crowd: bool,
    /// Whether one of them has sent its request after the end of the fault.
    pub(crate) has_later: bool,
}
