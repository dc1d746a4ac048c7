//! The clauses of the package index. docs/PROTOCOL.md shows the same table, and a test holds the two together.

use crate::Clause;
use crate::Level::{Info, Must, Should};

/// The server says nothing unasked.
pub const F1: Clause = Clause {
    id: "F1",
    level: Must,
    title: "the server says nothing unasked",
    rule: "A client connects over TCP (port 8080 unless told otherwise), sends lines that end in `\\n`, and awaits a reply to each. The server never speaks first and adds nothing to its replies. One exception: a single `ERROR` line right before it closes a connection that it turns away or drops.",
};

/// One line is one request, however it is cut into segments.
pub const F2: Clause = Clause {
    id: "F2",
    level: Must,
    title: "one line is one request, however it is cut into segments",
    rule: "How the network cuts a line makes no difference: many segments, one request.",
};

/// Several lines at once are several requests, answered in order.
pub const F3: Clause = Clause {
    id: "F3",
    level: Should,
    title: "several lines at once are several requests, answered in order",
    rule: "Lines that arrive together are separate requests. They take effect, and are answered, in the order in which they stand.",
};

/// What has no line end when the stream ends is no request.
pub const F4: Clause = Clause {
    id: "F4",
    level: Must,
    title: "what has no line end when the stream ends is no request",
    rule: "What is left without a line end when the client ends its stream is no request, and has no effect.",
};

/// A client that ended its sending half still gets its replies.
pub const F5: Clause = Clause {
    id: "F5",
    level: Should,
    title: "a client that ended its sending half still gets its replies",
    rule: "A client may end its sending half first and still gets the replies to its complete lines.",
};

/// A line beyond the limit, of 64 KiB at least, is answered ERROR and harms nobody.
pub const F6: Clause = Clause {
    id: "F6",
    level: Should,
    title: "a line beyond the limit, of 64 KiB at least, is answered ERROR and harms nobody",
    rule: "There is a longest line, of 64 KiB at least. A longer one is answered `ERROR`; then the server skips it or closes the connection. It never takes unbounded memory. The reference server skips it.",
};

/// A carriage return before the line end.
pub const F7: Clause = Clause {
    id: "F7",
    level: Info,
    title: "a carriage return before the line end",
    rule: "A carriage return before the line end. To the reference server it is a byte like any other.",
};

/// A request has exactly three fields.
pub const R1: Clause = Clause {
    id: "R1",
    level: Must,
    title: "a request has exactly three fields",
    rule: "There are three fields, with `|` between them; with more or fewer the reply is `ERROR`.",
};

/// The command is INDEX, REMOVE or QUERY, in capitals and whole.
pub const R2: Clause = Clause {
    id: "R2",
    level: Must,
    title: "the command is INDEX, REMOVE or QUERY, in capitals and whole",
    rule: "The first field is `INDEX`, `REMOVE` or `QUERY`, to the letter; anything else is an `ERROR`.",
};

/// The package is not empty.
pub const R3: Clause = Clause {
    id: "R3",
    level: Must,
    title: "the package is not empty",
    rule: "The second field, the package, has at least one byte; if not, `ERROR`.",
};

/// The dependencies are a list with commas, or nothing.
pub const R4: Clause = Clause {
    id: "R4",
    level: Must,
    title: "the dependencies are a list with commas, or nothing",
    rule: "The third field lists dependencies with commas between them, or nothing.",
};

/// Empty names, blanks and repetitions in a list.
pub const R5: Clause = Clause {
    id: "R5",
    level: Info,
    title: "empty names, blanks and repetitions in a list",
    rule: "Nothing between two commas, blanks around a dependency, a dependency listed twice. The reference server skips the first, strips spaces and tabs, and counts a name once. A package is never stripped.",
};

/// A list on REMOVE or QUERY.
pub const R6: Clause = Clause {
    id: "R6",
    level: Info,
    title: "a list on REMOVE or QUERY",
    rule: "A list on `REMOVE` or `QUERY`. The reference server does not look at it.",
};

/// Unusual names: blanks, =, control bytes, bytes that are no UTF-8.
pub const R7: Clause = Clause {
    id: "R7",
    level: Info,
    title: "unusual names: blanks, =, control bytes, bytes that are no UTF-8",
    rule: "Unusual names: blanks, `=`, control bytes, bytes that are no UTF-8. The reference server takes them; names are bytes, and differ if one byte does.",
};

/// Names of 255 bytes and lists of 1,000 names are taken.
pub const R8: Clause = Clause {
    id: "R8",
    level: Should,
    title: "names of 255 bytes and lists of 1,000 names are taken",
    rule: "Names of up to 255 bytes are taken, and lists of up to 1,000 names if the line has at most 64 KiB.",
};

/// Ordinary names of up to 100 bytes are taken, and compared byte for byte.
pub const R9: Clause = Clause {
    id: "R9",
    level: Must,
    title: "ordinary names of up to 100 bytes are taken, and compared byte for byte",
    rule: "Names of up to 100 bytes out of `A–Z a–z 0–9 @ + . _ -` are taken, and compared whole, byte for byte.",
};

/// Each request gets exactly one of OK, FAIL, ERROR, and a line end.
pub const A1: Clause = Clause {
    id: "A1",
    level: Must,
    title: "each request gets exactly one of OK, FAIL, ERROR, and a line end",
    rule: "To each request there is one reply: `OK\\n`, `FAIL\\n` or `ERROR\\n`, and not a byte more.",
};

