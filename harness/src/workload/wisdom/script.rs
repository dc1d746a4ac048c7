//! The moves of one client of `wisdom/quotations`.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use driver::moves::{Move, MoveResult, Script, Slot, Source};
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

/// The maximum number of counters to try. No challenge of a correct server needs more.
const COUNTERS_MAX: u64 = 1 << 34;

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
    Solve(Slot, Work),
    Await(Slot),
    End(Slot),
    Close(Slot),
}

/// The amount of work of a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
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

    fn solve(&mut self, work: Work) {
        let token = self.token.unwrap_or([0; TOKEN_BYTES]);
        let difficulty = u32::from(Token::read(&token).difficulty);
        let mut search = Search::new(&token);
        let counter = (0..COUNTERS_MAX).find(|&counter| {
            let is_sufficient = search.zero_bits(counter) >= difficulty;
            is_sufficient == (work == Work::Sufficient)
        });
        self.bytes.clear();
        Request::Solution(Solution { token, counter: counter.unwrap_or(0) }).encode(&mut self.bytes);
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
            QuotationStep::Solve(slot, work) => {
                self.solve(work);
                Move::Send(slot, &self.bytes)
            }
            QuotationStep::Await(slot) => Move::Await(slot, 1),
            QuotationStep::End(slot) => Move::AwaitEnd(slot, CLOSE_TIMEOUT),
            QuotationStep::Close(slot) => Move::Close(slot),
        }
    }
}

/// Returns the steps of a round after it has received its challenge.
fn steps_of(round: Round) -> Vec<QuotationStep> {
    let send_solution = |slot| {
        [QuotationStep::Solve(slot, Work::Sufficient), QuotationStep::Await(slot), QuotationStep::End(slot)]
    };
    let on_other = || [QuotationStep::Open(OTHER)].into_iter().chain(send_solution(OTHER));
    match round {
        Round::SameConnection => send_solution(REQUESTING).to_vec(),
        Round::OtherConnection => on_other().chain([QuotationStep::Close(REQUESTING)]).collect(),
        Round::Replay => send_solution(REQUESTING).into_iter().chain(on_other()).collect(),
        Round::Simultaneous => {
            let slots = || OTHER..OTHER + SIMULTANEOUS_CONNECTIONS;
            [QuotationStep::OpenAll(OTHER, OTHER + SIMULTANEOUS_CONNECTIONS - 1)]
                .into_iter()
                .chain(slots().map(|slot| QuotationStep::Solve(slot, Work::Sufficient)))
                .chain(slots().map(QuotationStep::Await))
                .chain(slots().map(QuotationStep::End))
                .chain([QuotationStep::Close(REQUESTING)])
                .collect()
        }
        Round::InsufficientWork => {
            let insufficient =
                [QuotationStep::Solve(REQUESTING, Work::Insufficient), QuotationStep::Await(REQUESTING)];
            insufficient.into_iter().chain(send_solution(REQUESTING)).collect()
        }
    }
}
