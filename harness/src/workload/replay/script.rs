//! One client's moves in the replay.
//!
//! In each step all meet once they have their first reply: a client that is late, because the target's backlog was
//! full, would leave the others going round and round in wait for its packages.

use std::rc::Rc;

use protocol::index::wire::Reply;

use super::plan::Plan;
use super::steps::Step;
use super::walk::Walk;
use driver::moves::Move;
use driver::moves::MoveResult;
use driver::moves::Script;
use driver::moves::Slot;

/// A client of the replay has one connection at a time.
const ONLY: Slot = 0;

/// Makes a client's walk into moves: for each step a connection, a first request, a meeting, then all others.
#[derive(Debug)]
pub(super) struct ReplayScript {
    plan: Rc<Plan>,
    walk: Walk,
    /// The steps that have not begun.
    steps: std::slice::Iter<'static, Step>,
    state: State,
    /// Whether the client has met the others in this step.
    has_met: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    BetweenSteps,
    StepBegun,
    Ready,
    Sent,
    Awaiting,
}

impl ReplayScript {
    pub(super) fn new(plan: Rc<Plan>, client: u32) -> Self {
        let walk = Walk::new(client);
        Self { plan, walk, steps: Step::ALL.iter(), state: State::BetweenSteps, has_met: false }
    }

    fn begin_step(&mut self) -> Move<'_> {
        let Some(&step) = self.steps.next() else {
            return Move::Done;
        };
        self.walk.begin(step, &self.plan);
        self.has_met = false;
        self.state = State::StepBegun;
        Move::BeginPhase(step.phase())
    }

    /// A client without packages has nothing to connect for.
    fn open(&mut self) -> Move<'_> {
        if self.walk.ask(&self.plan).is_none() {
            return self.meet();
        }
        self.state = State::Ready;
        Move::Open(ONLY)
    }

    fn meet(&mut self) -> Move<'_> {
        self.has_met = true;
        self.state = State::Ready;
        Move::Synchronize
    }

    fn ask(&mut self) -> Move<'_> {
        let Some(ask) = self.walk.ask(&self.plan) else {
            self.state = State::BetweenSteps;
            return Move::Close(ONLY);
        };
        self.state = State::Sent;
        Move::Send(ONLY, self.plan.line(self.walk.step(), ask))
    }

    fn answered(&mut self, came: MoveResult<'_>) -> Move<'_> {
        let reply = match came {
            MoveResult::Replies([reply]) => Reply::decode(reply).unwrap_or(Reply::Error),
            _ => Reply::Error,
        };
        self.walk.answered(reply, &self.plan);
        if self.has_met { self.ask() } else { self.meet() }
    }
}

impl Script for ReplayScript {
    fn next(&mut self, came: MoveResult<'_>) -> Move<'_> {
        if came == MoveResult::Failed {
            return Move::Done; // what the trouble was is for the judge to say
        }
        match self.state {
            State::BetweenSteps => self.begin_step(),
            State::StepBegun => self.open(),
            State::Ready => self.ask(),
            State::Sent => {
                self.state = State::Awaiting;
                Move::Await(ONLY, 1)
            }
            State::Awaiting => self.answered(came),
        }
    }
}
