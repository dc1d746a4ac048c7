//! The service of WOW/1: a challenge for whoever asks, a quotation for whoever has solved one.
//!
//! It remembers nothing of a challenge that it gives: the token bears a signature. Only that one was solved is
//! remembered, until it has expired.

mod askers;
mod beside;
#[cfg(test)]
mod costs;
mod counts;
mod difficulty;
mod key_file;
mod keys;
pub mod quotations;
mod session;
mod spent;
mod time;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::wisdom::messages::{Challenge, Code, Refusal, Request, Response, Solution};
use protocol::wisdom::proof;
use protocol::wisdom::token::{self, Token};
use protocol::{Framing, Next};
use tracing::{error, trace};

pub use counts::{Counts, Durations};
pub use difficulty::Range;
pub use key_file::{SECRET_BYTES_MIN, Secret, WrongFile};
pub use keys::{Scope, Settings as KeySettings};

use super::{Answered, Awaited, Farewell, Parting, Service};
use crate::clock::Clock;
use crate::limits;
use askers::Askers;
use keys::Keys;
use quotations::Quotations;
use session::Session;
use spent::{Spending, Spent};
use time::Time;

/// How the service does what it does.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How hard challenges are.
    pub difficulty: Range,
    /// How long a challenge may be solved.
    pub ttl: Duration,
    /// Whether a challenge is for the address that asked for it, or for anybody.
    pub binds_address: bool,
    /// What signs challenges.
    pub keys: KeySettings,
    /// How many solved challenges are remembered.
    pub spent_max: usize,
    /// With more connections than this the server is pressed.
    pub connections_target: usize,
    /// With more challenges a second than this too.
    pub challenge_rate_target: u32,
    /// And where a solution waits longer than this for a thread.
    pub wait_target: Duration,
    /// Where quotations come from.
    pub quotations: quotations::Settings,
}

/// Why there is no service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of secrets is wrong.
    #[error("the file of secrets {}: {problem}", path.display())]
    SecretFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: WrongFile,
    },
    /// The system draws no random bytes.
    #[error("the system draws no random bytes: {0}")]
    Randomness(String),
    /// No thread for fetching quotations.
    #[error("no thread to fetch quotations: {0}")]
    Thread(#[from] io::Error),
}

/// How many addresses are counted that ask for challenges; each takes about a hundred bytes.
const ASKERS_MAX: usize = 65_536;

/// How long a client waits that is told to come again.
const RETRY_AFTER_MS: u64 = 1_000;

/// Gives challenges and quotations.
#[derive(Debug)]
pub struct WisdomService<C> {
    settings: Settings,
    time: Time<C>,
    keys: Keys,
    spent: Spent,
    askers: Mutex<Askers>,
    quotations: Arc<Quotations>,
    difficulty: AtomicU8,
    sessions: Arc<AtomicUsize>,
    counts: Counts,
}

impl<C: Clock> WisdomService<C> {
    /// A service that has given nothing yet.
    ///
    /// # Errors
    /// There are no keys, or the system refuses something.
    pub fn new(settings: Settings, clock: C) -> Result<Self, Error> {
        // First, since it may be that there are none.
        let keys = Keys::new(&settings.keys)?;
        let quotations = Quotations::new(settings.quotations.clone());
        quotations.start()?;
        Ok(Self {
            time: Time::new(clock),
            keys,
            spent: Spent::new(settings.spent_max),
            askers: Mutex::new(Askers::new(ASKERS_MAX)),
            quotations,
            difficulty: AtomicU8::new(settings.difficulty.base),
            sessions: Arc::default(),
            counts: Counts::default(),
            settings,
        })
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How hard the next challenge is, for who asks seldom.
    #[must_use]
    pub fn difficulty(&self) -> u8 {
        self.difficulty.load(Ordering::Relaxed)
    }

    /// How many solved challenges are remembered, and how many may be.
    #[must_use]
    pub fn spent_and_limit(&self) -> (usize, usize) {
        (self.spent.count(), self.spent.nonces_max())
    }

    /// How outside sources of quotations have done.
    #[must_use]
    pub fn sources(&self) -> Vec<quotations::SourceCounts> {
        self.quotations.counts()
    }

    fn reply(&self, session: &mut Session, request: &Request) -> Response {
        match request {
            Request::Challenge if !session.may_ask() => refused(Code::UnexpectedMessage),
            Request::Challenge => match self.challenge(session) {
                Ok(challenge) => {
                    session.note_challenge();
                    self.counts.challenges.fetch_add(1, Ordering::Relaxed);
                    Response::Challenge(challenge)
                }
                Err(problem) => {
                    error!(%problem, "no challenge can be given");
                    refused(Code::Internal)
                }
            },
            Request::Solution(solution) => {
                let arrived = self.time.now();
                let checked = self.check(session, solution);
                self.counts.check.observe(self.time.now().saturating_duration_since(arrived));
                match checked {
                    Ok(()) => {
                        let quotation = self.quotations.take();
                        self.counts.count_quotation(quotation.source);
                        Response::Quote(quotation)
                    }
                    Err(code) => refused(session.note_failure(code)),
                }
            }
        }
    }

    fn challenge(&self, session: &Session) -> Result<Challenge, Error> {
        let issued_ms = self.time.now_ms();
        let asked = {
            let mut askers = self.askers.lock().unwrap_or_else(PoisonError::into_inner);
            askers.asks(session.address, issued_ms)
        };
        let difficulty = self.difficulty().saturating_add(difficulty::extra_bits(asked));
        let token = Token {
            version: token::VERSION,
            algorithm: token::ALGORITHM,
            difficulty: difficulty.min(self.settings.difficulty.max),
            key_id: 0,
            issued_ms,
            ttl_ms: u32::try_from(self.settings.ttl.as_millis()).unwrap_or(u32::MAX),
            nonce: keys::draw()?,
            tag: [0; 32],
        };
        Ok(Challenge::of(&self.keys.sign(token, &session.holder)))
    }

    /// Looks at a solution in the order of the specification, and spends its challenge if all is right.
    fn check(&self, session: &Session, solution: &Solution) -> Result<(), Code> {
        let now_ms = self.time.now_ms();
        let token = Token::read(&solution.token);
        if !self.keys.have_signed(&solution.token, &session.holder, now_ms) {
            return Err(Code::InvalidSignature);
        }
        if !token.is_current(now_ms) {
            return Err(Code::ChallengeExpired);
        }
        if proof::zero_bits(&solution.token, solution.counter) < token.difficulty.into() {
            return Err(Code::InsufficientWork);
        }
        match self.spent.spend(token.nonce, token.expires_ms()) {
            Spending::Done => {
                let took_ms = now_ms.saturating_sub(token.issued_ms);
                self.counts.solve.observe(Duration::from_millis(took_ms));
                Ok(())
            }
            Spending::Again => Err(Code::Replayed),
            Spending::Full => Err(Code::ServerBusy),
            Spending::TooLate => Err(Code::ChallengeExpired),
        }
    }
}

impl<C: Clock> Service for WisdomService<C> {
    type Session = Session;

