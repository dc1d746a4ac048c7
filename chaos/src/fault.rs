//! Faults as data: what is done to a connection, in which state of the protocol, and what has to hold afterwards.

use std::sync::OnceLock;

use harness::moves::Slot;
use harness::suite::case::Step::{Ask, Flood, Pause, Repeat, Send};
use harness::suite::case::{A, Allowed, Case, D, FAIL, OK_OR_FAIL, Step, Template, ask, case};
use harness::suite::resources::Keeps;
use protocol::{Clause, Level};

use crate::catalogue;

/// One fault.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of a fault, and a row names those that hold"
)]
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Its id, such as `disconnects/reset`, which never changes.
    pub id: &'static str,
    /// The clause that is broken where it harms.
    pub clause: Clause,
    /// How binding it is that nothing of it harms.
    pub level: Level,
    /// What is done, in a sentence.
    pub summary: &'static str,
    /// How often, how much, how long, with units.
    pub parameters: &'static str,
    /// The states in which it is done.
    pub states: &'static [State],
    /// What is done to client `A`, once it is in that state.
    pub steps: &'static [Step],
    /// Whether the protocol promises that others are served meanwhile, and not only afterwards.
    pub is_promised: bool,
    /// Whether it takes a target that the harness started.
    pub needs_process: bool,
    /// Whether the target ends by it, and is started again.
    pub ends_target: bool,
    /// Whether it proves something only if the target had to wait for the client.
    pub needs_block: bool,
    /// What the samples in its steps have to show.
    pub keeps: Option<Keeps>,
}

/// What a connection is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Its last request was answered.
    Idle,
    /// Half a line was sent.
    MidLine,
    /// A request was sent, and its reply has not been read.
    AwaitingReply,
    /// The target writes replies that nobody reads.
    MidReply,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Idle, Self::MidLine, Self::AwaitingReply, Self::MidReply];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::MidLine => "mid-line",
            Self::AwaitingReply => "awaiting-reply",
            Self::MidReply => "mid-reply",
        }
    }

    /// How a connection comes to it.
    const fn steps(self) -> &'static [Step] {
        match self {
            Self::Idle => const { &[ask(b"QUERY|{a}|\n", FAIL)] },
            Self::MidLine => const { &[ask(b"QUERY|{a}|\n", FAIL), Send(A, b"INDEX|{a}|"), Pause(50)] },
            Self::AwaitingReply => const { &[ask(b"QUERY|{a}|\n", FAIL), Send(A, b"INDEX|{b}|\n")] },
            Self::MidReply => &[Flood(A, REQUESTS, FLOOD_BYTES)],
        }
    }

    /// What has to hold afterwards: half a line was no request (F4), and a request whose reply was lost happened or not.
    const fn truth(self) -> Step {
        match self {
            Self::Idle | Self::MidLine | Self::MidReply => ask_new(b"QUERY|{a}|\n", FAIL),
            Self::AwaitingReply => ask_new(b"QUERY|{b}|\n", OK_OR_FAIL),
        }
    }
}

/// Requests whose replies are as long as they are.
pub(crate) const REQUESTS: Template = b"QUERY|z|\n?\n";

/// More than the system holds on its way, requests and replies together.
pub(crate) const FLOOD_BYTES: usize = 32 << 20;

/// Client `D` comes and asks.
const fn ask_new(line: Template, reply: Allowed) -> Step {
    Ask(D, line, reply)
}

/// A fault of an idle connection, with nothing done yet.
pub(crate) const fn fault(id: &'static str, clause: Clause, summary: &'static str) -> Fault {
    Fault {
        id,
        clause,
        level: clause.level,
        summary,
        parameters: "",
        states: &[State::Idle],
        steps: &[],
        is_promised: true,
        needs_process: false,
        ends_target: false,
        needs_block: false,
        keeps: None,
    }
}

impl Fault {
    pub(crate) const fn with(mut self, parameters: &'static str) -> Self {
        self.parameters = parameters;
        self
    }

    pub(crate) const fn states(mut self, states: &'static [State]) -> Self {
        self.states = states;
        self
    }

    pub(crate) const fn steps(mut self, steps: &'static [Step]) -> Self {
        self.steps = steps;
        self
    }

    /// The protocol promises nothing while it lasts.
    pub(crate) const fn beyond_promises(mut self) -> Self {
        self.is_promised = false;
        self
    }

    pub(crate) const fn of_process(mut self) -> Self {
        self.needs_process = true;
        self
    }

    pub(crate) const fn ends_target(mut self) -> Self {
        self.ends_target = true;
        self.needs_process = true;
        self
    }

    pub(crate) const fn needs_block(mut self) -> Self {
        self.needs_block = true;
        self
    }

    pub(crate) const fn keeps(mut self, keeps: Keeps) -> Self {
        self.keeps = Some(keeps);
        self.needs_process = true;
        self
    }

    /// The fault in one of its states, as a case.
    fn in_state(&self, state: State) -> Case {
        let parts: [Step; 3] = [Repeat(1, state.steps()), Repeat(1, self.steps), state.truth()];
        // Built once for each row of the catalogue, and kept as long as the catalogue.
        let id: &'static str = Box::leak(format!("{}/{}", self.id, state.name()).into_boxed_str());
        let steps: &'static [Step] = Box::leak(Box::new(parts));
        let plain = case(id, self.clause, self.summary).steps(steps).at(self.level).lenient();
        let kept = self.keeps.map_or(plain, |keeps| plain.keeps(keeps));
        if self.needs_block || state == State::MidReply { kept.needs_block() } else { kept }
    }
}

/// A fault in a state: what a schedule is made of.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// The fault.
    pub fault: &'static Fault,
    /// The state.
    pub state: State,
    /// Both as a case; its id names both.
    pub case: &'static Case,
}

/// All faults in all their states.
pub fn scenes() -> &'static [Scene] {
    static SCENES: OnceLock<Vec<Scene>> = OnceLock::new();
    SCENES.get_or_init(|| {
        let of_fault = |fault: &'static Fault| {
            let scene = move |&state: &State| {
                let case: &'static Case = Box::leak(Box::new(fault.in_state(state)));
                Scene { fault, state, case }
            };
            fault.states.iter().map(scene)
        };
        catalogue::faults().flat_map(of_fault).collect()
    })
}

/// The scene with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Scene> {
    scenes().iter().find(|scene| scene.case.id == id)
}

/// The slot of the client that comes after a fault to see whether it is served; no case uses it.
pub(crate) const NEWCOMER: Slot = Slot::MAX - 1;
