//! The dialect of WOW/1.

mod payload_template;

use std::time::Duration;

use protocol::wisdom::Wisdom;
use protocol::wisdom::clauses::{W02, W32};
use protocol::wisdom::messages::Response;
use protocol::wisdom::proof::DIFFICULTY_MAX;
use protocol::{Clause, Protocol};

use crate::dialect::{CleanupStep, Dialect, UnsolicitedPolicy, ViolationKind};
use crate::dialects::wisdom::payload_template::SolutionTemplate;
use crate::messages;

/// The dialect of WOW/1.
pub const DIALECT: Dialect = Dialect {
    framing: |bytes_max| Box::new(Wisdom::framing(bytes_max)),
    delimiter: b"",
    read,
    replies: &[b"CHALLENGE", b"QUOTE", b"ERROR "],
    invalid_reply: "a reply that is not a valid frame of a server",
    // A server announces timeouts and rejections without a request.
    unsolicited: UnsolicitedPolicy::NextExpected,
    excuse,
    may_reset: false,
    clause,
    names_in: |_| Vec::new(),
    // The server remembers nothing by name; a plain request shows whether it serves clients.
    clean_up: |_| vec![CleanupStep::Ask(REQUEST.to_vec())],
    payload_template: Some(|| Box::new(SolutionTemplate::default())),
    plain_request: REQUEST,
    pace_requests: |_| vec![REQUEST.to_vec()],
    has_index_operations: false,
    has_own_address: true,
};

/// A request for a challenge.
pub const REQUEST: &[u8] = b"WW\x01\x01\0\0\0\x02{}";

/// Converts a reply to the form in which cases expect it: its name, with the code of an error.
fn read(frame: &[u8]) -> Vec<u8> {
    let text = match Wisdom::decode_response(frame) {
        Ok(Response::Challenge(challenge)) => match challenge.disagreement() {
            None if challenge.difficulty > DIFFICULTY_MAX => {
                let bits = challenge.difficulty;
                format!(
                    "a CHALLENGE with a difficulty of {bits} bits; clients refuse more than {DIFFICULTY_MAX}"
                )
            }
            None => "CHALLENGE".to_owned(),
            Some(field) => format!("a CHALLENGE whose {field} contradicts its token"),
        },
        Ok(Response::Quote(_)) => "QUOTE".to_owned(),
        Ok(Response::Error(refusal)) => format!("ERROR {}", refusal.code.name()),
        Err(malformed) => format!("not a valid frame of a server ({malformed}): {}", frame.escape_ascii()),
    };
    text.into_bytes()
}

/// Returns why a correct server may send an unexpected error. Its own limits are allowed, and so are effects of a
/// busy machine. The times are shorter than the deadlines of a correct server, the lifetime of its challenges and the
/// grace period of its keys.
fn excuse(reply: &[u8], elapsed: Duration) -> Option<&'static str> {
    const LATE: &str = messages::EXCUSED_BY_TIME;
    const LIMITED: &str = messages::EXCUSED_BY_LIMITS;
    let limit = match reply {
        b"ERROR SERVER_BUSY" | b"ERROR RATE_LIMITED" => return Some(LIMITED),
        b"ERROR TIMEOUT" | b"ERROR CHALLENGE_EXPIRED" => Duration::from_secs(4),
        b"ERROR INVALID_SIGNATURE" => Duration::from_secs(3),
        _ => return None,
    };
    (elapsed >= limit).then_some(LATE)
}

fn clause(own: Clause, violation: ViolationKind<'_>) -> Clause {
    match violation {
        ViolationKind::ResourceLeak => W32,
        // Cleanup consists of plain requests of new clients.
        ViolationKind::Closed { is_plain: true, .. } | ViolationKind::Timeout { is_plain: true } => W02,
        _ => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_always_excused_and_lateness_only_after_its_time() {
        let is_excused = |reply: &[u8], seconds| excuse(reply, Duration::from_secs(seconds)).is_some();
        assert!(is_excused(b"ERROR SERVER_BUSY", 0) && is_excused(b"ERROR RATE_LIMITED", 0));
        for late in [&b"ERROR TIMEOUT"[..], b"ERROR CHALLENGE_EXPIRED", b"ERROR INVALID_SIGNATURE"] {
            assert!(!is_excused(late, 2) && is_excused(late, 5));
        }
        assert!(!is_excused(b"QUOTE", 60) && !is_excused(b"ERROR REPLAYED", 60));
    }
}
