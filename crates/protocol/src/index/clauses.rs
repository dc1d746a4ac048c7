//! The clauses of the package index. docs/PROTOCOL.md contains the same table; a test compares the two.

use crate::Clause;
use crate::Level::{Info, Must, Should};

/// The server sends nothing unsolicited.
pub const F1: Clause = Clause {
    id: "F1",
    level: Must,
    title: "the server sends nothing unsolicited",
    rule: "The transport is TCP, by default on port 8080. A client sends requests, each one line that ends in `\\n`, and waits for the reply to each. The server sends nothing unsolicited: no greeting and no byte beyond the replies. One exception: a single `ERROR` line immediately before it closes a connection that it refuses or drops.",
};

/// A line is one request, regardless of TCP segment boundaries.
pub const F2: Clause = Clause {
    id: "F2",
    level: Must,
    title: "a line is one request, regardless of TCP segment boundaries",
    rule: "A line is the bytes between two `\\n`, regardless of TCP segment boundaries: one line in many segments is one request.",
};

/// Several lines in one segment are several requests, answered in order.
pub const F3: Clause = Clause {
    id: "F3",
    level: Should,
    title: "several lines in one segment are several requests, answered in order",
    rule: "Several lines in one segment are several requests. They are answered in order, one reply each, and they take effect in that order.",
};

/// An incomplete line at the end of the stream is not a request.
pub const F4: Clause = Clause {
    id: "F4",
    level: Must,
    title: "an incomplete line at the end of the stream is not a request",
    rule: "Bytes that are not followed by `\\n` before the client's end of stream are not a request and change nothing.",
};

/// A client that shuts down its sending half still receives its replies.
pub const F5: Clause = Clause {
    id: "F5",
    level: Should,
    title: "a client that shuts down its sending half still receives its replies",
    rule: "A client that shuts down its sending half still receives the replies to the lines that it had completed.",
};

/// A line longer than the limit is answered ERROR, and memory stays bounded.
pub const F6: Clause = Clause {
    id: "F6",
    level: Should,
    title: "a line longer than the limit is answered ERROR, and memory stays bounded",
    rule: "A line longer than the server's limit is answered `ERROR`. Then the line is skipped or the connection is closed; memory stays bounded. The limit is at least 64 KiB. The reference server skips the line.",
};

/// Line ends with a carriage return.
pub const F7: Clause = Clause {
    id: "F7",
    level: Info,
    title: "line ends with a carriage return",
    rule: "Line ends of the form `\\r\\n`. The reference server treats the carriage return as a part of the line.",
};

/// A request has exactly three fields.
pub const R1: Clause = Clause {
    id: "R1",
    level: Must,
    title: "a request has exactly three fields",
    rule: "A request has exactly three fields, separated by `|`. A line with fewer or more fields is answered `ERROR`.",
};

/// The command is INDEX, REMOVE or QUERY, complete and in capitals.
pub const R2: Clause = Clause {
    id: "R2",
    level: Must,
    title: "the command is INDEX, REMOVE or QUERY, complete and in capitals",
    rule: "The command is `INDEX`, `REMOVE` or `QUERY`, complete and in capitals. Anything else is answered `ERROR`.",
};

/// The package name is not empty.
pub const R3: Clause = Clause {
    id: "R3",
    level: Must,
    title: "the package name is not empty",
    rule: "The package name is not empty. An empty name is answered `ERROR`.",
};

/// The dependencies are a comma-separated list.
pub const R4: Clause = Clause {
    id: "R4",
    level: Must,
    title: "the dependencies are a comma-separated list",
    rule: "The dependencies are a comma-separated list, which may be empty.",
};

/// Empty names, spaces and repetitions in a list.
pub const R5: Clause = Clause {
    id: "R5",
    level: Info,
    title: "empty names, spaces and repetitions in a list",
    rule: "Empty names in the list (`a,,b`, a trailing comma), spaces around a dependency, a name listed twice. If a server accepts such a request with `OK`, rules S1 to S7 apply to it; this part is a MUST. The reference server drops empty names, trims ASCII spaces and tabs around dependencies (nowhere else), and counts a name once.",
};

