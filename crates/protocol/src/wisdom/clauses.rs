//! The clauses of WOW/1. docs/WISDOM.md contains the same table; a test compares the two.

use crate::Clause;
use crate::Level::Must;

/// A challenge contains a token of 64 bytes, and its fields agree with the token.
pub const W01: Clause = Clause {
    id: "W01",
    level: Must,
    title: "a challenge contains a token of 64 bytes, and its fields agree with the token",
    rule: "A CHALLENGE_REQUEST is answered with a CHALLENGE: a token of 64 bytes as 86 characters of canonical base64url, `alg` with the value `sha256-lz`, and `difficulty`, `issued_at_ms` and `expires_at_ms` with the values of the token. The difficulty is at most 26 bits. No two tokens have the same nonce.",
};

/// A valid solution is answered with one quotation and the end of the stream.
pub const W02: Clause = Clause {
    id: "W02",
    level: Must,
    title: "a valid solution is answered with one quotation and the end of the stream",
    rule: "A valid SOLUTION is answered with a QUOTE: a quotation of at most 2048 bytes with its author and source. Then the stream ends.",
};

/// A challenge can be solved on another connection.
pub const W03: Clause = Clause {
    id: "W03",
    level: Must,
    title: "a challenge can be solved on another connection",
    rule: "A challenge can be solved on a new connection from the same address.",
};

/// A frame does not depend on segment boundaries.
pub const W04: Clause = Clause {
    id: "W04",
    level: Must,
    title: "a frame does not depend on segment boundaries",
    rule: "A frame has the same meaning regardless of TCP segment boundaries.",
};

/// Several frames in one segment are answered in order.
pub const W05: Clause = Clause {
    id: "W05",
    level: Must,
    title: "several frames in one segment are answered in order",
    rule: "Several frames in one segment are separate messages, answered in order.",
};

/// A frame that does not begin with WW is answered `MALFORMED_FRAME`.
pub const W06: Clause = Clause {
    id: "W06",
    level: Must,
    title: "a frame that does not begin with WW is answered MALFORMED_FRAME",
    rule: "A frame that does not begin with `WW` is answered MALFORMED_FRAME, and the connection is closed.",
};

/// Another version is answered `UNSUPPORTED_VERSION`.
pub const W07: Clause = Clause {
    id: "W07",
    level: Must,
    title: "another version is answered UNSUPPORTED_VERSION",
    rule: "A frame with a version other than 1 is answered UNSUPPORTED_VERSION, and the connection is closed.",
};

/// An unknown type is answered `UNKNOWN_TYPE`.
pub const W08: Clause = Clause {
    id: "W08",
    level: Must,
    title: "an unknown type is answered UNKNOWN_TYPE",
    rule: "A frame with an unknown type is answered UNKNOWN_TYPE, and the connection is closed.",
};

/// A length above 4096 is answered `FRAME_TOO_LARGE` before any payload is sent.
pub const W09: Clause = Clause {
    id: "W09",
    level: Must,
    title: "a length above 4096 is answered FRAME_TOO_LARGE before any payload is sent",
    rule: "A frame with a length above 4096 is answered FRAME_TOO_LARGE as soon as its header has arrived, and the connection is closed. The server allocates no memory for the declared length.",
};

/// An empty payload is answered `INVALID_PAYLOAD`.
pub const W10: Clause = Clause {
    id: "W10",
    level: Must,
    title: "an empty payload is answered INVALID_PAYLOAD",
    rule: "A payload is a JSON object, so an empty payload is answered INVALID_PAYLOAD, and the connection is closed.",
};

/// A payload that is not UTF-8 is answered `INVALID_PAYLOAD`.
pub const W11: Clause = Clause {
    id: "W11",
    level: Must,
    title: "a payload that is not UTF-8 is answered INVALID_PAYLOAD",
    rule: "A payload that is not UTF-8 is answered INVALID_PAYLOAD, and the connection is closed.",
};

/// A payload is exactly one object, with each known key at most once.
pub const W12: Clause = Clause {
    id: "W12",
    level: Must,
    title: "a payload is exactly one object, with each known key at most once",
    rule: "An array in place of the object, bytes after the object, and a repeated known key are answered INVALID_PAYLOAD, and the connection is closed. Unknown keys are ignored.",
};

/// Deep nesting does not end the server.
pub const W13: Clause = Clause {
    id: "W13",
    level: Must,
    title: "deep nesting does not end the server",
    rule: "An unknown field that is nested 1,500 levels deep is ignored or answered INVALID_PAYLOAD. It never ends the server.",
};

/// A message type of the server is answered `UNEXPECTED_MESSAGE`.
pub const W14: Clause = Clause {
    id: "W14",
    level: Must,
    title: "a message type of the server is answered UNEXPECTED_MESSAGE",
    rule: "CHALLENGE, QUOTE and ERROR from a client are answered UNEXPECTED_MESSAGE, and the connection is closed.",
};

/// A third request is answered `UNEXPECTED_MESSAGE`.
pub const W15: Clause = Clause {
    id: "W15",
    level: Must,
    title: "a third request is answered UNEXPECTED_MESSAGE",
    rule: "A connection receives at most two challenges. A third CHALLENGE_REQUEST is answered UNEXPECTED_MESSAGE, and the connection is closed.",
};

/// No bit of a token can be changed.
pub const W16: Clause = Clause {
    id: "W16",
    level: Must,
    title: "no bit of a token can be changed",
    rule: "A token with any bit changed never yields a quotation, even with a valid proof for the changed token.",
};

