//! One client's moves in the replay.
//!
//! All connect before anybody asks: a client that is late, because the target's backlog was full, would leave the
//! others going round and round in wait for its packages.

use std::rc::Rc;

use protocol::index::wire::Reply;

use super::{Plan, Step, Walk};
use crate::moves::{Came, Move, Script};

/// Makes a client's walk into moves: for each step a connection, a meeting, one request after the other.
#[derive(Debug)]
pub struct ReplayScript {
    plan: Rc<Plan>,
    walk: Walk,
    /// The steps that have not begun.
    steps: std::slice::Iter<'static, Step>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    BetweenSteps,
    Opened,
    Met,
    Sent,
    Awaiting,
}

impl ReplayScript {
    pub(super) fn new(plan: Rc<Plan>, client: u32) -> Self {
        Self { plan, walk: Walk::new(client), steps: Step::ALL.iter(), state: State::BetweenSteps }
    }

    fn begin_step(&mut self) -> Move<'_> {
        let Some(&step) = self.steps.next() else {
            return Move::Done;
        };
        self.walk.begin(step, &self.plan);
        self.state = State::Opened;
        Move::Open
    }

    fn ask(&mut self) -> Move<'_> {
        let Some(ask) = self.walk.ask(&self.plan) else {
            self.state = State::BetweenSteps;
            return Move::Close;
        };
        self.state = State::Sent;
        Move::Send(self.plan.line(self.walk.step(), ask))
    }
}

impl Script for ReplayScript {
    fn next(&mut self, came: Came<'_>) -> Move<'_> {
        if came == Came::Trouble {
            return Move::Done; // what the trouble was is for the judge to say
        }
        match self.state {
            State::BetweenSteps => self.begin_step(),
            State::Opened => {
                self.state = State::Met;
                Move::BeginPhase(self.walk.step().phase())
            }
            State::Met => self.ask(),
            State::Sent => {
                self.state = State::Awaiting;
                Move::Await(1)
            }
            State::Awaiting => {
                let reply = match came {
                    Came::Replies([reply]) => Reply::decode(reply).unwrap_or(Reply::Error),
                    _ => Reply::Error,
                };
                self.walk.answered(reply, &self.plan);
                self.ask()
            }
        }
    }
}
