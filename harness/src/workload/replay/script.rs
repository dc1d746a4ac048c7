//! The moves of one client in the replay.
//!
//! In each step of the gradual form all clients meet after their first reply. Otherwise, a client that connects late
//! because the target's backlog was full would make the other clients repeat their passes until it indexes its packages.

use std::rc::Rc;

use driver::moves::{Move, MoveResult, Script, Slot};
use protocol::index::wire::Reply;

use crate::workload::replay::form::Form;
use crate::workload::replay::plan::ReplayPlan;
use crate::workload::replay::steps::ReplayStep;
use crate::workload::replay::walk::Walk;

/// A client of the replay has one connection at a time.
const ONLY: Slot = 0;

/// Turns a client's walk into moves: for each step a connection, the first request, a meeting, and all other requests.
#[derive(Debug)]
pub(super) struct ReplayScript {
    plan: Rc<ReplayPlan>,
    walk: Walk,
    /// The remaining steps.
    steps: std::slice::Iter<'static, ReplayStep>,
    state: State,
    /// Whether the client has met the others in this step, or need not meet them.
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
    pub(super) fn new(plan: Rc<ReplayPlan>, client: u32) -> Self {
        let walk = Walk::new(client);
        Self { plan, walk, steps: ReplayStep::ALL.iter(), state: State::BetweenSteps, has_met: false }
    }

    fn begin_step(&mut self) -> Move<'_> {
        let Some(&step) = self.steps.next() else {
            return Move::Done;
        };
        self.walk.begin(step, &self.plan);
        self.has_met = self.plan.options.form == Form::Official;
        self.state = State::StepBegun;
        Move::BeginPhase(step.phase())
    }

    /// Opens the connection of a step. A client without packages needs none.
    fn open(&mut self) -> Move<'_> {
        if self.walk.next_request(&self.plan).is_none() {
            return if self.has_met { self.begin_step() } else { self.meet() };
        }
        self.state = State::Ready;
        Move::Open(ONLY)
    }

    fn meet(&mut self) -> Move<'_> {
        self.has_met = true;
        self.state = State::Ready;
        Move::Synchronize
    }

    fn send_next(&mut self) -> Move<'_> {
        let Some(request) = self.walk.next_request(&self.plan) else {
            self.state = State::BetweenSteps;
            return Move::Close(ONLY);
        };
        self.state = State::Sent;
        Move::Send(ONLY, self.plan.line(self.walk.step(), request))
    }

    fn handle_reply(&mut self, result: MoveResult<'_>) -> Move<'_> {
        let reply = match result {
            MoveResult::Replies([reply]) => Reply::decode(reply).unwrap_or(Reply::Error),
            _ => Reply::Error,
        };
        self.walk.advance(reply, &self.plan);
        if self.has_met { self.send_next() } else { self.meet() }
    }
}

impl Script for ReplayScript {
    fn next(&mut self, result: MoveResult<'_>) -> Move<'_> {
        if result.has_failed() {
            return Move::Done; // the judge reports the failure
        }
        match self.state {
            State::BetweenSteps => self.begin_step(),
            State::StepBegun => self.open(),
            State::Ready => self.send_next(),
            State::Sent => {
                self.state = State::Awaiting;
                Move::Await(ONLY, 1)
            }
            State::Awaiting => self.handle_reply(result),
        }
    }
}
