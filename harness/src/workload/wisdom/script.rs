//! The moves of one client of `wisdom/quotations`.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use driver::moves::{Move, MoveResult, Script, Slot, Source};
use driver::work::Work;
use protocol::wisdom::messages::{Request, Response, Solution};
use protocol::wisdom::proof::Search;
use protocol::wisdom::token::{TOKEN_BYTES, Token};

use crate::workload::wisdom::round::{Round, SIMULTANEOUS_CONNECTIONS};

/// The connection on which a client requests a challenge.
const REQUESTING: Slot = 0;

/// The first of the other connections on which it sends a solution.
const OTHER: Slot = 1;

/// The time within which a server closes a connection that it must close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause before a client repeats a refused request.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The maximum number of retries of a client, for all rounds together.
const RETRIES_MAX: u32 = 25;

/// The script of a client.
#[derive(Debug)]
pub(super) struct QuotationsScript {
    rounds: Rc<[Round]>,
    source: Source,
    /// The number of rounds that have received a challenge.
    rounds_begun: usize,
    retries: u32,
    /// The next steps.
    queue: VecDeque<QuotationStep>,
    /// Whether the current step awaits a challenge.
    is_awaiting_challenge: bool,
    token: Option<[u8; TOKEN_BYTES]>,
    /// The search for the counter of the next solution.
    search: Option<Work<Option<u64>>>,
    bytes: Vec<u8>,
}

/// A planned move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QuotationStep {
    Begin,
    Pause,
    Open(Slot),
    OpenAll(Slot, Slot),
    RequestChallenge,
    AwaitChallenge,
    /// Searches a counter for the solutions that follow.
    Solve(Effort),
    SendSolution(Slot),
    Await(Slot),
    End(Slot),
    Close(Slot),
}

/// The amount of work of a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    Sufficient,
    Insufficient,
}

impl QuotationsScript {
    pub(super) fn new(rounds: Rc<[Round]>, source: Source) -> Self {
        let queue = VecDeque::from([QuotationStep::Begin]);
        Self {
            rounds,
            source,
            rounds_begun: 0,
            retries: 0,
            queue,
            is_awaiting_challenge: false,
            token: None,
            search: None,
            bytes: Vec::new(),
        }
    }

    /// Handles the result of a request for a challenge.
    fn handle_challenge(&mut self, result: MoveResult<'_>) {
        let reply =
            if let MoveResult::Replies([reply]) = result { Response::decode(reply).ok() } else { None };
        if let Some(Response::Challenge(challenge)) = reply {
            self.token = Some(challenge.token);
            let round = self.rounds[self.rounds_begun];
            self.queue.extend(steps_of(round));
            self.rounds_begun += 1;
        } else {
            // The server may ask for a retry; the judge decides whether it was allowed to.
            self.queue.extend([QuotationStep::Close(REQUESTING), QuotationStep::Pause]);
            self.retries += 1;
        }
    }

    /// Begins the search for a counter.
    fn solve(&mut self, effort: Effort) -> Move<'_> {
        let token = self.token.unwrap_or([0; TOKEN_BYTES]);
        let difficulty = u32::from(Token::read(&token).difficulty);
        let is_wanted = move |bits| (bits >= difficulty) == (effort == Effort::Sufficient);
        let search = Work::new(move |is_cancelled| {
            Search::new(&token).find_fitting(is_cancelled, |_, bits| is_wanted(bits))
        });
        Move::Compute(self.search.insert(search).job())
    }

    fn send_solution(&mut self, slot: Slot) -> Move<'_> {
        let token = self.token.unwrap_or([0; TOKEN_BYTES]);
        let counter = self.search.as_ref().and_then(|search| search.result().copied().flatten());
        self.bytes.clear();
        Request::Solution(Solution { token, counter: counter.unwrap_or(0) }).encode(&mut self.bytes);
        Move::Send(slot, &self.bytes)
    }
}

