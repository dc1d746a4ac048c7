//! The clauses of WOW/1. docs/WISDOM.md shows the same table, and a test holds the two together.

use crate::Clause;
use crate::Level::Must;

/// A challenge's token has 64 bytes, and the other fields agree with it.
pub const W01: Clause = Clause {
    id: "W01",
    level: Must,
    title: "a challenge's token has 64 bytes, and the other fields agree with it",
    rule: "A CHALLENGE_REQUEST brings a CHALLENGE: a token of 64 bytes as 86 characters of canonical base64url, `alg` `sha256-lz`, and `difficulty`, `issued_at_ms` and `expires_at_ms` as the token has them. No two tokens have the same nonce.",
};

/// A valid solution brings one quotation and the end.
pub const W02: Clause = Clause {
    id: "W02",
    level: Must,
    title: "a valid solution brings one quotation and the end",
    rule: "A valid SOLUTION brings a QUOTE of at most 2048 bytes with its author and source, and then the end of the stream.",
};

/// A challenge may be solved on another connection.
pub const W03: Clause = Clause {
    id: "W03",
    level: Must,
    title: "a challenge may be solved on another connection",
    rule: "A challenge may be solved on a new connection from the same address.",
};

/// A frame is the same however it is cut.
pub const W04: Clause = Clause {
    id: "W04",
    level: Must,
    title: "a frame is the same however it is cut",
    rule: "How the network cuts a frame makes no difference.",
};

/// Frames that arrive together are answered in order.
pub const W05: Clause = Clause {
    id: "W05",
    level: Must,
    title: "frames that arrive together are answered in order",
    rule: "Frames that arrive in one segment are separate messages, answered in order.",
};

/// What does not begin with WW is answered `MALFORMED_FRAME`.
pub const W06: Clause = Clause {
    id: "W06",
    level: Must,
    title: "what does not begin with WW is answered MALFORMED_FRAME",
    rule: "A frame that does not begin with `WW` is answered MALFORMED_FRAME, and the connection ends.",
};

/// Another version is answered `UNSUPPORTED_VERSION`.
pub const W07: Clause = Clause {
    id: "W07",
    level: Must,
    title: "another version is answered UNSUPPORTED_VERSION",
    rule: "A frame of another version than 1 is answered UNSUPPORTED_VERSION, and the connection ends.",
};

/// An unknown type is answered `UNKNOWN_TYPE`.
pub const W08: Clause = Clause {
    id: "W08",
    level: Must,
    title: "an unknown type is answered UNKNOWN_TYPE",
    rule: "A frame of a type that is none is answered UNKNOWN_TYPE, and the connection ends.",
};

/// A length beyond 4096 is answered `FRAME_TOO_LARGE` before any payload is sent.
pub const W09: Clause = Clause {
    id: "W09",
    level: Must,
    title: "a length beyond 4096 is answered FRAME_TOO_LARGE before any payload is sent",
    rule: "A frame whose length is beyond 4096 is answered FRAME_TOO_LARGE as soon as the header is there, and the connection ends. Nothing is allocated for what was announced.",
};

/// An empty payload is answered `INVALID_PAYLOAD`.
pub const W10: Clause = Clause {
    id: "W10",
    level: Must,
    title: "an empty payload is answered INVALID_PAYLOAD",
    rule: "A payload is a JSON object, so an empty one is answered INVALID_PAYLOAD, and the connection ends.",
};

/// A payload that is not UTF-8 is answered `INVALID_PAYLOAD`.
pub const W11: Clause = Clause {
    id: "W11",
    level: Must,
    title: "a payload that is not UTF-8 is answered INVALID_PAYLOAD",
    rule: "A payload that is not UTF-8 is answered INVALID_PAYLOAD, and the connection ends.",
};

/// A payload is one object, of which a known key stands there once.
pub const W12: Clause = Clause {
    id: "W12",
    level: Must,
    title: "a payload is one object, of which a known key stands there once",
    rule: "An array in the place of the object, bytes behind it, and a known key that stands there twice are answered INVALID_PAYLOAD, and the connection ends. Unknown keys are ignored.",
};

/// Deep nesting is no crash.
pub const W13: Clause = Clause {
    id: "W13",
    level: Must,
    title: "deep nesting is no crash",
    rule: "An unknown field that is nested 1,500 deep is ignored or answered INVALID_PAYLOAD. The server lives.",
};

/// What only a server may say is answered `UNEXPECTED_MESSAGE`.
pub const W14: Clause = Clause {
    id: "W14",
    level: Must,
    title: "what only a server may say is answered UNEXPECTED_MESSAGE",
    rule: "CHALLENGE, QUOTE and ERROR from a client are answered UNEXPECTED_MESSAGE, and the connection ends.",
};

/// A third request is answered `UNEXPECTED_MESSAGE`.
pub const W15: Clause = Clause {
    id: "W15",
    level: Must,
    title: "a third request is answered UNEXPECTED_MESSAGE",
    rule: "A connection gets two challenges. A third CHALLENGE_REQUEST is answered UNEXPECTED_MESSAGE, and the connection ends.",
};

/// No bit of a token can be changed.
pub const W16: Clause = Clause {
    id: "W16",
    level: Must,
    title: "no bit of a token can be changed",
    rule: "A token of which any bit was changed brings no quotation, whatever work was done for it.",
};

