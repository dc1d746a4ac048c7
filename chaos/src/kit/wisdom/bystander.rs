//! A bystander of WOW/1: it asks for a challenge, solves it, gets its quotation, and comes again from another address.

use std::time::Duration;

use driver::moves::Move;
use driver::moves::MoveResult;
use driver::moves::Script;
use driver::moves::Source;
use protocol::wisdom::messages::{Request, Response, Solution};
use protocol::wisdom::proof::Search;
use protocol::wisdom::token::Token;
use sha2::{Digest, Sha256};

use super::DIFFICULTY_MAX;
use crate::catalogue::wisdom::REQUEST;
use crate::scripts::planned;

/// How often each asks: in turn for a challenge and for the quotation.
pub(super) const ASK_INTERVAL: Duration = Duration::from_millis(200);

/// How soon a server ends a connection that it has to end.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// A counter is found long before, as often as anybody will try.
const COUNTERS_MAX: u64 = 1 << 24;

/// A well-behaved client. No address asks twice, so that none is told to ask less often.
#[derive(Debug)]
pub(super) struct Bystander {
    number: u32,
    seed: u64,
    /// How many requests were begun in all.
    turns: u64,
    /// How often it has come.
    lives: u32,
    at: At,
    solution: Vec<u8>,
}

/// What it does next.
#[derive(Clone, Copy, Debug)]
enum At {
    Open,
    WaitToAsk,
    Ask,
    AwaitChallenge,
    Solve,
    Bring,
    AwaitQuote,
    AwaitEnd,
    Leave,
    Close,
}

impl Bystander {
    /// One that has not begun.
    pub(super) fn new(number: u32, seed: u64) -> Self {
        Self { number, seed, turns: 0, lives: 0, at: At::Open, solution: Vec::new() }
    }

    fn source(&self) -> Source {
        let Self { seed, number, lives, .. } = self;
        let digest = Sha256::digest(format!("bystander {seed} {number} {lives}"));
        Source::Own(digest.iter().take(4).fold(0, |drawn, byte| drawn << 8 | u32::from(*byte)))
    }

    /// Solves the challenge that came, if one did that can be.
    fn solve(&mut self, came: MoveResult<'_>) -> bool {
        let MoveResult::Replies([reply]) = came else { return false };
        let Ok(Response::Challenge(challenge)) = Response::decode(reply) else { return false };
        let token = challenge.token;
        let difficulty = Token::read(&token).difficulty;
        if difficulty > DIFFICULTY_MAX {
            return false;
        }
        let Some(counter) = Search::new(&token).find(difficulty, 0..COUNTERS_MAX) else { return false };
        self.solution.clear();
        Request::Solution(Solution { token, counter }).encode(&mut self.solution);
        true
    }
}

impl Script for Bystander {
    fn next(&mut self, came: MoveResult<'_>) -> Move<'_> {
        // The end that it awaited takes its connection from it as any other trouble does, and is none.
        if came == MoveResult::Failed && !matches!(self.at, At::Leave) {
            self.at = At::Open;
            // Nobody is helped by one that knocks without a pause.
            return Move::Pause(ASK_INTERVAL);
        }
        match self.at {
            At::Open => {
                self.at = At::WaitToAsk;
                self.lives += 1;
                Move::OpenFrom(0, self.source())
            }
            At::WaitToAsk => {
                self.at = At::Ask;
                Move::PauseUntil(planned(ASK_INTERVAL, self.number, self.turns))
            }
            At::Ask => {
                self.at = At::AwaitChallenge;
                self.turns += 1;
                Move::Send(0, REQUEST)
            }
            At::AwaitChallenge => {
                self.at = At::Solve;
                Move::Await(0, 1)
            }
            At::Solve => {
                if self.solve(came) {
                    self.at = At::Bring;
                    Move::PauseUntil(planned(ASK_INTERVAL, self.number, self.turns))
                } else {
                    self.at = At::Close;
                    Move::Pause(ASK_INTERVAL)
                }
            }
            At::Bring => {
                self.at = At::AwaitQuote;
                self.turns += 1;
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

    /// Up to where it has a reply to its request.
    fn told(reply: &[u8]) -> Bystander {
        let mut bystander = Bystander::new(5, 1);
        assert!(matches!(bystander.next(MoveResult::Done), Move::OpenFrom(0, _)));
        assert_eq!(bystander.next(MoveResult::Done), Move::PauseUntil(planned(ASK_INTERVAL, 5, 0)));
        assert_eq!(bystander.next(MoveResult::Done), Move::Send(0, REQUEST));
        assert_eq!(bystander.next(MoveResult::Done), Move::Await(0, 1));
        let _ = bystander.next(MoveResult::Replies(&[reply.to_vec()]));
        bystander
    }

    #[test]
    fn it_solves_brings_awaits_the_end_and_comes_from_elsewhere() {
        let mut bystander = told(&challenge(6));
        let Move::Send(0, bytes) = bystander.next(MoveResult::Done) else { panic!("it brings nothing") };
        let Ok(Request::Solution(solution)) = Request::decode(bytes) else { panic!("no solution") };
        assert!(zero_bits(&solution.token, solution.counter) >= 6);
        assert_eq!(bystander.next(MoveResult::Done), Move::Await(0, 1));
        assert_eq!(bystander.next(MoveResult::Replies(&[])), Move::AwaitEnd(0, ENDS_WITHIN));
        let before = bystander.source();
        assert_eq!(bystander.next(MoveResult::Failed), Move::Close(0));
        assert!(matches!(bystander.next(MoveResult::Done), Move::OpenFrom(0, source) if source != before));
    }

    #[test]
    fn what_is_too_hard_or_no_challenge_makes_it_come_again() {
        for reply in [challenge(DIFFICULTY_MAX + 1), b"WW\x01\x05\0\0\0\x02{}".to_vec()] {
            let mut bystander = told(&reply);
            assert_eq!(bystander.next(MoveResult::Done), Move::Close(0));
            assert!(matches!(bystander.next(MoveResult::Done), Move::OpenFrom(0, _)));
        }
    }
}