impl Script for QuotationsScript {
    fn next(&mut self, result: MoveResult<'_>) -> Move<'_> {
        if std::mem::take(&mut self.is_awaiting_challenge) {
            self.handle_challenge(result);
        }
        if self.queue.is_empty() {
            if self.rounds_begun == self.rounds.len() || self.retries > RETRIES_MAX {
                return Move::Done;
            }
            self.queue.extend([
                QuotationStep::Open(REQUESTING),
                QuotationStep::RequestChallenge,
                QuotationStep::AwaitChallenge,
            ]);
        }
        let Some(step) = self.queue.pop_front() else { return Move::Done };
        match step {
            QuotationStep::Begin => Move::BeginPhase(1),
            QuotationStep::Pause => Move::Pause(RETRY_PAUSE),
            QuotationStep::Open(slot) => Move::OpenFrom(slot, self.source),
            QuotationStep::OpenAll(first, last) => Move::OpenAll(first, last, self.source),
            QuotationStep::RequestChallenge => {
                self.bytes.clear();
                Request::Challenge.encode(&mut self.bytes);
                Move::Send(REQUESTING, &self.bytes)
            }
            QuotationStep::AwaitChallenge => {
                self.is_awaiting_challenge = true;
                Move::Await(REQUESTING, 1)
            }
            QuotationStep::Solve(effort) => self.solve(effort),
            QuotationStep::SendSolution(slot) => self.send_solution(slot),
            QuotationStep::Await(slot) => Move::Await(slot, 1),
            QuotationStep::End(slot) => Move::AwaitEnd(slot, CLOSE_TIMEOUT),
            QuotationStep::Close(slot) => Move::Close(slot),
        }
    }
}

/// Returns the steps of a round after it has received its challenge.
fn steps_of(round: Round) -> Vec<QuotationStep> {
    use QuotationStep::{Await, Close, End, Open, OpenAll, SendSolution, Solve};
    let send_on = |slot| [SendSolution(slot), Await(slot), End(slot)];
    match round {
        Round::SameConnection => [&[Solve(Effort::Sufficient)][..], &send_on(REQUESTING)].concat(),
        Round::OtherConnection => {
            [&[Open(OTHER), Solve(Effort::Sufficient)][..], &send_on(OTHER), &[Close(REQUESTING)]].concat()
        }
        Round::Replay => {
            let first = [&[Solve(Effort::Sufficient)][..], &send_on(REQUESTING)].concat();
            [&first[..], &[Open(OTHER)], &send_on(OTHER)].concat()
        }
        Round::Simultaneous => {
            let slots = || OTHER..OTHER + SIMULTANEOUS_CONNECTIONS;
            // The solution is known before the connections open, so that all of them send it at once.
            [Solve(Effort::Sufficient), OpenAll(OTHER, OTHER + SIMULTANEOUS_CONNECTIONS - 1)]
                .into_iter()
                .chain(slots().map(SendSolution))
                .chain(slots().map(Await))
                .chain(slots().map(End))
                .chain([Close(REQUESTING)])
                .collect()
        }
        Round::InsufficientWork => {
            let insufficient = [Solve(Effort::Insufficient), SendSolution(REQUESTING), Await(REQUESTING)];
            [&insufficient[..], &[Solve(Effort::Sufficient)], &send_on(REQUESTING)].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W27 shows only if the server receives the same solution several times before it has answered.
    #[test]
    fn identical_solutions_are_computed_once_and_sent_without_a_pause() {
        let steps = steps_of(Round::Simultaneous);
        let is_search = |step: &QuotationStep| matches!(step, QuotationStep::Solve(_));
        assert_eq!(steps.iter().filter(|step| is_search(step)).count(), 1);
        let first = steps.iter().position(|step| matches!(step, QuotationStep::SendSolution(_))).unwrap();
        let sends = &steps[first..first + usize::from(SIMULTANEOUS_CONNECTIONS)];
        assert!(sends.iter().all(|step| matches!(step, QuotationStep::SendSolution(_))));
    }
}
