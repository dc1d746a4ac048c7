//! Failures of the client.

use std::fmt;
use std::io;
use std::time::Duration;

use protocol::wisdom::frames::Malformed;
use protocol::wisdom::messages::Refusal;

/// The reason why an attempt returned no quotation.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server does not accept a connection.
    #[error("cannot reach {addr}: {source}")]
    Unreachable {
        /// The address as it was given.
        addr: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The connection was lost.
    #[error("the connection was lost: {0}")]
    Lost(io::Error),
    /// The server closed the connection instead of answering.
    #[error("the server closed the connection without an answer")]
    Closed,
    /// The server did not answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// The received bytes are not a message of the protocol.
    #[error("the server does not speak WOW/1: {0}")]
    Malformed(Malformed),
    /// The received message is not permitted in this state.
    #[error("the server sent {0}, which is not permitted here")]
    Unexpected(&'static str),
    /// A field of a challenge contradicts its token.
    #[error("the challenge contradicts its token: {0}")]
    Contradiction(&'static str),
    /// A challenge requires more work than the client performs.
    #[error("the challenge requires {difficulty} zero bits, and the limit is {difficulty_max}")]
    TooDifficult {
        /// The difficulty of the challenge, in zero bits.
        difficulty: u8,
        /// The limit of the client, in zero bits.
        difficulty_max: u8,
    },
    /// A challenge expired before a solution was found.
    #[error("the challenge expired before it was solved")]
    Expired,
    /// The time limit of all attempts ended before a solution was found.
    #[error("the challenge was not solved within the time limit")]
    NotSolved,
    /// The server answered with an error.
    #[error("the server refused: {}: {}", .0.code.name(), Printable(&.0.message))]
    Refused(Refusal),
}

impl Failure {
    /// Minimum pause before another attempt; none if another attempt cannot succeed.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { .. } | Self::Lost(_) | Self::Closed | Self::Timeout | Self::Expired => {
                Some(Duration::ZERO)
            }
            Self::Refused(refusal) if refusal.retryable => {
                Some(Duration::from_millis(refusal.retry_after_ms.unwrap_or(0)))
            }
            Self::Refused(_)
            | Self::Malformed(_)
            | Self::Unexpected(_)
            | Self::Contradiction(_)
            | Self::TooDifficult { .. }
            | Self::NotSolved => None,
        }
    }
}

/// A received text for display, without control characters, which could control a terminal.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printable = |sign: char| if sign.is_control() { char::REPLACEMENT_CHARACTER } else { sign };
        self.0.chars().try_for_each(|sign| fmt::Write::write_char(f, printable(sign)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(Printable("é\u{1b}[2J\n\u{9b}1m").to_string(), "é\u{fffd}[2J\u{fffd}\u{fffd}1m");
    }
}
