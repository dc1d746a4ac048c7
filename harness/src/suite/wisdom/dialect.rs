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
    is_late,
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

/// What has to do with time, and the time by which a right server may say it: less than its deadlines, the life of its
/// challenges and the grace of its keys.
fn is_late(reply: &[u8], elapsed: Duration) -> bool {
    let limit = match reply {
        b"ERROR TIMEOUT" | b"ERROR CHALLENGE_EXPIRED" => Duration::from_secs(4),
        b"ERROR INVALID_SIGNATURE" => Duration::from_secs(3),
        _ => return false,
    };
    elapsed >= limit
}

fn clause(own: Clause, broken: Broken<'_>) -> Clause {
    match broken {
        Broken::Kept => W32,
        // A plain request of a new client.
        Broken::Ended { is_plain: true, .. } | Broken::Silent { is_plain: true } => W02,
        _ => own,
    }
}
