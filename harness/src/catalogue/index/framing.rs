//! Cases F1 to F7: the framing of requests and replies in the stream.

use conformance::case::Step::{
    Ask, Close, EndSending, Expect, ExpectTimes, Open, Pause, Send, SendCut, SendTimes,
};
use conformance::case::{
    A, ANY, ANY_OR_END, B, Case, ERROR, FAIL, FAIL_OR_END, OBSERVED, OK, OK_OR_FAIL, Runs, ask, case,
};
use protocol::index::clauses::{F1, F2, F3, F4, F5, F6, F7};

/// The time in which unsolicited bytes arrive, and in which a server would process an incomplete line.
const WHILE_MS: u64 = 150;

pub(super) const CASES: &[Case] = &[
    case("index/F1/1", F1, "The server sends nothing to a new client before its first request.")
        .cause("The server sends a greeting or a prompt, as a mail server or a shell does.")
        .steps(&[Open(A), Pause(WHILE_MS), ask(b"QUERY|{a}|\n", ANY)]),
    case("index/F1/2", F1, "The server sends nothing while a client pauses between two requests.")
        .cause("The server sends a keep-alive message or a prompt after some time.")
        .steps(&[
            ask(b"QUERY|{a}|\n", ANY),
            Pause(WHILE_MS),
            ask(b"INDEX|{a}|\n", ANY),
            Pause(WHILE_MS),
            ask(b"QUERY|{a}|\n", ANY),
        ]),
    case("index/F1/3", F1, "The server sends nothing after the last reply when the client ends its stream.")
        .cause("The server sends a closing message when the client ends its stream.")
        .steps(&[ask(b"INDEX|{a}|\n", ANY), EndSending(A), Pause(50), Close(A)]),
    case("index/F2/1", F2, "A line that arrives byte by byte is one request.")
        .cause("The server treats each read as a line. It must collect bytes until it finds a line end.")
        .steps(&[
            SendCut(A, b"INDEX|{a}|\n", 1, 1),
            Expect(A, &[OK_OR_FAIL]),
            SendCut(A, b"QUERY|{a}|\n", 1, 1),
            Expect(A, &[OK_OR_FAIL]),
        ]),
    case("index/F2/2", F2, "A line that arrives in parts, with pauses between them, is one request.")
        .cause("The server discards the bytes left over from a read, or gives up a slow line.")
        .steps(&[
            SendCut(A, b"INDEX|{a}|\n", 7, 40),
            Expect(A, &[OK_OR_FAIL]),
            ask(b"QUERY|{a}|\n", OK_OR_FAIL),
        ]),
    case("index/F2/3", F2, "A line becomes a request only when its line end arrives.")
        .cause("The server treats a read without a line end as a line.")
        .steps(&[
            Send(A, b"INDEX|{a}|"),
            Pause(WHILE_MS),
            Send(A, b"\n"),
            Expect(A, &[OK_OR_FAIL]),
            ask(b"QUERY|{a}|\n", OK_OR_FAIL),
        ]),
    case("index/F2/4", F2, "A line of 30,000 bytes in many segments is one request.")
        .cause(
            "The size of the read buffer limits the length of a line, or a full buffer counts as \
             a line end.",
        )
        .steps(&[
            SendCut(A, b"INDEX|{a}|{b:100},{c:100},{d*300:99}\n", 1400, 0),
            // A server with a lower limit than F6 recommends refuses the line. That is one reply too.
            Expect(A, &[ANY]),
            ask(b"QUERY|{a}|\n", OK_OR_FAIL),
        ]),
    case("index/F2/5", F2, "Lines of exactly 1,024, 4,096 and 8,192 bytes are valid requests.")
        .cause("The server confuses a read that fills the buffer exactly with a line that is too long.")
        .steps(&[
            ask(b"INDEX|{a}|{d*9:100},{c:95}\n", OK_OR_FAIL),
            ask(b"INDEX|{a}|{d*40:100},{c:36}\n", OK_OR_FAIL),
            ask(b"INDEX|{a}|{d*80:100},{c:92}\n", OK_OR_FAIL),
            ask(b"QUERY|{a}|\n", OK_OR_FAIL),
        ]),
    case("index/F2/6", F2, "Only the byte \\n ends a line: a line with other control bytes is one request.")
        .cause("The server splits lines with a function that also splits at vertical tabs, form feeds or separators.")
        .steps(&[
            ask(b"QUERY|{a}\x0b{b}|\n", ANY),
            ask(b"QUERY|{a}\x0c{b}|\n", ANY),
            ask(b"QUERY|{a}\x1c{b}\x1d{b}\x1e{b}|\n", ANY),
            ask(b"QUERY|{a}\xc2\x85{b}|\n", ANY),
            ask(b"QUERY|{a}\xe2\x80\xa8{b}|\n", ANY),
            Pause(50),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case("index/F2/7", F2, "A carriage return inside a line does not end it.")
        .cause("The server accepts a carriage return alone as a line end.")
        .steps(&[ask(b"QUERY|{a}\r{b}|\n", ANY), Pause(50), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/F3/1", F3, "Three lines in one segment receive three replies, in order.")
        .cause("The server processes only the first line of each read.")
        .steps(&[Send(A, b"INDEX|{a}|\nQUERY|{b}|\nQUERY|{a}|\n"), Expect(A, &[OK, FAIL, OK])]),
    case("index/F3/2", F3, "Lines in one segment take effect in the order in which they were sent.")
        .cause(
            "Workers process the lines of a read in parallel, or the server processes them in \
             reverse order.",
        )
        .steps(&[
            Send(A, b"INDEX|{b}|\nINDEX|{a}|{b}\nREMOVE|{b}|\nREMOVE|{a}|\nREMOVE|{b}|\nQUERY|{b}|\n"),
            Expect(A, &[OK, OK, FAIL, OK, OK, FAIL]),
        ]),
    case("index/F3/3", F3, "A malformed line between valid lines receives its ERROR in the right position.")
        .cause("An error ends the processing of all lines in the same read.")
        .steps(&[Send(A, b"INDEX|{a}|\nINDEX|{a}\nQUERY|{a}|\n"), Expect(A, &[OK, ERROR, OK])]),
    case(
        "index/F3/4",
        F3,
        "One and a half lines in one segment are one request at once and a second request \
             when the rest arrives.",
    )
    .cause("The server discards the bytes after the last line end of a read.")
    .steps(&[
        Send(A, b"INDEX|{a}|\nQUERY|"),
        Expect(A, &[OK]),
        Pause(50),
        Send(A, b"{a}|\n"),
        Expect(A, &[OK]),
    ]),
    case("index/F3/5", F3, "Identical lines in one segment each receive a reply.")
        .cause("The server merges identical requests, or writes identical replies only once.")
        .steps(&[
            Send(A, b"QUERY|{a}|\nQUERY|{a}|\nQUERY|{a}|\nQUERY|{a}|\n"),
            Expect(A, &[FAIL, FAIL, FAIL, FAIL]),
            ask(b"INDEX|{a}|\n", OK),
        ]),
    case(
        "index/F3/6",
        F3,
        "When a segment contains a malformed line and half of a valid line, the valid line is \
             a request once its rest arrives.",
    )
    .cause("An error discards the bytes that were read after the malformed line.")
    .steps(&[
        Send(A, b"LIZARD|{a}|\nINDEX|"),
        Expect(A, &[ERROR]),
        Pause(50),
        Send(A, b"{a}|\n"),
        Expect(A, &[OK]),
    ]),
    case("index/F3/7", F3, "Two hundred lines in one segment receive two hundred replies.")
        .cause("The server processes a limited number of lines per read and loses the rest.")
        .steps(&[SendTimes(A, b"QUERY|{a}|\n", 200), ExpectTimes(A, FAIL, 200), ask(b"INDEX|{a}|\n", OK)])
        .runs(Runs::WithPace(8_000)),
    case(
        "index/F4/1",
        F4,
        "An incomplete INDEX line before the end of the stream adds nothing to the index.",
    )
    .cause("The server processes the bytes left in its buffer as a line when the stream ends.")
    .steps(&[Send(A, b"INDEX|{a}|"), EndSending(A), Close(A), Ask(B, b"QUERY|{a}|\n", FAIL)]),
    case(
        "index/F4/2",
        F4,
        "An incomplete REMOVE line before the end of the stream removes nothing from the index.",
    )
    .cause("The server processes the bytes left in its buffer as a line when the stream ends.")
    .steps(&[
        ask(b"INDEX|{a}|\n", OK),
        Send(A, b"REMOVE|{a}|"),
        EndSending(A),
        Close(A),
        Ask(B, b"QUERY|{a}|\n", OK),
    ]),
    case("index/F4/3", F4, "An incomplete line before the end of the stream receives no reply.")
        .cause("The line reader returns the last line even without a line end, as many libraries do.")
        .steps(&[
            ask(b"QUERY|{a}|\n", FAIL),
            Send(A, b"QUERY|{a}|"),
            EndSending(A),
            Pause(100),
            Close(A),
            Ask(B, b"QUERY|{a}|\n", FAIL),
        ]),
    case(
        "index/F5/1",
        F5,
        "A client that ends its sending half directly after a request receives the reply.",
    )
    .cause("The server closes the connection at the end of the stream, before it writes the reply.")
    .steps(&[
        Send(A, b"INDEX|{a}|\n"),
        EndSending(A),
        Expect(A, &[OK]),
        Close(A),
        Ask(B, b"QUERY|{a}|\n", OK),
    ]),
    case(
        "index/F5/2",
        F5,
        "A client that ends its sending half after three requests receives three replies.",
    )
    .cause("The server closes the connection at the end of the stream, before it writes the replies.")
    .presupposes(&["index/F3/1"])
    .steps(&[
        Send(A, b"INDEX|{a}|\nQUERY|{a}|\nREMOVE|{a}|\n"),
        EndSending(A),
        Expect(A, &[OK, OK, OK]),
        Close(A),
        Ask(B, b"QUERY|{a}|\n", FAIL),
    ]),
    case("index/F6/1", F6, "A line of slightly less than 64 KiB is a valid request.")
        .cause("The server's line limit is below 64 KiB.")
        .steps(&[ask(b"INDEX|{a}|{d*650:99}\n", OK_OR_FAIL), ask(b"QUERY|{a}|\n", OK_OR_FAIL)]),
    case(
        "index/F6/2",
        F6,
        "A line of 1 MiB receives at most one reply. Then the server reads the next line or \
             closes the connection.",
    )
    .cause("The server cuts a line that is too long and processes the rest as separate lines.")
    .steps(&[
        Send(A, b"QUERY|{x*1048576}|\n"),
        Expect(A, &[ANY_OR_END]),
        Ask(A, b"QUERY|{a}|\n", FAIL_OR_END),
        Ask(B, b"QUERY|{a}|\n", FAIL),
    ])
    .alone(),
    case("index/F6/3", F6, "A line of 100,000 bytes receives a reply, or the server closes the connection.")
        .cause("The server skips a line that is too long without a reply.")
        .steps(&[
            Send(A, b"INDEX|{a}|{b:90000},{c:9000}\n"),
            Expect(A, &[ANY_OR_END]),
            Ask(B, b"QUERY|{a}|\n", FAIL),
        ])
        .alone(),
    case("index/F7/1", F7, "Observes whether a carriage return before the line end belongs to the line.")
        .steps(&[ask(b"INDEX|{a}|\r\n", OBSERVED)])
        .means(&[
            ("OK", "the server removes a carriage return before the line end"),
            ("FAIL", "a carriage return is an ordinary byte, here a dependency of that name"),
            ("ERROR", "the server refuses a line that ends in a carriage return"),
        ]),
];