/// A challenge is for the address that asked for it.
pub const W17: Clause = Clause {
    id: "W17",
    level: Must,
    title: "a challenge is for the address that asked for it",
    rule: "A token that another address got is answered INVALID_SIGNATURE, and the connection ends.",
};

/// An IPv4 address is the same mapped to IPv6.
pub const W18: Clause = Clause {
    id: "W18",
    level: Must,
    title: "an IPv4 address is the same mapped to IPv6",
    rule: "A client that asked from an IPv4 address mapped to IPv6 may solve from the IPv4 address.",
};

/// A challenge has one form.
pub const W19: Clause = Clause {
    id: "W19",
    level: Must,
    title: "a challenge has one form",
    rule: "A challenge that is not 64 bytes of canonical base64url without padding is answered INVALID_PAYLOAD, and the connection ends.",
};

/// A counter is 16 lower-case hex digits.
pub const W20: Clause = Clause {
    id: "W20",
    level: Must,
    title: "a counter is 16 lower-case hex digits",
    rule: "A counter that is not a text of 16 lower-case hex digits is answered INVALID_PAYLOAD, and the connection ends.",
};

/// A bit too few is answered `INSUFFICIENT_WORK`, and the connection stays.
pub const W21: Clause = Clause {
    id: "W21",
    level: Must,
    title: "a bit too few is answered INSUFFICIENT_WORK, and the connection stays",
    rule: "A solution whose hash begins with too few zero bits is answered INSUFFICIENT_WORK, and the connection stays open for another.",
};

/// More work than asked for is enough.
pub const W22: Clause = Clause {
    id: "W22",
    level: Must,
    title: "more work than asked for is enough",
    rule: "A solution whose hash begins with more zero bits than asked for brings a quotation.",
};

/// The third bad solution is answered `TOO_MANY_ATTEMPTS`.
pub const W23: Clause = Clause {
    id: "W23",
    level: Must,
    title: "the third bad solution is answered TOO_MANY_ATTEMPTS",
    rule: "The third solution with too little work is answered TOO_MANY_ATTEMPTS, and the connection ends.",
};

/// A challenge expires when it says.
pub const W24: Clause = Clause {
    id: "W24",
    level: Must,
    title: "a challenge expires when it says",
    rule: "A challenge brings its quotation until `expires_at_ms`; from then on it is answered CHALLENGE_EXPIRED, and the client may ask for another on the same connection.",
};

/// A challenge brings one quotation.
pub const W25: Clause = Clause {
    id: "W25",
    level: Must,
    title: "a challenge brings one quotation",
    rule: "A challenge that has brought its quotation is answered REPLAYED, on every connection.",
};

/// Another counter makes no new challenge.
pub const W26: Clause = Clause {
    id: "W26",
    level: Must,
    title: "another counter makes no new challenge",
    rule: "A challenge that has brought its quotation is answered REPLAYED whatever the counter.",
};

/// Equal solutions at once bring one quotation.
pub const W27: Clause = Clause {
    id: "W27",
    level: Must,
    title: "equal solutions at once bring one quotation",
    rule: "Of equal solutions that arrive at the same time one brings a QUOTE, and all others REPLAYED.",
};

/// A retired key is honoured for its grace time, and no longer.
pub const W28: Clause = Clause {
    id: "W28",
    level: Must,
    title: "a retired key is honoured for its grace time, and no longer",
    rule: "A challenge that a key has signed which is retired brings its quotation within the key's grace time, and INVALID_SIGNATURE afterwards.",
};

/// Silence and a slow frame are answered TIMEOUT.
pub const W29: Clause = Clause {
    id: "W29",
    level: Must,
    title: "silence and a slow frame are answered TIMEOUT",
    rule: "A client that says nothing for 5 s, or takes longer than 5 s for a whole frame, is answered TIMEOUT, and the connection ends.",
};

/// A client for whom there is no room reads `SERVER_BUSY`.
pub const W30: Clause = Clause {
    id: "W30",
    level: Must,
    title: "a client for whom there is no room reads SERVER_BUSY",
    rule: "A client beyond the limit of connections gets SERVER_BUSY and the end, which it can read whatever it has sent.",
};

/// The server goes on serving, whatever clients do.
pub const W31: Clause = Clause {
    id: "W31",
    level: Must,
    title: "the server goes on serving, whatever clients do",
    rule: "Whatever clients send, and however they leave, the server lives and goes on serving others.",
};

/// What a client cost is given back.
pub const W32: Clause = Clause {
    id: "W32",
    level: Must,
    title: "what a client cost is given back",
    rule: "When a client is gone its descriptors, threads and memory are given back.",
};

/// All clauses, in order.
pub const CLAUSES: [Clause; 32] = [
    W01, W02, W03, W04, W05, W06, W07, W08, W09, W10, W11, W12, W13, W14, W15, W16, W17, W18, W19, W20, W21,
    W22, W23, W24, W25, W26, W27, W28, W29, W30, W31, W32,
];

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_shows_the_same_table() {
        crate::clause::assert_shown(include_str!("../../../../docs/WISDOM.md"), &super::CLAUSES);
    }
}
