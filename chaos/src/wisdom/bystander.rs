//! A bystander of WOW/1: it requests a challenge, solves it, receives its quotation and reconnects from another address.

use std::time::Duration;

use driver::moves::Move;
use driver::moves::MoveResult;
use driver::moves::Script;
use driver::moves::Source;
use driver::work::Work;
use protocol::wisdom::messages::{Request, Response, Solution};
use protocol::wisdom::proof;
use protocol::wisdom::token::{TOKEN_BYTES, Token};
use sha2::{Digest, Sha256};

use crate::catalogue::wisdom::requests::REQUEST;
use crate::timing::turn;

/// The highest difficulty that bystanders solve, in bits. A harder challenge takes longer than their interval.
pub(crate) const DIFFICULTY_MAX: u8 = 16;

/// The interval between two requests of a bystander: in turn for a challenge and for a quotation.
pub(crate) const ASK_INTERVAL: Duration = Duration::from_millis(200);

/// The time within which a server must close a connection.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// A well-behaved client. It never uses an address twice, so that no rate limit applies.
#[derive(Debug)]
pub(crate) struct Bystander {
    number: u32,
    seed: u64,
    /// The number of connections opened.
    connections: u32,
    at: At,
    /// The challenge, and the search for its counter.
    search: Option<Search>,
    solution: Vec<u8>,
}

/// A challenge, and the search for its counter.
type Search = ([u8; TOKEN_BYTES], Work<Option<u64>>);

/// The next action.
#[derive(Clone, Copy, Debug)]
enum At {
    Open,
    WaitToAsk,
    Ask,
    AwaitChallenge,
    Solve,
    Solved,
    SendSolution,
    AwaitQuote,
    AwaitEnd,
    Leave,
    Close,
}

impl Bystander {
    /// Returns a bystander that has not begun.
    pub(crate) fn new(number: u32, seed: u64) -> Self {
        Self { number, seed, connections: 0, at: At::Open, search: None, solution: Vec::new() }
    }

    fn source(&self) -> Source {
        let Self { seed, number, connections, .. } = self;
        let digest = Sha256::digest(format!("bystander {seed} {number} {connections}"));
        Source::Own(digest.iter().take(4).fold(0, |drawn, byte| drawn << 8 | u32::from(*byte)))
    }

    /// Encodes the solution; returns false if no counter was found.
    fn encode_solution(&mut self) -> bool {
        let found = self.search.take().and_then(|(token, search)| Some((token, (*search.result()?)?)));
        let Some((token, counter)) = found else { return false };
        self.solution.clear();
        Request::Solution(Solution { token, counter }).encode(&mut self.solution);
        true
    }
}

/// Returns the received challenge and the search for its counter; `None` if there is no challenge that bystanders solve.
fn search(result: MoveResult<'_>) -> Option<Search> {
    let MoveResult::Replies([reply]) = result else { return None };
    let Ok(Response::Challenge(challenge)) = Response::decode(reply) else { return None };
    let token = challenge.token;
    let difficulty = Token::read(&token).difficulty;
    let search = Work::new(move |is_cancelled| {
        proof::Search::new(&token).find_fitting(is_cancelled, |_, bits| bits >= difficulty.into())
    });
    (difficulty <= DIFFICULTY_MAX).then_some((token, search))
}

