//! Obtaining one quotation: several attempts, each on its own connection, which share the solution.

use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use protocol::wisdom::messages::{Challenge, Code, Quotation, Request, Response, Solution};
use protocol::wisdom::token::Token;

use super::connection::Connection;
use super::failure::Failure;
use super::solver;

/// Attempts for one quotation.
pub const ATTEMPTS_MAX: u32 = 5;

/// Pause after the first failed attempt. Each further pause is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(200);

/// A client with its server and limits.
#[derive(Clone, Debug)]
pub struct Client {
    /// Host and port of the server.
    pub addr: String,
    /// Highest accepted difficulty, in zero bits.
    pub difficulty_max: u8,
    /// Threads that solve a challenge.
    pub threads: NonZeroUsize,
    /// Time limit for one quotation, including all attempts and pauses.
    pub timeout: Duration,
}

/// A quotation and its cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchased {
    /// The quotation.
    pub quotation: Quotation,
    /// The difficulty of the solved challenge, in zero bits.
    pub difficulty: u8,
    /// Computed hashes, including those for expired challenges.
    pub hashes: u64,
    /// Time spent solving.
    pub solve_time: Duration,
}

/// The error after the last attempt.
#[derive(Debug, thiserror::Error)]
#[error("{failure}{}", if *.attempts == 1 { String::new() } else { format!(" (after {attempts} attempts)") })]
pub struct GaveUp {
    /// The failure of the last attempt.
    pub failure: Failure,
    /// The number of attempts.
    pub attempts: u32,
}

/// The state of obtaining one quotation.
struct Purchase<'a> {
    client: &'a Client,
    deadline: Instant,
    /// Receives the difficulty and the number of computed hashes.
    progress: &'a (dyn Fn(u8, u64) + Sync),
    /// A solution that the server has not accepted or rejected yet.
    solved: Option<Solved>,
    hashes: u64,
    solve_time: Duration,
}

#[derive(Clone, Copy)]
struct Solved {
    solution: Solution,
    difficulty: u8,
    /// The expiry of the challenge, by the clock of this host.
    expires: Instant,
}

impl Client {
    /// Obtains a quotation. `progress` receives the difficulty and the number of computed hashes, first zero.
    ///
    /// # Errors
    /// Fails if all attempts fail, if another attempt cannot succeed, or after the time limit.
    pub fn obtain(&self, progress: &(dyn Fn(u8, u64) + Sync)) -> Result<Purchased, GaveUp> {
        let deadline = Instant::now() + self.timeout;
        let (hashes, solve_time) = (0, Duration::ZERO);
        let mut purchase = Purchase { client: self, deadline, progress, solved: None, hashes, solve_time };
        let mut pause = PAUSE_FIRST;
        let mut attempts = 1;
        loop {
            let failure = match purchase.attempt() {
                Ok(purchased) => return Ok(purchased),
                Err(failure) => failure,
            };
            let Some(wait) = failure.retry_after().map(|asked| asked.max(pause)) else {
                return Err(GaveUp { failure, attempts });
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if attempts == ATTEMPTS_MAX || left <= wait {
                return Err(GaveUp { failure, attempts });
            }
            thread::sleep(wait);
            pause *= 2;
            attempts += 1;
        }
    }
}

impl Purchase<'_> {
    fn attempt(&mut self) -> Result<Purchased, Failure> {
        let mut connection = Connection::open(&self.client.addr, self.deadline)?;
        let solved = match self.solved.filter(|solved| Instant::now() < solved.expires) {
            Some(solved) => solved,
            None => self.solve(&mut connection)?,
        };
        self.solved = Some(solved);
        match connection.ask(&Request::Solution(solved.solution))? {
            Response::Quote(quotation) => Ok(Purchased {
                quotation,
                difficulty: solved.difficulty,
                hashes: self.hashes,
                solve_time: self.solve_time,
            }),
            Response::Error(refusal) => {
                if !may_accept_again(refusal.code) {
                    self.solved = None;
                }
                Err(Failure::Refused(refusal))
            }
            Response::Challenge(_) => Err(Failure::Unexpected("a challenge")),
        }
    }

    /// Requests a challenge and solves it.
    fn solve(&mut self, connection: &mut Connection) -> Result<Solved, Failure> {
        let challenge = match connection.ask(&Request::Challenge)? {
            Response::Challenge(challenge) => challenge,
            Response::Error(refusal) => return Err(Failure::Refused(refusal)),
            Response::Quote(_) => return Err(Failure::Unexpected("a quotation")),
        };
        let token = self.check(&challenge)?;
        // Counted from the receipt, because the clock of the server may differ.
        let expires = Instant::now() + Duration::from_millis(token.ttl_ms.into());
        let difficulty = token.difficulty;
        let progress = |hashes: u64| (self.progress)(difficulty, hashes);
        let (threads, until) = (self.client.threads, expires.min(self.deadline));
        let outcome = solver::solve(&challenge.token, difficulty, threads, until, &progress);
        self.hashes += outcome.hashes;
        self.solve_time += outcome.duration;
        match outcome.counter {
            Some(counter) => {
                let solution = Solution { token: challenge.token, counter };
                Ok(Solved { solution, difficulty, expires })
            }
            None if expires < self.deadline => Err(Failure::Expired),
            None => Err(Failure::NotSolved),
        }
    }

    /// Checks a challenge and returns its token.
    fn check(&self, challenge: &Challenge) -> Result<Token, Failure> {
        if let Some(field) = challenge.disagreement() {
            return Err(Failure::Contradiction(field));
        }
        let token = Token::read(&challenge.token);
        let (difficulty, difficulty_max) = (token.difficulty, self.client.difficulty_max);
        if difficulty > difficulty_max {
            return Err(Failure::TooDifficult { difficulty, difficulty_max });
        }
        Ok(token)
    }
}

/// Reports whether a server that returned this code may accept the same solution later.
fn may_accept_again(code: Code) -> bool {
    matches!(code, Code::ServerBusy | Code::RateLimited | Code::ShuttingDown | Code::Timeout | Code::Internal)
}
