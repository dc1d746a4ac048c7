//! The clients of a chaos run: one that makes the faults, the bystanders, and one that keeps time.

use std::rc::Rc;
use std::time::Duration;

use conformance::plan::CasePlan;
use conformance::script::CaseScript;
use driver::moves::Move;
use driver::moves::MoveResult;
use driver::moves::Script;
use driver::moves::Slot;
use driver::moves::Source;

use crate::fault::NEWCOMER;
use crate::kit::Kit;

/// How many well-behaved clients there are.
pub const BYSTANDERS: u32 = 32;

/// The client that makes the faults.
pub const CONDUCTOR: u32 = BYSTANDERS;

/// The client that keeps time and looks at the target's process.
pub const TIMEKEEPER: u32 = BYSTANDERS + 1;

/// How long nothing is done before the first fault, so that there is something to compare with.
pub const QUIET: Duration = Duration::from_secs(2);

/// How long nothing is done after each fault.
const GAP: Duration = Duration::from_millis(100);

/// How often time is kept: twenty times a second.
pub const TICK: Duration = Duration::from_millis(50);

/// The first of the addresses that newcomers come from, far from all others.
const NEWCOMERS: u32 = 3_000_000_000;

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

/// When the request of a bystander is due that so many were due before, from the beginning of the run, if each asks once in
/// an interval. Their turns are spread evenly. What was due while there was no connection is made up for, late as it is.
#[must_use]
pub fn planned(ask_interval: Duration, number: u32, request: u64) -> Duration {
    let turn = ask_interval * number / BYSTANDERS;
    turn + ask_interval * u32::try_from(request + 1).unwrap_or(u32::MAX)
}

/// Any client of a run.
pub enum Client {
    /// A well-behaved one.
    Bystander(Box<dyn Script>),
    /// The one that makes the faults.
    Conductor(Box<Conductor>),
    /// The one that keeps time.
    Timekeeper(Timekeeper),
}

impl Script for Client {
    fn next(&mut self, came: MoveResult<'_>) -> Move<'_> {
        match self {
            Self::Bystander(script) => script.next(came),
            Self::Conductor(script) => script.next(came),
            Self::Timekeeper(script) => script.next(came),
        }
    }
}

/// A fault that is to be made, or what is done once a target that ended by it is there again.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What is done.
    pub plan: Rc<CasePlan>,
    /// What its clients were told before.
    pub heard: Rc<Heard>,
}

/// Replies, and on which slots they came.
pub type Heard = Vec<(Slot, Vec<u8>)>;

/// Makes one fault after the other; after each, a newcomer asks to be served.
#[derive(Debug)]
pub struct Conductor {
    kit: &'static Kit,
    plans: Vec<Planned>,
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
    pub fn new(kit: &'static Kit, plans: Vec<Planned>) -> Self {
        Self { kit, plans, step: 0, at: ConductorAt::Begin, case: None }
    }

    fn next(&mut self, came: MoveResult<'_>) -> Move<'_> {
        let is_trouble = came == MoveResult::Failed;
        let step = self.step;
        match self.at {
            ConductorAt::Begin => {
                self.at = ConductorAt::Mark;
                Move::PauseUntil(QUIET)
            }
            ConductorAt::Mark => {
                let Some(Planned { plan, heard }) = self.plans.get(step as usize) else { return Move::Done };
                let mut script = CaseScript::new(Rc::clone(plan));
                heard.iter().for_each(|(slot, reply)| script.note(*slot, reply));
                self.case = Some(script);
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
                // One address for each: nobody is told that it came too often.
                let own = Move::OpenFrom(NEWCOMER, Source::Own(NEWCOMERS + step));
                if self.kit.dialect.has_own_address { own } else { Move::Open(NEWCOMER) }
            }
            ConductorAt::Ask if !is_trouble => {
                self.at = ConductorAt::Await;
                Move::Send(NEWCOMER, self.kit.newcomer.request)
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

    fn next(&mut self, _: MoveResult<'_>) -> Move<'_> {
        self.at = (self.at + 1) % 3;
        match self.at {
            1 => {
                self.ticks += 1;
                Move::PauseUntil(TICK * self.ticks)
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