    /// A quotation has up to 4,104 bytes, and the shortest solution that brings one has 139; a request has 10, and its
    /// challenge has less than 300. A byte that is wrong brings more, but it is the last one.
    const REPLY_BYTES_FOR_A_BYTE_MAX: usize = 30;

    const FAREWELL: Farewell = Farewell { bytes_max: 4096, duration_max: Duration::from_millis(250) };

    fn open_session(&self, peer: IpAddr) -> Session {
        Session::new(peer, self.settings.binds_address, Arc::clone(&self.sessions))
    }

    fn answer(&self, session: &mut Session, input: &[u8], replies: &mut Vec<u8>) -> Answered {
        let (mut at, mut requests) = (0, 0);
        loop {
            let (taken, next) = session.frames.next(&input[at..]);
            at += taken;
            let request = match next {
                Next::Frame(frame) => {
                    Request::decode(frame).map_err(protocol::wisdom::frames::Malformed::code)
                }
                Next::TooLong => Err(Code::FrameTooLarge),
                Next::Incomplete => return Answered { requests, is_over: false },
            };
            let response = match &request {
                Ok(request) => self.reply(session, request),
                Err(code) => refused(*code),
            };
            let is_over = self.note(&response);
            response.encode(replies);
            requests += 1;
            if is_over {
                return Answered { requests, is_over };
            }
        }
    }

    fn awaits(&self, session: &Session) -> Awaited {
        session.awaits()
    }

    fn say_last_words(&self, why: Parting, replies: &mut Vec<u8>) {
        use limits::Refusal as Limit;
        let code = match why {
            Parting::ShuttingDown => Code::ShuttingDown,
            Parting::Refused(Limit::Connections | Limit::ConnectionsPerAddress) => Code::ServerBusy,
            Parting::Refused(Limit::ConnectRate | Limit::RequestRate) => Code::RateLimited,
            Parting::Refused(_) => Code::Timeout,
        };
        if why == Parting::Refused(Limit::Connections) {
            self.counts.turned_away.fetch_add(1, Ordering::Relaxed);
        }
        let response = refused(code);
        self.note(&response);
        response.encode(replies);
    }

    async fn run(self: Arc<Self>, clock: impl Clock) {
        beside::run(&self, &clock).await;
    }
}

impl<C> WisdomService<C> {
    /// Counts a reply, and says whether it is the last one.
    fn note(&self, response: &Response) -> bool {
        match response {
            Response::Challenge(challenge) => {
                trace!(difficulty = challenge.difficulty, "challenge");
                false
            }
            Response::Quote(quotation) => {
                trace!(source = quotation.source.name(), "quotation");
                true
            }
            Response::Error(refusal) => {
                trace!(code = refusal.code.name(), "refused");
                self.counts.count_error(refusal.code);
                !matches!(refusal.code, Code::ChallengeExpired | Code::InsufficientWork)
            }
        }
    }
}

fn refused(code: Code) -> Response {
    let waits = matches!(code, Code::RateLimited | Code::ServerBusy | Code::ShuttingDown);
    Response::Error(Refusal { retry_after_ms: waits.then_some(RETRY_AFTER_MS), ..code.into() })
}
