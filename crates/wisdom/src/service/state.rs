//! The state that all connections share: how challenges are issued and how solutions are checked.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::wisdom::messages::{Challenge, Code, Solution};
use protocol::wisdom::proof;
use protocol::wisdom::token::{self, Token};
use server::clock::Clock;

use super::counts::Counts;
use super::difficulty::{self, Range};
use super::error::Error;
use super::keys::{self, Keys};
use super::recent_requests::RecentRequests;
use super::session::Session;
use super::spent::{Spending, SpentNonces};
use super::time::Time;

/// Addresses whose requests are counted; each needs less than two hundred bytes.
const ADDRESSES_MAX: usize = 65_536;

/// The settings of challenges and of their difficulty.
#[derive(Clone, Debug)]
pub struct ChallengeSettings {
    /// The range of the difficulty.
    pub difficulty: Range,
    /// Lifetime of a challenge.
    pub ttl: Duration,
    /// Whether a challenge is valid for the address that requested it only.
    pub binds_address: bool,
    /// The keys that sign challenges.
    pub keys: keys::Settings,
    /// Capacity for the nonces of solved challenges.
    pub spent_max: usize,
    /// Connections above which the difficulty rises.
    pub connections_target: usize,
    /// Challenges per second above which the difficulty rises.
    pub challenge_rate_target: u32,
    /// Delay of a solution above which the difficulty rises.
    pub wait_target: Duration,
}

impl ChallengeSettings {
    fn ttl_ms(&self) -> u32 {
        u32::try_from(self.ttl.as_millis()).unwrap_or(u32::MAX)
    }
}

#[derive(Debug)]
pub(super) struct State<C> {
    pub(super) settings: ChallengeSettings,
    pub(super) time: Time<C>,
    pub(super) keys: Keys,
    pub(super) spent: SpentNonces,
    recent_requests: Mutex<RecentRequests>,
    pub(super) difficulty: AtomicU8,
    /// Issued challenges that count as load: no address contributes more than its share.
    pub(super) pressing_challenges: AtomicU64,
    pub(super) sessions: Arc<AtomicUsize>,
    pub(super) counts: Counts,
}

impl<C: Clock> State<C> {
    pub(super) fn new(settings: ChallengeSettings, clock: C) -> Result<Self, Error> {
        Ok(Self {
            time: Time::new(clock),
            keys: Keys::new(&settings.keys)?,
            spent: SpentNonces::new(settings.spent_max),
            recent_requests: Mutex::new(RecentRequests::new(ADDRESSES_MAX, settings.ttl_ms().into())),
            difficulty: AtomicU8::new(settings.difficulty.base),
            pressing_challenges: AtomicU64::new(0),
            sessions: Arc::default(),
            counts: Counts::default(),
            settings,
        })
    }

    /// The difficulty of the next challenge, in zero bits, without the surcharge of an address.
    pub(super) fn difficulty(&self) -> u8 {
        self.difficulty.load(Ordering::Relaxed)
    }

    /// The number of challenges that have expired without a solution.
    pub(super) fn expired_total(&self) -> u64 {
        self.recent_requests().expired_total(self.time.now_ms())
    }

    /// The requests of all addresses.
    pub(super) fn recent_requests(&self) -> MutexGuard<'_, RecentRequests> {
        self.recent_requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Issues a challenge.
    pub(super) fn challenge(&self, session: &Session) -> Result<Challenge, Error> {
        let issued_ms = self.time.now_ms();
        let requests = self.recent_requests().count(session.address, issued_ms);
        if requests.of_second <= difficulty::share_of_address(self.settings.challenge_rate_target) {
            self.pressing_challenges.fetch_add(1, Ordering::Relaxed);
        }
        let difficulty = self.difficulty().saturating_add(difficulty::extra_bits(requests.attempts()));
        let token = Token {
            version: token::VERSION,
            algorithm: token::ALGORITHM,
            difficulty: difficulty.min(self.settings.difficulty.max),
            key_id: 0,
            issued_ms,
            ttl_ms: self.settings.ttl_ms(),
            nonce: keys::random_bytes()?,
            tag: [0; 32],
        };
        Ok(Challenge::of(&self.keys.sign(token, &session.holder)))
    }

    /// Checks a solution in the order of the specification, and spends its challenge if it is valid.
    pub(super) fn check(&self, session: &Session, solution: &Solution) -> Result<(), Code> {
        let now_ms = self.time.now_ms();
        let token = Token::read(&solution.token);
        if !self.keys.have_signed(&solution.token, &session.holder, now_ms) {
            return Err(Code::InvalidSignature);
        }
        // A server of another version that shares the secret may have signed it. Its other fields then mean nothing here.
        if !token.is_supported() {
            return Err(Code::InvalidSignature);
        }
        if !token.is_current(now_ms) {
            return Err(Code::ChallengeExpired);
        }
        if proof::zero_bits(&solution.token, solution.counter) < token.difficulty.into() {
            return Err(Code::InsufficientWork);
        }
        match self.spent.spend(token.nonce, token.expires_ms()) {
            Spending::Spent => {
                self.recent_requests().note_solved(session.address, token.issued_ms);
                let duration_ms = now_ms.saturating_sub(token.issued_ms);
                self.counts.solve.observe(Duration::from_millis(duration_ms));
                Ok(())
            }
            Spending::AlreadySpent => Err(Code::Replayed),
            Spending::Full => Err(Code::ServerBusy),
            Spending::Expired => Err(Code::ChallengeExpired),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use server::clock::MonotonicClock;

    use super::super::keys::Scope;
    use super::*;

    fn state() -> State<MonotonicClock> {
        let settings = ChallengeSettings {
            difficulty: Range { base: 1, min: 1, max: 8 },
            ttl: Duration::from_mins(1),
            binds_address: true,
            keys: keys::Settings { file: None, secret: None, scope: Scope::Boot, grace: Duration::ZERO },
            spent_max: 100,
            connections_target: 1,
            challenge_rate_target: 1,
            wait_target: Duration::from_secs(1),
        };
        State::new(settings, MonotonicClock).unwrap()
    }

    /// Servers of several versions may share a secret, so such a token can have a valid signature.
    #[test]
    fn a_signed_token_of_another_version_or_algorithm_is_refused() {
        let state = state();
        let session = Session::new(Ipv4Addr::LOCALHOST.into(), true, Arc::default());
        for (version, algorithm, expected) in [
            (token::VERSION, token::ALGORITHM, Ok(())),
            (token::VERSION + 1, token::ALGORITHM, Err(Code::InvalidSignature)),
            (token::VERSION, token::ALGORITHM + 1, Err(Code::InvalidSignature)),
        ] {
            let token = Token {
                version,
                algorithm,
                difficulty: 0,
                key_id: 0,
                issued_ms: state.time.now_ms(),
                ttl_ms: 60_000,
                nonce: [version << 4 | algorithm; 16],
                tag: [0; 32],
            };
            let solution = Solution { token: state.keys.sign(token, &session.holder).bytes(), counter: 0 };
            assert_eq!(state.check(&session, &solution), expected, "{version} {algorithm}");
        }
    }
}
