//! The clients of a chaos run: one that makes the faults, the bystanders, and one that keeps time.

use std::rc::Rc;
use std::time::Duration;

use harness::moves::{Came, Move, Script};
use harness::suite::plan::CasePlan;
use harness::suite::script::CaseScript;

use crate::fault::NEWCOMER;

/// How many well-behaved clients there are.
pub const BYSTANDERS: u32 = 32;

/// The client that makes the faults.
pub const CONDUCTOR: u32 = BYSTANDERS;

/// The client that keeps time and looks at the target's process.
pub const TIMEKEEPER: u32 = BYSTANDERS + 1;

/// How often each bystander asks.
const ASK_INTERVAL: Duration = Duration::from_millis(50);

/// How long nothing is done before the first fault, so that there is something to compare with.
pub const QUIET: Duration = Duration::from_secs(2);

/// How long nothing is done after each fault.
const GAP: Duration = Duration::from_millis(100);

/// How often time is kept: twenty times a second.
pub const TICK: Duration = Duration::from_millis(50);

/// The parts of a step, as the conductor marks them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The fault begins.
    Fault,
    /// It is over, and a newcomer asks to be served.
    Newcomer,
    /// The step is over.
    Over,
}

const PARTS: u32 = 3;

/// The number that marks a part of a step.
#[must_use]
pub const fn mark(step: u32, part: Part) -> u32 {
    step * PARTS + part as u32
}

/// The step and the part that a number marks.
#[must_use]
pub const fn marked(number: u32) -> (usize, Part) {
    let part = match number % PARTS {
        0 => Part::Fault,
        1 => Part::Newcomer,
        _ => Part::Over,
    };
    ((number / PARTS) as usize, part)
}

/// Any client of a run.
#[derive(Debug)]
pub enum Client {
    /// A well-behaved one.
    Bystander(Bystander),
    /// The one that makes the faults.
    Conductor(Box<Conductor>),
    /// The one that keeps time.
    Timekeeper(Timekeeper),
}

impl Script for Client {
    fn next(&mut self, came: Came<'_>) -> Move<'_> {
        match self {
            Self::Bystander(script) => script.next(came),
            Self::Conductor(script) => script.next(came),
            Self::Timekeeper(script) => script.next(came),
        }
    }
}

/// Asks at fixed times, on a package of its own: INDEX, QUERY, REMOVE, QUERY, and again with another one.
#[derive(Debug)]
pub struct Bystander {
    number: u32,
    seed: u64,
    /// How many requests were begun in all.
    turns: u64,
    /// How many of them on the connection that is open.
    asked: u64,
    /// How often the connection was lost.
    lives: u32,
    at: BystanderAt,
    line: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum BystanderAt {
    Closed,
    Opened,
    Waited,
    Sent,
}

impl Bystander {
    /// One that has not begun.
    #[must_use]
    pub fn new(number: u32, seed: u64) -> Self {
        Self { number, seed, turns: 0, asked: 0, lives: 0, at: BystanderAt::Closed, line: Vec::new() }
    }

    /// When a bystander's request is due, from the beginning of the run. Their turns are spread evenly. What was due while
    /// there was no connection is made up for, late as it is.
    #[must_use]
    pub fn planned(number: u32, request: u64) -> Duration {
        let turn = ASK_INTERVAL * number / BYSTANDERS;
        turn + ASK_INTERVAL * u32::try_from(request + 1).unwrap_or(u32::MAX)
    }

    /// The reply that a request has to get, on a connection where `before` were answered.
    #[must_use]
    pub fn expected(before: u64) -> &'static [u8] {
        match before % 4 {
            0..=2 => b"OK",
            _ => b"FAIL",
        }
    }

    /// The line of a request, on a connection where `before` were sent. Each life has names of its own: what was lost
    /// with the last one may have happened or not.
    fn line(&self, before: u64) -> Vec<u8> {
        let command = match before % 4 {
            0 => "INDEX",
            2 => "REMOVE",
            _ => "QUERY",
        };
        let Self { number, seed, lives, .. } = self;
        format!("{command}|bystander-{seed}-{number}-{lives}-{}|\n", before / 4).into_bytes()
    }

