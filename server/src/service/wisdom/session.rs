//! What is remembered of one connection.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::Framing;
use protocol::wisdom::frames::{FRAME_BYTES_MAX, Frames};
use protocol::wisdom::messages::Code;
use protocol::wisdom::token::Holder;

use super::Awaited;

/// So many challenges a client gets before it solves one.
const CHALLENGES_MAX: u8 = 2;

/// With so many solutions that lack work it ends.
const INSUFFICIENT_MAX: u8 = 3;

/// A connection, from its beginning to its end.
#[derive(Debug)]
pub struct Session {
    pub(super) frames: Frames,
    pub(super) address: IpAddr,
    pub(super) holder: Holder,
    /// How many it was given; with none it is ready for anything, with one or more a solution is waited for.
    challenges: u8,
    insufficient: u8,
    open: Arc<AtomicUsize>,
}

impl Session {
    /// Begins, and counts itself among those that are open.
    pub(super) fn new(address: IpAddr, binds_address: bool, open: Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self {
            frames: Frames::new(FRAME_BYTES_MAX),
            address,
            holder: if binds_address { Holder::at(address) } else { Holder::ANYBODY },
            challenges: 0,
            insufficient: 0,
            open,
        }
    }

    /// Whether it may have a challenge more.
    pub(super) fn may_ask(&self) -> bool {
        self.challenges < CHALLENGES_MAX
    }

    /// It got one.
    pub(super) fn note_challenge(&mut self) {
        self.challenges += 1;
    }

    /// A solution failed. Brings what the client is told, which may be that this was once too often.
    pub(super) fn note_failure(&mut self, code: Code) -> Code {
        match code {
            Code::ChallengeExpired => self.challenges = 0,
            Code::InsufficientWork => self.insufficient += 1,
            _ => {}
        }
        if self.insufficient >= INSUFFICIENT_MAX { Code::TooManyAttempts } else { code }
    }

    /// What its client is to do now.
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
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}
