//! The service of WOW/1: issues challenges, and returns a quotation for each solved one.
//!
//! The service stores no issued challenges, because each token is signed. It stores the nonces of solved challenges
//! until the challenges expire.

mod background;
#[cfg(test)]
mod costs;
mod counts;
mod difficulty;
mod error;
mod key_file;
mod keys;
pub mod quotations;
mod recent_requests;
mod session;
mod spent;
mod state;
mod time;
mod unanswered;

use std::net::IpAddr;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use protocol::wisdom::messages::{Code, Refusal, Request, Response};
use protocol::{Framing, Next};
use server::clock::Clock;
use server::limits;
use server::service::{Answered, Awaited, CloseReason, Linger, Service};
use smol::future;
use tracing::{error, trace};

pub use counts::{Counts, Durations};
pub use difficulty::Range;
pub use error::Error;
pub use key_file::{InvalidKeyFile, SECRET_BYTES_MIN, Secret};
pub use keys::{Scope, Settings as KeySettings};
pub use session::Session;
pub use state::ChallengeSettings;

use quotations::Quotations;
use state::State;

/// The value of `retry_after_ms` in errors after which the client may retry, in milliseconds.
const RETRY_AFTER_MS: u64 = 1_000;

/// Issues challenges and returns quotations.
#[derive(Debug)]
pub struct WisdomService<C> {
    state: State<C>,
    quotations: Arc<Quotations>,
}

impl<C: Clock> WisdomService<C> {
    /// Creates the service, and starts the thread that fetches quotations.
    ///
    /// # Errors
    /// Fails if the secret file is invalid or the operating system refuses a resource.
    pub fn new(
        challenges: ChallengeSettings,
        quotations: quotations::Settings,
        clock: C,
    ) -> Result<Self, Error> {
        // First, because an invalid secret file is the most common error.
        let state = State::new(challenges, clock)?;
        let quotations = Quotations::new(quotations);
        quotations.start()?;
        Ok(Self { state, quotations })
    }

    /// The counters of the service.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.state.counts
    }

    /// The difficulty of the next challenge, in zero bits, without the surcharge for frequent requests.
    #[must_use]
    pub fn difficulty(&self) -> u8 {
        self.state.difficulty()
    }

    /// The number of stored nonces of solved challenges, and its limit.
    #[must_use]
    pub fn spent_and_limit(&self) -> (usize, usize) {
        (self.state.spent.count(), self.state.spent.nonces_max())
    }

    /// The number of challenges that have expired without a solution.
    #[must_use]
    pub fn expired_total(&self) -> u64 {
        self.state.expired_total()
    }

    /// The counters of the outside sources of quotations, in the order of the settings.
    #[must_use]
    pub fn sources(&self) -> Vec<quotations::SourceCounts> {
        self.quotations.counts()
    }

    fn reply(&self, session: &mut Session, request: &Request) -> Response {
        let state = &self.state;
        match request {
            Request::Challenge if !session.may_request() => refused(Code::UnexpectedMessage),
            Request::Challenge => match state.challenge(session) {
                Ok(challenge) => {
                    session.note_challenge();
                    state.counts.challenges.fetch_add(1, Ordering::Relaxed);
                    Response::Challenge(challenge)
                }
                Err(problem) => {
                    error!(%problem, "cannot issue a challenge");
                    refused(Code::Internal)
                }
            },
            Request::Solution(solution) => {
                let received = state.time.now();
                let checked = state.check(session, solution);
                state.counts.check.observe(state.time.now().saturating_duration_since(received));
                match checked {
                    Ok(()) => {
                        let quotation = self.quotations.take();
                        state.counts.count_quotation(quotation.source);
                        Response::Quote(quotation)
                    }
                    Err(code) => refused(session.note_failure(code)),
                }
            }
        }
    }

    /// Counts a reply, and reports whether the connection closes after it.
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
                self.state.counts.count_error(refusal.code);
                !matches!(refusal.code, Code::ChallengeExpired | Code::InsufficientWork)
            }
        }
    }
}

impl<C: Clock> Service for WisdomService<C> {
    type Session = Session;

    /// A quotation has up to 4,104 bytes, and the shortest solution has 139. A request has 10 bytes, and its challenge
    /// has less than 300. An error for a single wrong byte is longer, but it closes the connection.
    const REPLY_BYTES_PER_BYTE_MAX: usize = 30;

    const LINGER: Linger = Linger { bytes_max: 4096, duration_max: std::time::Duration::from_millis(250) };

    fn open_session(&self, peer: IpAddr) -> Session {
        Session::new(peer, self.state.settings.binds_address, Arc::clone(&self.state.sessions))
    }

    fn answer(&self, session: &mut Session, input: &[u8], replies: &mut Vec<u8>) -> Answered {
        let (mut at, mut requests) = (0, 0);
        loop {
            let (taken, next) = session.frames.next(&input[at..]);
            at += taken;
            let request = match next {
                Next::Frame(frame) => Request::decode(frame).map_err(Code::from),
                Next::TooLong => Err(Code::FrameTooLarge),
                Next::Incomplete => return Answered { requests, closes_connection: false },
            };
            let response = match &request {
                Ok(request) => self.reply(session, request),
                Err(code) => refused(*code),
            };
            let closes_connection = self.note(&response);
            response.encode(replies);
            requests += 1;
            if closes_connection {
                return Answered { requests, closes_connection };
            }
        }
    }

    fn awaits(&self, session: &Session) -> Awaited {
        session.awaits()
    }

    fn buffered_bytes(&self, session: &Session) -> usize {
        session.frames.partial().len()
    }

    fn append_close_reason(&self, reason: CloseReason, replies: &mut Vec<u8>) {
        use limits::Refusal as Limit;
        let code = match reason {
            CloseReason::ShuttingDown => Code::ShuttingDown,
            CloseReason::Refused(
                Limit::Connections | Limit::ConnectionsPerAddress | Limit::BufferedBytes,
            ) => Code::ServerBusy,
            CloseReason::Refused(Limit::ConnectRate | Limit::RequestRate) => Code::RateLimited,
            CloseReason::Refused(_) => Code::Timeout,
        };
        if reason == CloseReason::Refused(Limit::Connections) {
            self.state.counts.refused_connections.fetch_add(1, Ordering::Relaxed);
        }
        let response = refused(code);
        self.note(&response);
        response.encode(replies);
    }

    fn note_lost_connection(&self) {
        self.state.counts.lost_connections.fetch_add(1, Ordering::Relaxed);
    }

    async fn run(self: Arc<Self>, clock: impl Clock) {
        future::or(background::run(&self.state, &clock), self.quotations.await_panic()).await;
        // Only the thread that fetches quotations ends, and it has printed the message of its panic.
        resume_unwind(Box::new("the thread that fetches quotations panicked"));
    }
}

fn refused(code: Code) -> Response {
    let waits = matches!(code, Code::RateLimited | Code::ServerBusy | Code::ShuttingDown);
    Response::Error(Refusal { retry_after_ms: waits.then_some(RETRY_AFTER_MS), ..code.into() })
}
