//! The wire of WOW/1, as its cases have to know it.

use std::time::Duration;

use protocol::wisdom::Wisdom;
use protocol::wisdom::clauses::{W02, W32};
use protocol::wisdom::messages::Response;
use protocol::{Clause, Protocol};

use super::tongue::Speaker;
use crate::suite::dialect::{Broken, Cleaning, Dialect, Unasked};

/// The wire of WOW/1.
pub(super) const DIALECT: Dialect = Dialect {
    framing: |bytes_max| Box::new(Wisdom::framing(bytes_max)),
    delimiter: b"",
    read,
    replies: &[b"CHALLENGE", b"QUOTE", b"ERROR "],
    no_reply: "a reply that is none",
    // What takes too long, and who is turned away, is told so without having asked.
    unasked: Unasked::WhatIsExpected,
    excuse,
    may_reset: false,
    clause,
    names_in: |_| Vec::new(),
    // Nothing is remembered by name; a plain request shows whether anybody is served.
    clean_up: |_| vec![Cleaning::Ask(REQUEST.to_vec())],
    tongue: Some(|| Box::new(Speaker::default())),
    has_own_address: true,
};

/// A request for a challenge.
pub(super) const REQUEST: &[u8] = b"WW\x01\x01\0\0\0\x02{}";

/// A reply as cases expect it: its name, and of an error the code.
fn read(frame: &[u8]) -> Vec<u8> {
    let text = match Wisdom::decode_response(frame) {
        Ok(Response::Challenge(challenge)) => match challenge.disagreement() {
            None => "CHALLENGE".to_owned(),
            Some(field) => format!("a CHALLENGE whose {field} contradicts its token"),
        },
        Ok(Response::Quote(_)) => "QUOTE".to_owned(),
        Ok(Response::Error(refusal)) => format!("ERROR {}", refusal.code.name()),
        Err(malformed) => format!("what is no frame of a server ({malformed}): {}", frame.escape_ascii()),
    };
    text.into_bytes()
}

/// Limits that a server has of its own accord are no fault, and neither is what a busy machine makes late: the times are
/// less than a right server's deadlines, the life of its challenges and the grace of its keys.
fn excuse(reply: &[u8], elapsed: Duration) -> Option<&'static str> {
    const LATE: &str = "so much time had passed that a right server says so too";
    const LIMITED: &str = "the target has no place for more clients, or this address asks too often for it";
    let limit = match reply {
        b"ERROR SERVER_BUSY" | b"ERROR RATE_LIMITED" => return Some(LIMITED),
        b"ERROR TIMEOUT" | b"ERROR CHALLENGE_EXPIRED" => Duration::from_secs(4),
        b"ERROR INVALID_SIGNATURE" => Duration::from_secs(3),
        _ => return None,
    };
    (elapsed >= limit).then_some(LATE)
}

fn clause(own: Clause, broken: Broken<'_>) -> Clause {
    match broken {
        Broken::Kept => W32,
        // A plain request of a new client.
        Broken::Ended { is_plain: true, .. } | Broken::Silent { is_plain: true } => W02,
        _ => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_excused_always_and_lateness_where_it_was_late() {
        let is_excused = |reply: &[u8], seconds| excuse(reply, Duration::from_secs(seconds)).is_some();
        assert!(is_excused(b"ERROR SERVER_BUSY", 0) && is_excused(b"ERROR RATE_LIMITED", 0));
        for late in [&b"ERROR TIMEOUT"[..], b"ERROR CHALLENGE_EXPIRED", b"ERROR INVALID_SIGNATURE"] {
            assert!(!is_excused(late, 2) && is_excused(late, 5));
        }
        assert!(!is_excused(b"QUOTE", 60) && !is_excused(b"ERROR REPLAYED", 60));
    }
}