/// Dependencies on REMOVE or QUERY.
pub const R6: Clause = Clause {
    id: "R6",
    level: Info,
    title: "dependencies on REMOVE or QUERY",
    rule: "Dependencies on `REMOVE` or `QUERY`. The reference server ignores them.",
};

/// Unusual names: spaces, =, control bytes, bytes that are not UTF-8.
pub const R7: Clause = Clause {
    id: "R7",
    level: Info,
    title: "unusual names: spaces, =, control bytes, bytes that are not UTF-8",
    rule: "Names with spaces, `=`, control bytes, or bytes that are not UTF-8. Names are bytes: the reference server accepts them unchanged. Two different byte strings are two packages.",
};

/// Names of 255 bytes and lists of 1,000 dependencies are accepted.
pub const R8: Clause = Clause {
    id: "R8",
    level: Should,
    title: "names of 255 bytes and lists of 1,000 dependencies are accepted",
    rule: "Names of up to 255 bytes are accepted, and so are lists of 1,000 dependencies within a line of 64 KiB.",
};

/// Ordinary names of up to 100 bytes are accepted and compared byte for byte.
pub const R9: Clause = Clause {
    id: "R9",
    level: Must,
    title: "ordinary names of up to 100 bytes are accepted and compared byte for byte",
    rule: "Names made of `A–Z a–z 0–9 @ + . _ -`, up to 100 bytes, are accepted and compared byte for byte: case counts, and the whole name counts.",
};

/// Each request gets exactly one reply: OK, FAIL or ERROR.
pub const A1: Clause = Clause {
    id: "A1",
    level: Must,
    title: "each request gets exactly one reply: OK, FAIL or ERROR",
    rule: "Each request gets exactly one of `OK\\n`, `FAIL\\n` and `ERROR\\n`: these bytes and no more.",
};

/// A malformed request gets ERROR and changes nothing.
pub const A2: Clause = Clause {
    id: "A2",
    level: Must,
    title: "a malformed request gets ERROR and changes nothing",
    rule: "A line that is not a valid request is answered `ERROR` and changes nothing.",
};

/// The connection stays open after each reply.
pub const A3: Clause = Clause {
    id: "A3",
    level: Must,
    title: "the connection stays open after each reply",
    rule: "The connection stays open after each reply, including `ERROR` and `FAIL`. F6 defines the exception.",
};

/// No bytes that a client sends end the server or disturb another connection.
pub const A4: Clause = Clause {
    id: "A4",
    level: Must,
    title: "no bytes that a client sends end the server or disturb another connection",
    rule: "No bytes that a client sends end the server or disturb another connection.",
};

/// INDEX replies OK if every dependency is indexed, otherwise FAIL.
pub const S1: Clause = Clause {
    id: "S1",
    level: Must,
    title: "INDEX replies OK if every dependency is indexed, otherwise FAIL",
    rule: "`INDEX` replies `OK` and indexes the package if every dependency is indexed. Otherwise it replies `FAIL` and changes nothing.",
};

/// INDEX of an indexed package replaces its list if the new dependencies are indexed.
pub const S2: Clause = Clause {
    id: "S2",
    level: Must,
    title: "INDEX of an indexed package replaces its list if the new dependencies are indexed",
    rule: "`INDEX` of an indexed package replies `OK` if all its new dependencies are indexed, and the new list replaces the old one. Otherwise it replies `FAIL`, and the old list remains. (An early edition of the protocol specified only `OK` here.)",
};

/// REMOVE replies OK if no other indexed package lists the package, otherwise FAIL.
pub const S3: Clause = Clause {
    id: "S3",
    level: Must,
    title: "REMOVE replies OK if no other indexed package lists the package, otherwise FAIL",
    rule: "`REMOVE` replies `OK` and removes the package from the index if no other indexed package lists it. Otherwise it replies `FAIL` and changes nothing.",
};

