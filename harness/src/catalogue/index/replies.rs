//! Cases A1 to A4: the form of replies, and the isolation of clients from each other.

use conformance::case::Step::{Ask, Close, Expect, Flood, Pause, Repeat, Send};
use conformance::case::{A, ANY, ANY_OR_END, B, C, Case, ERROR, FAIL, OK, Step, ask, case};
use driver::moves::Slot;
use protocol::index::clauses::{A1, A2, A3, A4};

pub(super) const CASES: &[Case] = &[
    // Other cases decide which of the three replies is correct. If this case fails, nothing else can be judged.
    case(
        "index/A1/1",
        A1,
        "Each of the three commands is answered with one of the three replies, byte for byte.",
    )
    .cause("The server sends another line end, another case or an additional word, or omits a reply.")
    .steps(&[
        ask(b"QUERY|{a}|\n", ANY),
        ask(b"INDEX|{a}|\n", ANY),
        ask(b"QUERY|{a}|\n", ANY),
        ask(b"REMOVE|{a}|\n", ANY),
        ask(b"REMOVE|{a}|\n", ANY),
    ]),
    case("index/A1/2", A1, "The reply ERROR consists of exactly these bytes.")
        .cause("The server explains the error in the reply, or also writes its log to the connection.")
        .presupposes(&["index/R1/1", "index/R2/5", "index/R3/3"])
        .steps(&[
            ask(b"LIZARD|{a}|\n", ERROR),
            ask(b"QUERY|{a}\n", ERROR),
            ask(b"QUERY||\n", ERROR),
            Pause(50),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case("index/A1/3", A1, "Every request receives exactly one reply.")
        .cause("The server answers a request twice, or stops answering after some requests.")
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
    case("index/A2/1", A2, "An INDEX that is answered ERROR adds nothing to the index.")
        .cause("The server processes the readable part of the line before it checks the rest.")
        .steps(&[ask(b"INDEX|{a}||\n", ERROR), ask(b"INDEX|{a}\n", ERROR), ask(b"QUERY|{a}|\n", FAIL)]),
    case("index/A2/2", A2, "A REMOVE that is answered ERROR removes nothing from the index.")
        .cause("The server processes the readable part of the line before it checks the rest.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"REMOVE|{a}||\n", ERROR),
            ask(b"REMOVE|{a}\n", ERROR),
            ask(b"QUERY|{a}|\n", OK),
        ]),
    case("index/A2/3", A2, "An update that is answered ERROR keeps the old list.")
        .cause("The server drops the old list before it checks the line.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            ask(b"INDEX|{a}||\n", ERROR),
            ask(b"REMOVE|{b}|\n", FAIL),
        ]),
    case("index/A2/4", A2, "A line with an unknown command changes nothing.")
        .cause("The server looks up or creates the package before it checks the command.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"LIZARD|{a}|\n", ERROR),
            ask(b"LIZARD|{b}|\n", ERROR),
            ask(b"QUERY|{a}|\n", OK),
            ask(b"QUERY|{b}|\n", FAIL),
        ]),
    case("index/A2/5", A2, "A line with an empty package changes nothing.")
        .cause("The server treats an empty name as every package.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            ask(b"REMOVE||\n", ERROR),
            ask(b"INDEX||{a}\n", ERROR),
            ask(b"QUERY|{a}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
        ])
        .alone(),
    case("index/A3/1", A3, "The connection stays open after ERROR.")
        .cause("The server closes the connection of a client that sends a malformed line.")
        .steps(&[
            ask(b"LIZARD|{a}|\n", ANY),
            ask(b"QUERY|{a}|\n", ANY),
            ask(b"QUERY\n", ANY),
            ask(b"INDEX||\n", ANY),
            ask(b"QUERY|{a}|\n", ANY),
        ]),
    case("index/A3/2", A3, "The connection stays open after FAIL.")
        .cause("The server treats a request that cannot be done like a malformed line.")
        .steps(&[ask(b"INDEX|{a}|{b}\n", ANY), ask(b"QUERY|{a}|\n", ANY), ask(b"INDEX|{b}|\n", ANY)]),
    case("index/A3/3", A3, "The connection stays open for sixty requests.")
        .cause("The server closes a connection after a fixed number of requests, as web servers do.")
        .steps(&[TEN, TEN, TEN, TEN, TEN, TEN]),
    case("index/A3/4", A3, "The connection stays open after ten malformed lines in succession.")
        .cause("The server closes a connection after a fixed number of errors.")
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
    case("index/A3/5", A3, "The connection stays open while a client pauses between two requests.")
        .cause("The server treats a connection without traffic as dead after a very short time.")
        .steps(&[ask(b"QUERY|{a}|\n", ANY), Pause(400), ask(b"QUERY|{a}|\n", ANY)]),
    case("index/A4/1", A4, "Bytes that are not UTF-8 do not end the server.")
        .cause("The server converts the line to text and does not handle the conversion error.")
        .steps(&[
            Send(A, b"QUERY|\xff\xfe\xc0\x80|\n"),
            Expect(A, &[ANY_OR_END]),
            Send(B, b"\xf0\x9f\n"),
            Expect(B, &[ANY_OR_END]),
            Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL),
        ])
        .alone(),
    case("index/A4/2", A4, "NUL bytes do not end the server.")
        .cause(
            "A NUL byte ends a string in C, and the server then reads the following fields from \
             the wrong place.",
        )
        .steps(&[
            Send(A, b"QUERY|{\x00*10}|\n"),
            Expect(A, &[ANY_OR_END]),
            Send(B, b"\x00\n"),
            Expect(B, &[ANY_OR_END]),
            Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL),
        ])
        .alone(),
    case("index/A4/3", A4, "A line of 1 MiB does not end the server.")
        .cause("The line overflows its buffer.")
        .presupposes(&["index/F2/4", "index/F2/5"])
        .steps(&[Send(A, b"{y*1048576}\n"), Expect(A, &[ANY_OR_END]), Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL)])
        .alone(),
    case("index/A4/4", A4, "Empty lines do not end the server.")
        .cause("The server accesses the first field of a line without checking that it exists.")
        .presupposes(&["index/R1/5"])
        .steps(&[ask(b"\n", ERROR), ask(b"\n", ERROR), Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL)])
        .alone(),
    case("index/A4/5", A4, "A line of 60,000 separators does not end the server.")
        .cause("Every separator makes a field, and the server does not check the number of fields.")
        .presupposes(&["index/F2/4", "index/F2/5", "index/R1/7"])
        .steps(&[
            ask(b"{|*60000}\n", ERROR),
            ask(b"{,*60000}\n", ERROR),
            Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL),
        ])
        .alone(),
    case("index/A4/6", A4, "A browser or TLS client that connects by mistake does not affect other clients.")
        .cause("The server does not expect bytes that are not a line of the protocol.")
        .steps(&[
            // The number of lines in these bytes does not matter, so the case ignores the replies.
            Flood(A, b"GET / HTTP/1.1\r\nHost: index\r\n\r\n", 33),
            Close(A),
            Flood(B, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03{\x00*300}\n\r\n", 314),
            Close(B),
            Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL),
        ])
        .alone(),
    case("index/A4/7", A4, "Malformed lines of one client do not end the connection of another client.")
        .cause("The error handler ends more than the one connection.")
        .presupposes(&["index/R1/5", "index/R2/5"])
        .steps(&[
            Ask(BYSTANDER, b"QUERY|{a}|\n", FAIL),
            ask(b"LIZARD|{a}|\n", ERROR),
            ask(b"\n", ERROR),
            Ask(BYSTANDER, b"INDEX|{a}|\n", OK),
            Ask(BYSTANDER, b"QUERY|{a}|\n", OK),
        ])
        .alone(),
    case("index/A4/8", A4, "Incomplete lines of two clients are not mixed.")
        .cause("Clients share one read buffer.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            Send(A, b"QUERY|"),
            Pause(50),
            Ask(BYSTANDER, b"QUERY|{b}|\n", FAIL),
            Send(A, b"{a}|\n"),
            Expect(A, &[OK]),
        ]),
];

/// The connection of a client that is not involved.
const BYSTANDER: Slot = C;

/// Ten requests in sequence.
const TEN: Step = Repeat(10, &[ask(b"QUERY|{a}|\n", ANY)]);
