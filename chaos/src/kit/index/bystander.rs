//! A bystander of the package index, which knows what it has to be told.

use std::time::Duration;

use driver::moves::Move;
use driver::moves::MoveResult;
use driver::moves::Script;

use crate::scripts::planned;

/// How often each asks.
pub(super) const ASK_INTERVAL: Duration = Duration::from_millis(50);

/// Asks at fixed times, on a package of its own: INDEX, QUERY, REMOVE, QUERY, and again with another one.
#[derive(Debug)]
pub(super) struct Bystander {
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
    pub(super) fn new(number: u32, seed: u64) -> Self {
        Self { number, seed, turns: 0, asked: 0, lives: 0, at: BystanderAt::Closed, line: Vec::new() }
    }

    /// The reply that a request has to get, on a connection where `before` were answered.
    pub(super) fn expected(before: u64) -> &'static [u8] {
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
}

impl Script for Bystander {
    fn next(&mut self, came: MoveResult<'_>) -> Move<'_> {
        if came == MoveResult::Failed {
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
                Move::PauseUntil(planned(ASK_INTERVAL, self.number, self.turns))
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
