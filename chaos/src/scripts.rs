//! The clients of a run as scripts: the conductor, which makes the faults, the bystanders and the timekeeper.

use std::rc::Rc;
use std::time::Duration;

use conformance::plan::CasePlan;
use conformance::script::CaseScript;
use driver::moves::Move;
use driver::moves::MoveResult;
use driver::moves::Script;
use driver::moves::Source;

use crate::chaos_protocol::ChaosProtocol;
use crate::fault::NEWCOMER;
use crate::outcome::Replies;
use crate::timing::{GAP, LAST_GAP, Part, TICK, mark};

/// The first address of the newcomers, far from all other addresses.
const NEWCOMERS: u32 = 3_000_000_000;

/// Any client of a run.
pub(crate) enum Client {
    /// A well-behaved client.
    Bystander(Box<dyn Script>),
    /// The client that makes the faults.
    Conductor(Box<Conductor>),
    /// The client that measures lateness.
    Timekeeper(Timekeeper),
}

impl Script for Client {
    fn next(&mut self, result: MoveResult<'_>) -> Move<'_> {
        match self {
            Self::Bystander(script) => script.next(result),
            Self::Conductor(script) => script.next(result),
            Self::Timekeeper(script) => script.next(result),
        }
    }
}

/// A scene, or the sequel of a scene that ended the target.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// The steps.
    pub(crate) plan: Rc<CasePlan>,
    /// The replies of the scene before a sequel.
    pub(crate) replies: Rc<Replies>,
}

/// Runs one scene after the other; after each fault, a newcomer sends a request.
#[derive(Debug)]
pub(crate) struct Conductor {
    protocol: &'static ChaosProtocol,
    quiet: Duration,
    plans: Vec<Planned>,
    /// The current scene, and the next action in it.
    scene: u32,
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
    Done,
}

impl Conductor {
    /// Returns a client that has not begun. The first scene begins after the time `quiet`.
    #[must_use]
    pub(crate) fn new(protocol: &'static ChaosProtocol, quiet: Duration, plans: Vec<Planned>) -> Self {
        Self { protocol, quiet, plans, scene: 0, at: ConductorAt::Begin, case: None }
    }

    fn next(&mut self, result: MoveResult<'_>) -> Move<'_> {
        let has_failed = result.has_failed();
        let scene = self.scene;
        match self.at {
            ConductorAt::Begin => {
                self.at = ConductorAt::Mark;
                Move::PauseUntil(self.quiet)
            }
            ConductorAt::Mark => {
                let Some(Planned { plan, replies }) = self.plans.get(scene as usize) else {
                    self.at = ConductorAt::Done;
                    return Move::Pause(LAST_GAP);
                };
                let mut script = CaseScript::new(Rc::clone(plan));
                replies.iter().for_each(|(slot, reply)| script.note(*slot, reply));
                self.case = Some(script);
                self.at = ConductorAt::Case;
                Move::Mark(mark(scene, Part::Fault))
            }
            ConductorAt::Case => {
                let Some(script) = &mut self.case else { return Move::Done };
                let next = script.next(result);
                if next != Move::Done {
                    return next;
                }
                self.at = ConductorAt::MarkNewcomer;
                Move::CloseAll
            }
            ConductorAt::MarkNewcomer => {
                self.at = ConductorAt::OpenNewcomer;
                Move::Mark(mark(scene, Part::Newcomer))
            }
            ConductorAt::OpenNewcomer => {
                self.at = ConductorAt::Ask;
                // Each newcomer has its own address, so that no rate limit applies.
                let own = Move::OpenFrom(NEWCOMER, Source::Own(NEWCOMERS + scene));
                if self.protocol.dialect.has_own_address { own } else { Move::Open(NEWCOMER) }
            }
            ConductorAt::Ask if !has_failed => {
                self.at = ConductorAt::Await;
                Move::Send(NEWCOMER, self.protocol.newcomer.request)
            }
            ConductorAt::Await if !has_failed => {
                self.at = ConductorAt::Close;
                Move::Await(NEWCOMER, 1)
            }
            ConductorAt::Close if !has_failed => {
                self.at = ConductorAt::MarkOver;
                Move::Close(NEWCOMER)
            }
            ConductorAt::Ask | ConductorAt::Await | ConductorAt::Close | ConductorAt::MarkOver => {
                self.at = ConductorAt::Gap;
                Move::Mark(mark(scene, Part::Over))
            }
            ConductorAt::Done => Move::Done,
            ConductorAt::Gap => {
                self.scene += 1;
                self.at = ConductorAt::Mark;
                Move::Pause(GAP)
            }
        }
    }
}

/// Marks fixed times and samples the target's process. Its lateness is the lateness of the harness.
#[derive(Debug)]
pub(crate) struct Timekeeper {
    ticks: u32,
    /// The next of three moves per tick: wait, mark, sample.
    at: u8,
}

impl Timekeeper {
    /// Returns a client that has not begun.
    #[must_use]
    pub(crate) fn new() -> Self {
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