/// What is no request gets ERROR and has no effect.
pub const A2: Clause = Clause {
    id: "A2",
    level: Must,
    title: "what is no request gets ERROR and has no effect",
    rule: "What is no request is answered `ERROR`, and has no effect.",
};

/// The connection goes on after each reply.
pub const A3: Clause = Clause {
    id: "A3",
    level: Must,
    title: "the connection goes on after each reply",
    rule: "A reply, of any kind, does not end the connection (F6 aside).",
};

/// No bytes that a client sends end the server or disturb another connection.
pub const A4: Clause = Clause {
    id: "A4",
    level: Must,
    title: "no bytes that a client sends end the server or disturb another connection",
    rule: "Nothing a client sends can end the server or harm another client's connection.",
};

/// INDEX is OK if every dependency is indexed, else FAIL.
pub const S1: Clause = Clause {
    id: "S1",
    level: Must,
    title: "INDEX is OK if every dependency is indexed, else FAIL",
    rule: "`INDEX` puts the package in and says `OK` if all of its dependencies are in; if not, it says `FAIL` and has no effect.",
};

/// INDEX of an indexed package is OK if its new dependencies are indexed.
pub const S2: Clause = Clause {
    id: "S2",
    level: Must,
    title: "INDEX of an indexed package is OK if its new dependencies are indexed",
    rule: "`INDEX` of a package that is in replaces its list and says `OK`, if the new dependencies are all in; if not, it says `FAIL` and the list stays as it was. (Servers after the protocol's first edition say `OK` here whatever the list.)",
};

/// REMOVE is OK if no other indexed package lists it, else FAIL.
pub const S3: Clause = Clause {
    id: "S3",
    level: Must,
    title: "REMOVE is OK if no other indexed package lists it, else FAIL",
    rule: "`REMOVE` takes the package out and says `OK` if no other package in the index lists it; if one does, it says `FAIL` and has no effect.",
};

/// REMOVE of a package that is not indexed is OK.
pub const S4: Clause = Clause {
    id: "S4",
    level: Must,
    title: "REMOVE of a package that is not indexed is OK",
    rule: "`REMOVE` of a package that is not in says `OK`.",
};

/// QUERY is OK if the package is indexed, else FAIL.
pub const S5: Clause = Clause {
    id: "S5",
    level: Must,
    title: "QUERY is OK if the package is indexed, else FAIL",
    rule: "`QUERY` says `OK` if the package is in and `FAIL` if not, and has no effect.",
};

/// A package that lists itself is not kept in by that.
pub const S6: Clause = Clause {
    id: "S6",
    level: Should,
    title: "a package that lists itself is not kept in by that",
    rule: "A package on its own list does not keep itself in. (It gets there only by an update: the first `INDEX` with itself on the list is a `FAIL` by S1.)",
};

/// A removed package that is indexed again has nothing of its old list.
pub const S7: Clause = Clause {
    id: "S7",
    level: Must,
    title: "a removed package that is indexed again has nothing of its old list",
    rule: "A package that was removed and is indexed again has its new list and nothing of an old one.",
};

/// Rings of packages that depend on each other.
pub const S8: Clause = Clause {
    id: "S8",
    level: Info,
    title: "rings of packages that depend on each other",
    rule: "Updates can make packages depend on each other in a ring; none of them can then be removed.",
};

/// At least 100 clients are served at the same time.
pub const C1: Clause = Clause {
    id: "C1",
    level: Must,
    title: "at least 100 clients are served at the same time",
    rule: "A hundred clients and more are served side by side: no idle, slow or stuck one keeps another waiting without end. (How long is a SHOULD.)",
};

/// All clients see one index, in one order.
pub const C2: Clause = Clause {
    id: "C2",
    level: Must,
    title: "all clients see one index, in one order",
    rule: "There is one index. Every request takes effect at one instant between its sending and its reply, and all clients see the same order of these instants: the server is linearizable.",
};

/// A client that vanishes harms nobody.
pub const C3: Clause = Clause {
    id: "C3",
    level: Must,
    title: "a client that vanishes harms nobody",
    rule: "A client may vanish at any byte and harms no other. What it had completed holds; of the rest nothing is seen; a request whose reply got lost took effect once or not at all.",
};

/// What a client cost is given back.
pub const C4: Clause = Clause {
    id: "C4",
    level: Must,
    title: "what a client cost is given back",
    rule: "Memory, descriptors and tasks that a client took are given back. Repeating the same visit does not make the server grow for ever.",
};

/// A client that stalls is dropped after a time.
pub const C5: Clause = Clause {
    id: "C5",
    level: Should,
    title: "a client that stalls is dropped after a time",
    rule: "A client that stops in the middle of a line, or takes no replies, is dropped after a time; until then its replies take bounded memory.",
};

/// All clauses, in the order of the document.
pub const CLAUSES: [Clause; 33] = [
    F1, F2, F3, F4, F5, F6, F7, R1, R2, R3, R4, R5, R6, R7, R8, R9, A1, A2, A3, A4, S1, S2, S3, S4, S5, S6,
    S7, S8, C1, C2, C3, C4, C5,
];

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_shows_the_same_table() {
        crate::clause::assert_shown(include_str!("../../../../docs/PROTOCOL.md"), &super::CLAUSES);
    }
}
