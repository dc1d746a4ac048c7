//! A bystander of the package index, whose correct replies are known in advance.

use std::time::Duration;

use driver::moves::Move;
use driver::moves::MoveResult;
use driver::moves::Script;

use crate::timing::turn;

/// The interval between two requests of a bystander.
pub(crate) const ASK_INTERVAL: Duration = Duration::from_millis(50);

/// The reply of a target that cannot know the state of its index (K3). The request may have taken effect.
pub(crate) const REFUSAL: &[u8] = b"ERROR";

/// Sends requests at fixed times about its own package: INDEX, QUERY, REMOVE, QUERY; then about another package.
#[derive(Debug)]
pub(crate) struct Bystander {
    number: u32,
    seed: u64,
    /// The number of requests on the open connection.
    sent_on_connection: u64,
    /// The number of lost connections.
    connections: u32,
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
    /// Returns a bystander that has not begun.
    pub(crate) fn new(number: u32, seed: u64) -> Self {
        Self {
            number,
            seed,
            sent_on_connection: 0,
            connections: 0,
            at: BystanderAt::Closed,
            line: Vec::new(),
        }
    }

    /// Returns the correct reply to a request on a connection where `before` requests were answered.
    pub(crate) fn expected(before: u64) -> &'static [u8] {
        match before % 4 {
            0..=2 => b"OK",
            _ => b"FAIL",
        }
    }

    /// Returns a request on a connection where `before` requests were sent. Each connection has its own names, because
    /// a request that was lost with the last connection may or may not have taken effect.
    fn line(&self, before: u64) -> Vec<u8> {
        let command = match before % 4 {
            0 => "INDEX",
            2 => "REMOVE",
            _ => "QUERY",
        };
        let Self { number, seed, connections, .. } = self;
        format!("{command}|bystander-{seed}-{number}-{connections}-{}|\n", before / 4).into_bytes()
    }
}

impl Script for Bystander {
    fn next(&mut self, result: MoveResult<'_>) -> Move<'_> {
        let is_refused = matches!(result, MoveResult::Replies([reply]) if reply == REFUSAL);
        if result.has_failed() || is_refused {
            self.connections += 1;
            self.at = BystanderAt::Closed;
            // Reconnecting without a pause would burden the target.
            return if is_refused { Move::CloseAll } else { Move::Pause(ASK_INTERVAL) };
        }
        match self.at {
            BystanderAt::Closed => {
                self.at = BystanderAt::Opened;
                self.sent_on_connection = 0;
                Move::Open(0)
            }
            BystanderAt::Opened => {
                self.at = BystanderAt::Waited;
                Move::PauseUntilNext(turn(ASK_INTERVAL, self.number), ASK_INTERVAL)
            }
            BystanderAt::Waited => {
                self.at = BystanderAt::Sent;
                self.line = self.line(self.sent_on_connection);
                self.sent_on_connection += 1;
                Move::Send(0, &self.line)
            }
            BystanderAt::Sent => {
                self.at = BystanderAt::Opened;
                Move::Await(0, 1)
            }
        }
    }
}
