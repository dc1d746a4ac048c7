//! A1 to A4: what a reply is, and what no client can do to the others.

use conformance::case::Step::{Ask, Close, Expect, Flood, Pause, Repeat, Send};
use conformance::case::{A, ANY, ANY_OR_END, B, C, Case, ERROR, FAIL, OK, Step, ask, case};
use driver::moves::Slot;
use protocol::index::clauses::{A1, A2, A3, A4};

pub(super) const CASES: &[Case] = &[
    // Which of the three is right is for other cases to say: where this one fails nothing else can be judged.
    case(
        "index/A1/1",
        A1,
        "Each of the three commands is answered with one of the three replies, byte for byte.",
    )
    .cause("Another line end, another case, a word more, or a reply that is left out.")
    .steps(&[
        ask(b"QUERY|{a}|\n", ANY),
        ask(b"INDEX|{a}|\n", ANY),
        ask(b"QUERY|{a}|\n", ANY),
        ask(b"REMOVE|{a}|\n", ANY),
        ask(b"REMOVE|{a}|\n", ANY),
    ]),
    case("index/A1/2", A1, "ERROR is those bytes and nothing more.")
        .cause("The error is explained in the reply, or written to the client's connection as well.")
        .steps(&[
            ask(b"LIZARD|{a}|\n", ERROR),
            ask(b"QUERY|{a}\n", ERROR),
            ask(b"QUERY||\n", ERROR),
            Pause(50),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case("index/A1/3", A1, "Each request gets exactly one reply, whatever the reply is.")
        .cause("A request is answered twice, or after a while not at all.")
        .steps(&[
            ask(b"INDEX|{a}|{b}\n", ANY),
            ask(b"INDEX|{b}|\n", ANY),
            ask(b"INDEX|{a}|{b}\n", ANY),
            ask(b"INDEX|{a}|{b}\n", ANY),
            ask(b"REMOVE|{b}|\n", ANY),
            ask(b"REMOVE|{a}|\n", ANY),
            ask(b"REMOVE|{a}|\n", ANY),
            Pause(50),
            ask(b"QUERY|{b}|\n", ANY),
        ]),
    case("index/A2/1", A2, "An INDEX that is answered ERROR puts nothing into the index.")
        .cause("The line is handled as far as it can be read, and checked afterwards.")
        .steps(&[ask(b"INDEX|{a}||\n", ERROR), ask(b"INDEX|{a}\n", ERROR), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/A2/2", A2, "A REMOVE that is answered ERROR takes nothing out of the index.")
        .cause("The line is handled as far as it can be read, and checked afterwards.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"REMOVE|{a}||\n", ERROR),
            ask(b"REMOVE|{a}\n", ERROR),
            ask(b"QUERY|{a}|\n", OK),
        ]),
    case("index/A2/3", A2, "An update that is answered ERROR leaves the old list.")
        .cause("The old list is dropped before the line is checked.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"INDEX|{a}||\n", ERROR),
            ask(b"REMOVE|{b}|\n", FAIL),
        ]),
    case("index/A2/4", A2, "A line with an unknown command changes nothing.")
        .cause("The package is looked up or made before the command is known.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"LIZARD|{a}|\n", ERROR),
            ask(b"LIZARD|{b}|\n", ERROR),
            ask(b"QUERY|{a}|\n", OK),
            ask(b"QUERY|{b}|\n", FAIL),
        ]),
    case("index/A2/5", A2, "A line without a package changes nothing.")
        .cause("An empty name means every package.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"REMOVE||\n", ERROR),
            ask(b"INDEX||{a}\n", ERROR),
            ask(b"QUERY|{a}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
        ])
        .alone(),
    case("index/A3/1", A3, "The connection goes on after ERROR.")
        .cause("A line that cannot be read is taken for a client that is no use.")
        .steps(&[
            ask(b"LIZARD|{a}|\n", ANY),
            ask(b"QUERY|{a}|\n", ANY),
            ask(b"QUERY\n", ANY),
            ask(b"INDEX||\n", ANY),
            ask(b"QUERY|{a}|\n", ANY),
        ]),
    case("index/A3/2", A3, "The connection goes on after FAIL.")
        .cause("What cannot be done is handled like what cannot be read.")
        .steps(&[ask(b"INDEX|{a}|{b}\n", ANY), ask(b"QUERY|{a}|\n", ANY), ask(b"INDEX|{b}|\n", ANY)]),
    case("index/A3/3", A3, "The connection goes on for sixty requests.")
        .cause("A connection is closed after a number of requests, as web servers do.")
        .steps(&[TEN, TEN, TEN, TEN, TEN, TEN]),
    case("index/A3/4", A3, "The connection goes on after ten broken lines in a row.")
        .cause("A client is given up after a number of errors.")
        .steps(&[
            ask(b"\n", ANY),
            ask(b"x\n", ANY),
            ask(b"||\n", ANY),
            ask(b"|||\n", ANY),
            ask(b"QUERY\n", ANY),
            ask(b"QUERY|{a}\n", ANY),
            ask(b"QUERY||\n", ANY),
            ask(b"query|{a}|\n", ANY),
            ask(b"QUERY {a}\n", ANY),
            ask(b"LIZARD|{a}|\n", ANY),
            ask(b"QUERY|{a}|\n", ANY),
        ]),
    case("index/A3/5", A3, "A client that pauses between two requests is still there to be served.")
        .cause("A connection that is silent for a moment is taken for a dead one.")
        .steps(&[ask(b"QUERY|{a}|\n", ANY), Pause(400), ask(b"QUERY|{a}|\n", ANY)]),
    case("index/A4/1", A4, "Bytes that are no UTF-8 do not end the server.")
        .cause("The line is made text, and what is no text is an error that nobody handles.")
        .steps(&[
            Send(A, b"QUERY|\xff\xfe\xc0\x80|\n"),
            Expect(A, &[ANY_OR_END]),
            Send(B, b"\xf0\x9f\n"),
            Expect(B, &[ANY_OR_END]),
            Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL),
        ])
        .alone(),
    case("index/A4/2", A4, "NUL bytes do not end the server.")
        .cause("A NUL ends a text in C, and what follows it is looked for where it is not.")
        .steps(&[
            Send(A, b"QUERY|{\x00*10}|\n"),
            Expect(A, &[ANY_OR_END]),
            Send(B, b"\x00\n"),
            Expect(B, &[ANY_OR_END]),
            Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL),
        ])
        .alone(),
    case("index/A4/3", A4, "A line of 1 MiB does not end the server.")
        .cause("The line does not fit where it is to go.")
        .steps(&[Send(A, b"{y*1048576}\n"), Expect(A, &[ANY_OR_END]), Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL)])
        .alone(),
    case("index/A4/4", A4, "Empty lines do not end the server.")
        .cause("The first field of a line that has none is looked at.")
        .steps(&[ask(b"\n", ERROR), ask(b"\n", ERROR), Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL)])
        .alone(),
    case("index/A4/5", A4, "A line of nothing but 60,000 separators does not end the server.")
        .cause("Each separator makes a field, and their number has no limit, or one that is not checked.")
        .steps(&[
            ask(b"{|*60000}\n", ERROR),
            ask(b"{,*60000}\n", ERROR),
            Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL),
        ])
        .alone(),
    case("index/A4/6", A4, "A browser or a TLS client that comes by mistake harms nobody.")
        .cause("What is no line is not expected.")
        .steps(&[
            // How many lines these are is not what matters, so their replies are not looked at.
            Flood(A, b"GET / HTTP/1.1\r\nHost: index\r\n\r\n", 33),
            Close(A),
            Flood(B, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03{\x00*300}\n\r\n", 314),
            Close(B),
            Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL),
        ])
        .alone(),
    case("index/A4/7", A4, "A client's broken lines do not end another client's connection.")
        .cause("An error is handled where it ends more than the one connection.")
        .steps(&[
            Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL),
            ask(b"LIZARD|{a}|\n", ERROR),
            ask(b"\n", ERROR),
            Ask(BYSTANDER, b"INDEX|{a}|\n", OK),
            Ask(BYSTANDER, b"QUERY|{a}|\n", OK),
        ])
        .alone(),
    case("index/A4/8", A4, "Two clients' half lines are not mixed.")
        .cause("What is read goes into a buffer that clients share.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            Send(A, b"QUERY|"),
            Pause(50),
            Ask(BYSTANDER, b"QUERY|{b}|\n", FAIL),
            Send(A, b"{a}|\n"),
            Expect(A, &[OK]),
        ]),
];

/// The one that only looks on.
const BYSTANDER: Slot = C;

/// Ten requests in a row.
const TEN: Step = Repeat(10, &[ask(b"QUERY|{a}|\n", ANY)]);