impl Script for Bystander {
    fn next(&mut self, result: MoveResult<'_>) -> Move<'_> {
        // The awaited end of the connection is reported as a failure too.
        if result.has_failed() && !matches!(self.at, At::Leave) {
            self.at = At::Open;
            // Reconnecting without a pause would burden the target.
            return Move::Pause(ASK_INTERVAL);
        }
        match self.at {
            At::Open => {
                self.at = At::WaitToAsk;
                self.connections += 1;
                Move::OpenFrom(0, self.source())
            }
            At::WaitToAsk => {
                self.at = At::Ask;
                Move::PauseUntilNext(turn(ASK_INTERVAL, self.number), ASK_INTERVAL)
            }
            At::Ask => {
                self.at = At::AwaitChallenge;
                Move::Send(0, REQUEST)
            }
            At::AwaitChallenge => {
                self.at = At::Solve;
                Move::Await(0, 1)
            }
            At::Solve => {
                self.search = search(result);
                if let Some((_, search)) = &self.search {
                    self.at = At::Solved;
                    Move::Compute(search.job())
                } else {
                    self.at = At::Close;
                    Move::Pause(ASK_INTERVAL)
                }
            }
            At::Solved => {
                if self.encode_solution() {
                    self.at = At::SendSolution;
                    Move::PauseUntilNext(turn(ASK_INTERVAL, self.number), ASK_INTERVAL)
                } else {
                    self.at = At::Close;
                    Move::Pause(ASK_INTERVAL)
                }
            }
            At::SendSolution => {
                self.at = At::AwaitQuote;
                Move::Send(0, &self.solution)
            }
            At::AwaitQuote => {
                self.at = At::AwaitEnd;
                Move::Await(0, 1)
            }
            At::AwaitEnd => {
                self.at = At::Leave;
                Move::AwaitEnd(0, ENDS_WITHIN)
            }
            At::Leave | At::Close => {
                self.at = At::Open;
                Move::Close(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::wisdom::messages::Challenge;
    use protocol::wisdom::proof::zero_bits;

    use super::*;

    fn challenge(difficulty: u8) -> Vec<u8> {
        let mut token = Token::read(&[3; 64]);
        (token.version, token.algorithm, token.difficulty) = (1, 1, difficulty);
        let mut reply = Vec::new();
        Response::Challenge(Challenge::of(&token)).encode(&mut reply);
        reply
    }

    /// Returns a bystander that has received this reply to its request.
    fn after_reply(reply: &[u8]) -> Bystander {
        let mut bystander = Bystander::new(5, 1);
        assert!(matches!(bystander.next(MoveResult::Done), Move::OpenFrom(0, _)));
        assert_eq!(
            bystander.next(MoveResult::Done),
            Move::PauseUntilNext(turn(ASK_INTERVAL, 5), ASK_INTERVAL)
        );
        assert_eq!(bystander.next(MoveResult::Done), Move::Send(0, REQUEST));
        assert_eq!(bystander.next(MoveResult::Done), Move::Await(0, 1));
        if let Move::Compute(job) = bystander.next(MoveResult::Replies(&[reply.to_vec()])) {
            job.run();
            assert!(matches!(bystander.next(MoveResult::Done), Move::PauseUntilNext(..)));
        }
        bystander
    }

    #[test]
    fn it_sends_the_solution_awaits_the_end_and_reconnects_from_another_address() {
        let mut bystander = after_reply(&challenge(6));
        let Move::Send(0, bytes) = bystander.next(MoveResult::Done) else { panic!("nothing is sent") };
        let Ok(Request::Solution(solution)) = Request::decode(bytes) else { panic!("no solution") };
        assert!(zero_bits(&solution.token, solution.counter) >= 6);
        assert_eq!(bystander.next(MoveResult::Done), Move::Await(0, 1));
        assert_eq!(bystander.next(MoveResult::Replies(&[])), Move::AwaitEnd(0, ENDS_WITHIN));
        let before = bystander.source();
        assert_eq!(bystander.next(MoveResult::Failed(false)), Move::Close(0));
        assert!(matches!(bystander.next(MoveResult::Done), Move::OpenFrom(0, source) if source != before));
    }

    #[test]
    fn it_reconnects_if_it_cannot_solve_the_challenge() {
        for reply in [challenge(DIFFICULTY_MAX + 1), b"WW\x01\x05\0\0\0\x02{}".to_vec()] {
            let mut bystander = after_reply(&reply);
            assert_eq!(bystander.next(MoveResult::Done), Move::Close(0));
            assert!(matches!(bystander.next(MoveResult::Done), Move::OpenFrom(0, _)));
        }
    }
}