/// REMOVE of a package that is not indexed replies OK.
pub const S4: Clause = Clause {
    id: "S4",
    level: Must,
    title: "REMOVE of a package that is not indexed replies OK",
    rule: "`REMOVE` of a package that is not indexed replies `OK`.",
};

/// QUERY replies OK if the package is indexed, otherwise FAIL.
pub const S5: Clause = Clause {
    id: "S5",
    level: Must,
    title: "QUERY replies OK if the package is indexed, otherwise FAIL",
    rule: "`QUERY` replies `OK` if the package is indexed, otherwise `FAIL`. It changes nothing.",
};

/// A package that lists itself can still be removed.
pub const S6: Clause = Clause {
    id: "S6",
    level: Should,
    title: "a package that lists itself can still be removed",
    rule: "A package that lists itself does not prevent its own removal: S3 refers to *other* packages. A first `INDEX` of `a` with the dependency `a` replies `FAIL` by S1.",
};

/// A removed package that is indexed again has only its new list.
pub const S7: Clause = Clause {
    id: "S7",
    level: Must,
    title: "a removed package that is indexed again has only its new list",
    rule: "`INDEX` of a removed package starts afresh: nothing of its old list remains.",
};

/// Packages that depend on each other in a cycle.
pub const S8: Clause = Clause {
    id: "S8",
    level: Info,
    title: "packages that depend on each other in a cycle",
    rule: "Cycles can arise by S2: `a` lists `b`, and `b` is indexed again with a list that contains `a`. Then neither package can be removed.",
};

/// At least 100 clients are served at the same time.
pub const C1: Clause = Clause {
    id: "C1",
    level: Must,
    title: "at least 100 clients are served at the same time",
    rule: "At least 100 clients are served at the same time: a client that is idle, slow or stuck does not prevent others from being served. How quickly they are served is a SHOULD.",
};

/// All clients see one index (linearizability).
pub const C2: Clause = Clause {
    id: "C2",
    level: Must,
    title: "all clients see one index (linearizability)",
    rule: "All clients see one index. Each request takes effect at one moment between its sending and its reply, the same for all clients (linearizability).",
};

/// A client that disconnects does not affect other clients.
pub const C3: Clause = Clause {
    id: "C3",
    level: Must,
    title: "a client that disconnects does not affect other clients",
    rule: "A client that disconnects, at any byte, does not affect other clients. Its complete requests keep their effect; an incomplete request has none. A request whose reply was lost took effect once or not at all.",
};

/// Resources used for a client are released.
pub const C4: Clause = Clause {
    id: "C4",
    level: Must,
    title: "resources used for a client are released",
    rule: "Resources used for a client (memory, file descriptors, tasks) are released: the same visit, repeated many times, does not make the server grow without bound. Memory that a runtime keeps for reuse is not growth. CPU time used while no client sends anything is a SHOULD.",
};

/// A client that stalls is dropped after a time limit.
pub const C5: Clause = Clause {
    id: "C5",
    level: Should,
    title: "a client that stalls is dropped after a time limit",
    rule: "A client that sends part of a line and stalls is dropped after a time limit, and so is a client that never reads its replies. Until then its unread replies take bounded memory.",
};

/// A hundred clients that connect at once are served.
pub const C6: Clause = Clause {
    id: "C6",
    level: Should,
    title: "a hundred clients that connect at once are served",
    rule: "A hundred clients that connect at the same moment are all served, each within 10 s. The challenge's own harness opens all its connections at once and fails a server that takes longer, typically one with a listen backlog of 5.",
};

/// All clauses, in the order of the document.
pub const CLAUSES: [Clause; 34] = [
    F1, F2, F3, F4, F5, F6, F7, R1, R2, R3, R4, R5, R6, R7, R8, R9, A1, A2, A3, A4, S1, S2, S3, S4, S5, S6,
    S7, S8, C1, C2, C3, C4, C5, C6,
];

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_contains_the_same_table() {
        crate::clause::assert_documented(include_str!("../../../../docs/PROTOCOL.md"), &super::CLAUSES);
    }
}
