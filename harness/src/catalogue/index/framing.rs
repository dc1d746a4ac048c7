//! F1 to F7: how requests and replies lie in the stream.

use conformance::case::Step::{
    Ask, Close, EndSending, Expect, ExpectTimes, Open, Pause, Send, SendCut, SendTimes,
};
use conformance::case::{
    A, ANY, ANY_OR_END, B, Case, ERROR, FAIL, FAIL_OR_END, OBSERVED, OK, OK_OR_FAIL, Runs, ask, case,
};
use protocol::index::clauses::{F1, F2, F3, F4, F5, F6, F7};

/// Long enough for a word that comes unasked to arrive, and for a half line to be taken for a whole one.
const WHILE_MS: u64 = 150;

pub(super) const CASES: &[Case] = &[
    case("index/F1/1", F1, "A new client hears nothing before it has asked.")
        .cause("A greeting or a prompt, as a shell or a mail server has one.")
        .steps(&[Open(A), Pause(WHILE_MS), ask(b"QUERY|{a}|\n", ANY)]),
    case("index/F1/2", F1, "A client that pauses between two requests hears nothing meanwhile.")
        .cause("A keep-alive or a prompt that is sent after a while.")
        .steps(&[
            ask(b"QUERY|{a}|\n", ANY),
            Pause(WHILE_MS),
            ask(b"INDEX|{a}|\n", ANY),
            Pause(WHILE_MS),
            ask(b"QUERY|{a}|\n", ANY),
        ]),
    case("index/F1/3", F1, "A client that leaves after its last reply hears nothing more.")
        .cause("A farewell that is sent when the client ends its stream.")
        .steps(&[ask(b"INDEX|{a}|\n", ANY), EndSending(A), Pause(50), Close(A)]),
    case("index/F2/1", F2, "A line that comes byte by byte is one request.")
        .cause("Each read is taken for a line; bytes have to be gathered until a line end comes.")
        .steps(&[
            SendCut(A, b"INDEX|{a}|\n", 1, 1),
            Expect(A, &[OK_OR_FAIL]),
            SendCut(A, b"QUERY|{a}|\n", 1, 1),
            Expect(A, &[OK_OR_FAIL]),
        ]),
    case("index/F2/2", F2, "A line that comes in parts with pauses between them is one request.")
        .cause("What a read leaves over is thrown away, or a line that is slow is given up.")
        .steps(&[
            SendCut(A, b"INDEX|{a}|\n", 7, 40),
            Expect(A, &[OK_OR_FAIL]),
            ask(b"QUERY|{a}|\n", OK_OR_FAIL),
        ]),
    case("index/F2/3", F2, "A line whose line end comes late is a request only then.")
        .cause("A read that ends without a line end is taken for a line.")
        .steps(&[
            Send(A, b"INDEX|{a}|"),
            Pause(WHILE_MS),
            Send(A, b"\n"),
            Expect(A, &[OK_OR_FAIL]),
            ask(b"QUERY|{a}|\n", OK_OR_FAIL),
        ]),
    case("index/F2/4", F2, "A line of 30,000 bytes that comes in many segments is one request.")
        .cause("The read buffer's size is taken for the longest line, or a full buffer for a line end.")
        .steps(&[
            SendCut(A, b"INDEX|{a}|{b:100},{c:100},{d*300:99}\n", 1400, 0),
            Expect(A, &[OK_OR_FAIL]),
            ask(b"QUERY|{a}|\n", OK_OR_FAIL),
        ]),
    case("index/F2/5", F2, "Lines of exactly 1,024, 4,096 and 8,192 bytes are requests like any other.")
        .cause("A read that fills the buffer to its last byte is not told from one that holds too much.")
        .steps(&[
            ask(b"INDEX|{a}|{d*9:100},{c:95}\n", OK_OR_FAIL),
            ask(b"INDEX|{a}|{d*40:100},{c:36}\n", OK_OR_FAIL),
            ask(b"INDEX|{a}|{d*80:100},{c:92}\n", OK_OR_FAIL),
            ask(b"QUERY|{a}|\n", OK_OR_FAIL),
        ]),
    case("index/F3/1", F3, "Three lines in one segment get three replies, in order.")
        .cause("Only the first line of a read is looked at.")
        .steps(&[Send(A, b"INDEX|{a}|\nQUERY|{b}|\nQUERY|{a}|\n"), Expect(A, &[OK, FAIL, OK])]),
    case("index/F3/2", F3, "Lines in one segment take effect in the order in which they stand.")
        .cause(
            "The lines of a read are handed to workers that run side by side, or are gone through backwards.",
        )
        .steps(&[
            Send(A, b"INDEX|{b}|\nINDEX|{a}|{b}\nREMOVE|{b}|\nREMOVE|{a}|\nREMOVE|{b}|\nQUERY|{b}|\n"),
            Expect(A, &[OK, OK, FAIL, OK, OK, FAIL]),
        ]),
    case("index/F3/3", F3, "A broken line between good ones gets its ERROR in its place.")
        .cause("An error ends the handling of what was read with it.")
        .steps(&[Send(A, b"INDEX|{a}|\nINDEX|{a}\nQUERY|{a}|\n"), Expect(A, &[OK, ERROR, OK])]),
    case(
        "index/F3/4",
        F3,
        "A line and a half in one segment are one request now and one when the rest comes.",
    )
    .cause("What follows the last line end of a read is thrown away.")
    .steps(&[
        Send(A, b"INDEX|{a}|\nQUERY|"),
        Expect(A, &[OK]),
        Pause(50),
        Send(A, b"{a}|\n"),
        Expect(A, &[OK]),
    ]),
    case("index/F3/5", F3, "Equal lines in one segment are as many requests.")
        .cause("Replies that are equal are written once, or requests that are equal are joined.")
        .steps(&[
            Send(A, b"QUERY|{a}|\nQUERY|{a}|\nQUERY|{a}|\nQUERY|{a}|\n"),
            Expect(A, &[FAIL, FAIL, FAIL, FAIL]),
            ask(b"INDEX|{a}|\n", OK),
        ]),
    case(
        "index/F3/6",
        F3,
        "A broken line and half of a good one in one segment: the good one is a request when the rest comes.",
    )
    .cause("An error throws away what was read behind it.")
    .steps(&[
        Send(A, b"LIZARD|{a}|\nINDEX|"),
        Expect(A, &[ERROR]),
        Pause(50),
        Send(A, b"{a}|\n"),
        Expect(A, &[OK]),
    ]),
    case("index/F3/7", F3, "Two hundred lines in one segment get two hundred replies.")
        .cause("The number of lines that are taken from one read has a limit, and the rest is lost.")
        .steps(&[SendTimes(A, b"QUERY|{a}|\n", 200), ExpectTimes(A, FAIL, 200), ask(b"INDEX|{a}|\n", OK)])
        .runs(Runs::WithPace(8_000)),
    case("index/F4/1", F4, "A half line before the end of the stream puts nothing into the index.")
        .cause("What is left in the buffer when the stream ends is handled as a line.")
        .steps(&[Send(A, b"INDEX|{a}|"), EndSending(A), Close(A), Ask(B, b"QUERY|{a}|\n", FAIL)]),
    case("index/F4/2", F4, "A half line before the end of the stream takes nothing out of the index.")
        .cause("What is left in the buffer when the stream ends is handled as a line.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            Send(A, b"REMOVE|{a}|"),
            EndSending(A),
            Close(A),
            Ask(B, b"QUERY|{a}|\n", OK),
        ]),
    case("index/F4/3", F4, "A half line before the end of the stream gets no reply.")
        .cause("A reader of lines hands out the last one though it has no line end, as many libraries do.")
        .steps(&[
            ask(b"QUERY|{a}|\n", FAIL),
            Send(A, b"QUERY|{a}|"),
            EndSending(A),
            Pause(100),
            Close(A),
            Ask(B, b"QUERY|{a}|\n", FAIL),
        ]),
    case("index/F5/1", F5, "A client that ends its sending half right after a request gets the reply.")
        .cause("The end of the stream closes the connection before the reply is written.")
        .steps(&[
            Send(A, b"INDEX|{a}|\n"),
            EndSending(A),
            Expect(A, &[OK]),
            Close(A),
            Ask(B, b"QUERY|{a}|\n", OK),
        ]),
    case("index/F5/2", F5, "A client that ends its sending half after three requests gets three replies.")
        .cause("The end of the stream closes the connection before the replies are written.")
        .steps(&[
            Send(A, b"INDEX|{a}|\nQUERY|{a}|\nREMOVE|{a}|\n"),
            EndSending(A),
            Expect(A, &[OK, OK, OK]),
            Close(A),
            Ask(B, b"QUERY|{a}|\n", FAIL),
        ]),
    case("index/F6/1", F6, "A line of just under 64 KiB is read as a request.")
        .cause("The limit of a line is lower than 64 KiB.")
        .steps(&[ask(b"INDEX|{a}|{d*650:99}\n", OK_OR_FAIL), ask(b"QUERY|{a}|\n", OK_OR_FAIL)]),
    case(
        "index/F6/2",
        F6,
        "A line of 1 MiB gets one reply at the most, and then the next line is read, or the connection ends.",
    )
    .cause("A line that is too long is cut, and what is cut off is taken for lines of its own.")
    .steps(&[
        Send(A, b"QUERY|{x*1048576}|\n"),
        Expect(A, &[ANY_OR_END]),
        Ask(A, b"QUERY|{a}|\n", FAIL_OR_END),
        Ask(B, b"QUERY|{a}|\n", FAIL),
    ])
    .alone(),
    case("index/F6/3", F6, "A line of 100,000 bytes is answered.")
        .cause("A line that is too long is skipped without a word.")
        .steps(&[
            Send(A, b"INDEX|{a}|{b:90000},{c:9000}\n"),
            Expect(A, &[ANY_OR_END]),
            Ask(B, b"QUERY|{a}|\n", FAIL),
        ])
        .alone(),
    case("index/F7/1", F7, "Whether a carriage return before the line end belongs to the line.")
        .steps(&[ask(b"INDEX|{a}|\r\n", OBSERVED)])
        .means(&[
            ("OK", "a carriage return before the line end is dropped with it"),
            ("FAIL", "a carriage return is a byte like any other, here a dependency of that name"),
            ("ERROR", "a line with a carriage return at its end is refused"),
        ]),
];
