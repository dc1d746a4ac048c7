//! Getting one quotation: a few tries, each on a connection of its own, and the work kept between them.

use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use protocol::wisdom::messages::{Challenge, Code, Quotation, Request, Response, Solution};
use protocol::wisdom::token::Token;

use super::connection::Connection;
use super::{Failure, solver};

/// How often a quotation is tried for in all.
pub const TRIES_MAX: u32 = 5;

/// The pause after the first try that fails; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(200);

/// Whom to ask, and how much to do for it.
#[derive(Clone, Debug)]
pub struct Buyer {
    /// Host and port.
    pub addr: String,
    /// The most zero bits that are worked for.
    pub difficulty_max: u8,
    /// How many threads work.
    pub threads: NonZeroUsize,
    /// How long one quotation may take, all tries and pauses together.
    pub timeout: Duration,
}

/// A quotation, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bought {
    /// The quotation.
    pub quotation: Quotation,
    /// How many zero bits were asked for.
    pub difficulty: u8,
    /// How many counters were tried, those for challenges that expired included.
    pub hashes: u64,
    /// How long that took.
    pub solve_time: Duration,
}

/// No try brought a quotation.
#[derive(Debug, thiserror::Error)]
#[error("{failure}{}", if *.tries == 1 { String::new() } else { format!(" (at the last of {tries} tries)") })]
pub struct GaveUp {
    /// What went wrong at last.
    pub failure: Failure,
    /// How many tries there were.
    pub tries: u32,
}

/// One quotation under way.
struct Purchase<'a> {
    buyer: &'a Buyer,
    deadline: Instant,
    /// Hears the difficulty, and how many counters were tried for it.
    progress: &'a (dyn Fn(u8, u64) + Sync),
    /// A solution that has not been taken yet.
    paid: Option<Paid>,
    hashes: u64,
    solve_time: Duration,
}

#[derive(Clone, Copy)]
struct Paid {
    solution: Solution,
    difficulty: u8,
    /// When it is worth nothing any more, by this machine's clock.
    expires: Instant,
}

impl Buyer {
    /// Gets a quotation. `progress` hears a difficulty, and how many counters were tried for it: zero at first.
    ///
    /// # Errors
    /// It got none in all its tries, or another one could not help, or the time is over.
    pub fn buy(&self, progress: &(dyn Fn(u8, u64) + Sync)) -> Result<Bought, GaveUp> {
        let deadline = Instant::now() + self.timeout;
        let (hashes, solve_time) = (0, Duration::ZERO);
        let mut purchase = Purchase { buyer: self, deadline, progress, paid: None, hashes, solve_time };
        let mut pause = PAUSE_FIRST;
        let mut tries = 1;
        loop {
            let failure = match purchase.try_once() {
                Ok(bought) => return Ok(bought),
                Err(failure) => failure,
            };
            let Some(wait) = failure.retry_after().map(|asked| asked.max(pause)) else {
                return Err(GaveUp { failure, tries });
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if tries == TRIES_MAX || left <= wait {
                return Err(GaveUp { failure, tries });
            }
            thread::sleep(wait);
            pause *= 2;
            tries += 1;
        }
    }
}

impl Purchase<'_> {
    fn try_once(&mut self) -> Result<Bought, Failure> {
        let mut connection = Connection::open(&self.buyer.addr, self.deadline)?;
        let paid = match self.paid.filter(|paid| Instant::now() < paid.expires) {
            Some(paid) => paid,
            None => self.pay(&mut connection)?,
        };
        self.paid = Some(paid);
        match connection.ask(&Request::Solution(paid.solution))? {
            Response::Quote(quotation) => Ok(Bought {
                quotation,
                difficulty: paid.difficulty,
                hashes: self.hashes,
                solve_time: self.solve_time,
            }),
            Response::Error(refusal) => {
                if !leaves_solution(refusal.code) {
                    self.paid = None;
                }
                Err(Failure::Refused(refusal))
            }
            Response::Challenge(_) => Err(Failure::Misplaced("a challenge")),
        }
    }

    /// Asks for a challenge, and solves it.
    fn pay(&mut self, connection: &mut Connection) -> Result<Paid, Failure> {
        let challenge = match connection.ask(&Request::Challenge)? {
            Response::Challenge(challenge) => challenge,
            Response::Error(refusal) => return Err(Failure::Refused(refusal)),
            Response::Quote(_) => return Err(Failure::Misplaced("a quotation")),
        };
        let asked = self.check(&challenge)?;
        // Counted from now on, for the server's clock may say anything.
        let expires = Instant::now() + Duration::from_millis(asked.ttl_ms.into());
        let difficulty = asked.difficulty;
        let progress = |hashes: u64| (self.progress)(difficulty, hashes);
        let (threads, until) = (self.buyer.threads, expires.min(self.deadline));
        let outcome = solver::solve(&challenge.token, difficulty, threads, until, &progress);
        self.hashes += outcome.hashes;
        self.solve_time += outcome.took;
        match outcome.counter {
            Some(counter) => {
                let solution = Solution { token: challenge.token, counter };
                Ok(Paid { solution, difficulty, expires })
            }
            None if expires < self.deadline => Err(Failure::Expired),
            None => Err(Failure::NotSolved),
        }
    }

    /// Brings what the token says, if it is to be worked for.
    fn check(&self, challenge: &Challenge) -> Result<Token, Failure> {
        if let Some(field) = challenge.disagreement() {
            return Err(Failure::Contradiction(field));
        }
        let asked = Token::read(&challenge.token);
        let (difficulty, difficulty_max) = (asked.difficulty, self.buyer.difficulty_max);
        if difficulty > difficulty_max {
            return Err(Failure::TooHard { difficulty, difficulty_max });
        }
        Ok(asked)
    }
}

/// Whether a server that says this may still take the same solution.
fn leaves_solution(code: Code) -> bool {
    matches!(code, Code::ServerBusy | Code::RateLimited | Code::ShuttingDown | Code::Timeout | Code::Internal)
}