    fn next(&mut self, came: Came<'_>) -> Move<'_> {
        if came == Came::Trouble {
            self.lives += 1;
            self.at = BystanderAt::Closed;
            // Nobody is helped by one that knocks without a pause.
            return Move::Pause(ASK_INTERVAL);
        }
        match self.at {
            BystanderAt::Closed => {
                self.at = BystanderAt::Opened;
                self.asked = 0;
                Move::Open(0)
            }
            BystanderAt::Opened => {
                self.at = BystanderAt::Waited;
                Move::Until(Self::planned(self.number, self.turns))
            }
            BystanderAt::Waited => {
                self.at = BystanderAt::Sent;
                self.line = self.line(self.asked);
                self.asked += 1;
                self.turns += 1;
                Move::Send(0, &self.line)
            }
            BystanderAt::Sent => {
                self.at = BystanderAt::Opened;
                Move::Await(0, 1)
            }
        }
    }
}

/// Makes one fault after the other; after each, a newcomer asks to be served.
#[derive(Debug)]
pub struct Conductor {
    plans: Vec<Rc<CasePlan>>,
    /// Which step is under way, and how far it is.
    step: u32,
    at: ConductorAt,
    case: Option<CaseScript>,
}

#[derive(Clone, Copy, Debug)]
enum ConductorAt {
    Begin,
    Mark,
    Case,
    MarkNewcomer,
    OpenNewcomer,
    Ask,
    Await,
    Close,
    MarkOver,
    Gap,
}

impl Conductor {
    /// One that has not begun.
    #[must_use]
    pub fn new(plans: Vec<Rc<CasePlan>>) -> Self {
        Self { plans, step: 0, at: ConductorAt::Begin, case: None }
    }

    fn next(&mut self, came: Came<'_>) -> Move<'_> {
        let is_trouble = came == Came::Trouble;
        let step = self.step;
        match self.at {
            ConductorAt::Begin => {
                self.at = ConductorAt::Mark;
                Move::Until(QUIET)
            }
            ConductorAt::Mark => {
                let Some(plan) = self.plans.get(step as usize) else { return Move::Done };
                self.case = Some(CaseScript::new(Rc::clone(plan)));
                self.at = ConductorAt::Case;
                Move::Mark(mark(step, Part::Fault))
            }
            ConductorAt::Case => {
                let Some(script) = &mut self.case else { return Move::Done };
                let next = script.next(came);
                if next != Move::Done {
                    return next;
                }
                self.at = ConductorAt::MarkNewcomer;
                Move::CloseAll
            }
            ConductorAt::MarkNewcomer => {
                self.at = ConductorAt::OpenNewcomer;
                Move::Mark(mark(step, Part::Newcomer))
            }
            ConductorAt::OpenNewcomer => {
                self.at = ConductorAt::Ask;
                Move::Open(NEWCOMER)
            }
            ConductorAt::Ask if !is_trouble => {
                self.at = ConductorAt::Await;
                Move::Send(NEWCOMER, b"QUERY|newcomer|\n")
            }
            ConductorAt::Await if !is_trouble => {
                self.at = ConductorAt::Close;
                Move::Await(NEWCOMER, 1)
            }
            ConductorAt::Close if !is_trouble => {
                self.at = ConductorAt::MarkOver;
                Move::Close(NEWCOMER)
            }
            ConductorAt::Ask | ConductorAt::Await | ConductorAt::Close | ConductorAt::MarkOver => {
                self.at = ConductorAt::Gap;
                Move::Mark(mark(step, Part::Over))
            }
            ConductorAt::Gap => {
                self.step += 1;
                self.at = ConductorAt::Mark;
                Move::Pause(GAP)
            }
        }
    }
}

/// Notes at fixed times that it is there, and what the target's process takes. How late it is says how late everybody
/// is.
#[derive(Debug)]
pub struct Timekeeper {
    ticks: u32,
    /// Three moves a tick: wait, note, look.
    at: u8,
}

impl Timekeeper {
    /// One that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self { ticks: 0, at: 0 }
    }

    fn next(&mut self, _: Came<'_>) -> Move<'_> {
        self.at = (self.at + 1) % 3;
        match self.at {
            1 => {
                self.ticks += 1;
                Move::Until(TICK * self.ticks)
            }
            2 => Move::Mark(self.ticks),
            _ => Move::Sample,
        }
    }
}

impl Default for Timekeeper {
    fn default() -> Self {
        Self::new()
    }
}
