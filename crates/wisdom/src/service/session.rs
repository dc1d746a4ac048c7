//! The state of one connection.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::Framing;
use protocol::wisdom::frames::{FRAME_BYTES_MAX, Frames};
use protocol::wisdom::messages::Code;
use protocol::wisdom::token::Holder;
use server::service::Awaited;

/// Challenges that a connection receives before it solves one.
const CHALLENGES_MAX: u8 = 2;

/// Number of solutions with insufficient work after which the connection closes.
const INSUFFICIENT_MAX: u8 = 3;

/// The session of a connection.
#[derive(Debug)]
pub struct Session {
    pub(super) frames: Frames,
    pub(super) address: IpAddr,
    pub(super) holder: Holder,
    /// The number of issued challenges. Zero is the state READY, any other number the state `WAIT_SOLUTION`.
    challenges: u8,
    insufficient: u8,
    open_sessions: Arc<AtomicUsize>,
}

impl Session {
    /// Creates a session and counts it in `open_sessions` until it is dropped.
    pub(super) fn new(address: IpAddr, binds_address: bool, open_sessions: Arc<AtomicUsize>) -> Self {
        open_sessions.fetch_add(1, Ordering::Relaxed);
        Self {
            frames: Frames::new(FRAME_BYTES_MAX),
            address,
            holder: if binds_address { Holder::at(address) } else { Holder::ANYBODY },
            challenges: 0,
            insufficient: 0,
            open_sessions,
        }
    }

    /// Reports whether the connection may request another challenge.
    pub(super) fn may_request(&self) -> bool {
        self.challenges < CHALLENGES_MAX
    }

    /// Notes an issued challenge.
    pub(super) fn note_challenge(&mut self) {
        self.challenges += 1;
    }

    /// Notes a failed solution. Returns the code of the reply, which differs for the last permitted attempt.
    pub(super) fn note_failure(&mut self, code: Code) -> Code {
        match code {
            Code::ChallengeExpired => self.challenges = 0,
            Code::InsufficientWork => self.insufficient += 1,
            _ => {}
        }
        if self.insufficient >= INSUFFICIENT_MAX { Code::TooManyAttempts } else { code }
    }

    /// The client action that the connection waits for.
    pub(super) fn awaits(&self) -> Awaited {
        if self.frames.is_mid_frame() {
            Awaited::RestOfRequest
        } else if self.challenges > 0 {
            Awaited::Work
        } else {
            Awaited::NextRequest
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.open_sessions.fetch_sub(1, Ordering::Relaxed);
    }
}