/// A challenge is bound to the address that requested it.
pub const W17: Clause = Clause {
    id: "W17",
    level: Must,
    title: "a challenge is bound to the address that requested it",
    rule: "A token that was issued to another address is answered INVALID_SIGNATURE, and the connection is closed.",
};

/// An IPv4 address and its mapped IPv6 address are the same address.
pub const W18: Clause = Clause {
    id: "W18",
    level: Must,
    title: "an IPv4 address and its mapped IPv6 address are the same address",
    rule: "A challenge that was requested from an IPv4-mapped IPv6 address can be solved from the IPv4 address.",
};

/// A challenge has one canonical form.
pub const W19: Clause = Clause {
    id: "W19",
    level: Must,
    title: "a challenge has one canonical form",
    rule: "A challenge that is not 64 bytes in canonical base64url without padding is answered INVALID_PAYLOAD, and the connection is closed.",
};

/// A counter is 16 lower-case hexadecimal digits.
pub const W20: Clause = Clause {
    id: "W20",
    level: Must,
    title: "a counter is 16 lower-case hexadecimal digits",
    rule: "A counter that is not a string of exactly 16 lower-case hexadecimal digits is answered INVALID_PAYLOAD, and the connection is closed.",
};

/// One bit too few is answered `INSUFFICIENT_WORK`, and the connection stays open.
pub const W21: Clause = Clause {
    id: "W21",
    level: Must,
    title: "one bit too few is answered INSUFFICIENT_WORK, and the connection stays open",
    rule: "A solution whose hash begins with fewer zero bits than the difficulty is answered INSUFFICIENT_WORK, and the connection stays open for another solution.",
};

/// More work than required is accepted.
pub const W22: Clause = Clause {
    id: "W22",
    level: Must,
    title: "more work than required is accepted",
    rule: "A solution whose hash begins with more zero bits than the difficulty is answered with a quotation.",
};

/// The third insufficient solution is answered `TOO_MANY_ATTEMPTS`.
pub const W23: Clause = Clause {
    id: "W23",
    level: Must,
    title: "the third insufficient solution is answered TOO_MANY_ATTEMPTS",
    rule: "The third solution with insufficient work is answered TOO_MANY_ATTEMPTS, and the connection is closed.",
};

/// A challenge expires at its stated time.
pub const W24: Clause = Clause {
    id: "W24",
    level: Must,
    title: "a challenge expires at its stated time",
    rule: "A challenge can be solved before `expires_at_ms`. From that time on, a solution is answered CHALLENGE_EXPIRED, and the client can request another challenge on the same connection.",
};

/// A challenge yields one quotation.
pub const W25: Clause = Clause {
    id: "W25",
    level: Must,
    title: "a challenge yields one quotation",
    rule: "A challenge that has yielded its quotation is answered REPLAYED on every connection.",
};

/// Another counter does not renew a challenge.
pub const W26: Clause = Clause {
    id: "W26",
    level: Must,
    title: "another counter does not renew a challenge",
    rule: "A challenge that has yielded its quotation is answered REPLAYED, whatever the counter.",
};

/// Concurrent equal solutions yield one quotation.
pub const W27: Clause = Clause {
    id: "W27",
    level: Must,
    title: "concurrent equal solutions yield one quotation",
    rule: "Of equal solutions that arrive at the same time, one is answered with a QUOTE and all others are answered REPLAYED.",
};

/// A retired key is accepted only during its grace period.
pub const W28: Clause = Clause {
    id: "W28",
    level: Must,
    title: "a retired key is accepted only during its grace period",
    rule: "A challenge signed with a retired key is answered with a quotation during the key's grace period, and INVALID_SIGNATURE afterwards.",
};

/// Silence and a slow frame are answered TIMEOUT.
pub const W29: Clause = Clause {
    id: "W29",
    level: Must,
    title: "silence and a slow frame are answered TIMEOUT",
    rule: "A client that sends nothing for 5 s, or needs more than 5 s for a whole frame, is answered TIMEOUT, and the connection is closed.",
};

/// A client beyond the connection limit can read `SERVER_BUSY`.
pub const W30: Clause = Clause {
    id: "W30",
    level: Must,
    title: "a client beyond the connection limit can read SERVER_BUSY",
    rule: "A client beyond the connection limit receives SERVER_BUSY and the end of the stream. It can read both, whatever it has sent.",
};

/// The server continues to serve, whatever clients do.
pub const W31: Clause = Clause {
    id: "W31",
    level: Must,
    title: "the server continues to serve, whatever clients do",
    rule: "The server continues to serve other clients, whatever a client sends and however it disconnects.",
};

/// Resources used for a client are released.
pub const W32: Clause = Clause {
    id: "W32",
    level: Must,
    title: "resources used for a client are released",
    rule: "When a client has disconnected, its file descriptors, threads and memory are released.",
};

/// All clauses, in the order of the document.
pub const CLAUSES: [Clause; 32] = [
    W01, W02, W03, W04, W05, W06, W07, W08, W09, W10, W11, W12, W13, W14, W15, W16, W17, W18, W19, W20, W21,
    W22, W23, W24, W25, W26, W27, W28, W29, W30, W31, W32,
];

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_contains_the_same_table() {
        crate::clause::assert_documented(include_str!("../../../../docs/WISDOM.md"), &super::CLAUSES);
    }
}
