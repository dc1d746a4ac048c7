//! The client of WOW/1: asks for a challenge, solves it on all cores, and gets a quotation for it.
//!
//! Blocking sockets and plain threads: whoever solves keeps a core busy, and has no use for a runtime.

mod buying;
pub mod command;
mod connection;
pub mod solver;

use std::fmt;
use std::io;
use std::time::Duration;

use protocol::wisdom::frames::Malformed;
use protocol::wisdom::messages::Refusal;

pub use buying::{Bought, Buyer, GaveUp, TRIES_MAX};

/// Why a try brought no quotation.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody takes a connection there.
    #[error("cannot reach {addr}: {source}")]
    Unreachable {
        /// As it was given.
        addr: String,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection was lost: {0}")]
    Lost(io::Error),
    /// The connection ended where an answer had to come.
    #[error("the server ended the connection without an answer")]
    Ended,
    /// The server took too long.
    #[error("the server does not answer in time")]
    TooSlow,
    /// What came is none of the protocol's messages.
    #[error("the server does not speak WOW/1: {0}")]
    NotSpoken(Malformed),
    /// What came is a message that has no place there.
    #[error("the server answered with {0}, which has no place there")]
    Misplaced(&'static str),
    /// A challenge says something else than its token.
    #[error("the challenge contradicts its token: {0}")]
    Contradiction(&'static str),
    /// A challenge asks for more work than this client does.
    #[error("the challenge asks for {difficulty} zero bits, and at most {difficulty_max} are worked for")]
    TooHard {
        /// What it asks for, in bits.
        difficulty: u8,
        /// What is done at most.
        difficulty_max: u8,
    },
    /// A challenge could no longer be solved before a solution was found.
    #[error("the challenge expired before it was solved")]
    Expired,
    /// The time for all tries ended before a solution was found.
    #[error("the challenge was not solved in the time that there is")]
    NotSolved,
    /// The server said what is wrong.
    #[error("the server refused: {}: {}", .0.code.name(), Plain(&.0.message))]
    Refused(Refusal),
}

impl Failure {
    /// How long to wait at least before another try, if one can help.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { .. } | Self::Lost(_) | Self::Ended | Self::TooSlow | Self::Expired => {
                Some(Duration::ZERO)
            }
            Self::Refused(refusal) if refusal.retryable => {
                Some(Duration::from_millis(refusal.retry_after_ms.unwrap_or(0)))
            }
            Self::Refused(_)
            | Self::NotSpoken(_)
            | Self::Misplaced(_)
            | Self::Contradiction(_)
            | Self::TooHard { .. }
            | Self::NotSolved => None,
        }
    }
}

/// A text of somebody else's without what would command a terminal.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |sign: char| if sign.is_control() { char::REPLACEMENT_CHARACTER } else { sign };
        self.0.chars().try_for_each(|sign| fmt::Write::write_char(f, plain(sign)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_commands_no_terminal() {
        assert_eq!(Plain("é\u{1b}[2J\n\u{9b}1m").to_string(), "é\u{fffd}[2J\u{fffd}\u{fffd}1m");
    }
}
