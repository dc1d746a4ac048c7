//! A client of `wisdom/quotations`: one round after the other.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use driver::moves::{Move, MoveResult, Script, Slot, Source};
use protocol::wisdom::messages::{Request, Response, Solution};
use protocol::wisdom::proof::Search;
use protocol::wisdom::token::{TOKEN_BYTES, Token};

use crate::workload::wisdom::round::{Round, TWINS};

/// The connection on which a client asks.
const ASKING: Slot = 0;

/// The first of those on which it brings the solution elsewhere.
const ELSEWHERE: Slot = 1;

/// How soon a server ends a connection that it has to end.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// How long a client waits that was told to come again.
const PAUSE: Duration = Duration::from_millis(200);

/// How often it comes again in all.
const TRIES_MAX: u32 = 25;

/// No challenge of a right server takes more counters than this.
const COUNTERS_MAX: u64 = 1 << 34;

/// A client.
#[derive(Debug)]
pub(super) struct QuotationsScript {
    rounds: Rc<[Round]>,
    source: Source,
    /// How many rounds are done, or given up.
    done: usize,
    tries: u32,
    /// What is made next.
    queue: VecDeque<Step>,
    /// Whether the step that is under way awaits a challenge.
    is_asking: bool,
    token: Option<[u8; TOKEN_BYTES]>,
    bytes: Vec<u8>,
}

/// A move that is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Begin,
    Pause,
    Open(Slot),
    OpenAll(Slot, Slot),
    Ask,
    AwaitChallenge,
    Solve(Slot, Work),
    Await(Slot),
    End(Slot),
    Close(Slot),
}

/// How much work is done for a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Enough,
    TooLittle,
}

impl QuotationsScript {
    pub(super) fn new(rounds: Rc<[Round]>, source: Source) -> Self {
        let queue = VecDeque::from([Step::Begin]);
        Self { rounds, source, done: 0, tries: 0, queue, is_asking: false, token: None, bytes: Vec::new() }
    }

    /// Takes in what came of a request for a challenge.
    fn hear(&mut self, came: MoveResult<'_>) {
        let reply = if let MoveResult::Replies([reply]) = came { Response::decode(reply).ok() } else { None };
        if let Some(Response::Challenge(challenge)) = reply {
            self.token = Some(challenge.token);
            let round = self.rounds[self.done];
            self.queue.extend(steps_of(round));
            self.done += 1;
        } else {
            // It may be told to come again; the judge knows whether that was right.
            self.queue.extend([Step::Close(ASKING), Step::Pause]);
            self.tries += 1;
        }
    }

    fn solve(&mut self, work: Work) {
        let token = self.token.unwrap_or([0; TOKEN_BYTES]);
        let difficulty = u32::from(Token::read(&token).difficulty);
        let mut search = Search::new(&token);
        let counter = (0..COUNTERS_MAX).find(|&counter| {
            let is_enough = search.zero_bits(counter) >= difficulty;
            is_enough == (work == Work::Enough)
        });
        self.bytes.clear();
        Request::Solution(Solution { token, counter: counter.unwrap_or(0) }).encode(&mut self.bytes);
    }
}

impl Script for QuotationsScript {
    fn next(&mut self, came: MoveResult<'_>) -> Move<'_> {
        if std::mem::take(&mut self.is_asking) {
            self.hear(came);
        }
        if self.queue.is_empty() {
            if self.done == self.rounds.len() || self.tries > TRIES_MAX {
                return Move::Done;
            }
            self.queue.extend([Step::Open(ASKING), Step::Ask, Step::AwaitChallenge]);
        }
        let Some(step) = self.queue.pop_front() else { return Move::Done };
        match step {
            Step::Begin => Move::BeginPhase(1),
            Step::Pause => Move::Pause(PAUSE),
            Step::Open(slot) => Move::OpenFrom(slot, self.source),
            Step::OpenAll(first, last) => Move::OpenAll(first, last, self.source),
            Step::Ask => {
                self.bytes.clear();
                Request::Challenge.encode(&mut self.bytes);
                Move::Send(ASKING, &self.bytes)
            }
            Step::AwaitChallenge => {
                self.is_asking = true;
                Move::Await(ASKING, 1)
            }
            Step::Solve(slot, work) => {
                self.solve(work);
                Move::Send(slot, &self.bytes)
            }
            Step::Await(slot) => Move::Await(slot, 1),
            Step::End(slot) => Move::AwaitEnd(slot, ENDS_WITHIN),
            Step::Close(slot) => Move::Close(slot),
        }
    }
}

/// What a round does once it has its challenge.
fn steps_of(round: Round) -> Vec<Step> {
    let bring = |slot| [Step::Solve(slot, Work::Enough), Step::Await(slot), Step::End(slot)];
    let elsewhere = || [Step::Open(ELSEWHERE)].into_iter().chain(bring(ELSEWHERE));
    match round {
        Round::Plain => bring(ASKING).to_vec(),
        Round::Elsewhere => elsewhere().chain([Step::Close(ASKING)]).collect(),
        Round::Again => bring(ASKING).into_iter().chain(elsewhere()).collect(),
        Round::AtOnce => {
            let twins = || ELSEWHERE..ELSEWHERE + TWINS;
            [Step::OpenAll(ELSEWHERE, ELSEWHERE + TWINS - 1)]
                .into_iter()
                .chain(twins().map(|slot| Step::Solve(slot, Work::Enough)))
                .chain(twins().map(Step::Await))
                .chain(twins().map(Step::End))
                .chain([Step::Close(ASKING)])
                .collect()
        }
        Round::TooLittle => {
            let bad = [Step::Solve(ASKING, Work::TooLittle), Step::Await(ASKING)];
            bad.into_iter().chain(bring(ASKING)).collect()
        }
    }
}
