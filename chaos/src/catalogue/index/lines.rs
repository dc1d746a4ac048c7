//! Lines that are not valid requests: malformed, very long, endless, or of another protocol.

use conformance::case::A;
use conformance::case::ANY;
use conformance::case::ANY_OR_END;
use conformance::case::ERROR;
use conformance::case::FAIL;
use conformance::case::OK_OR_FAIL;
use conformance::case::Step::Close;
use conformance::case::Step::Expect;
use conformance::case::Step::ExpectTimes;
use conformance::case::Step::Flood;
use conformance::case::Step::IfFast;
use conformance::case::Step::Pause;
use conformance::case::Step::Send;
use conformance::case::Step::SendTimes;
use conformance::case::Template;
use conformance::case::ask;
use protocol::index::clauses::{A2, A4, F3, F6, R1, R2, R3, R8, R9};

use crate::catalogue::index::requests::fault;
use crate::catalogue::index::states::{AWAITING_REPLY, IDLE, MID_LINE};
use crate::fault::Fault;

/// A request with a name of one megabyte.
const LONG: Template = b"INDEX|{a}{x*1000000}|\n";

pub(crate) const FAULTS: &[Fault] = &[
    fault("lines/at-once", F3, "The client sends several valid lines at once.").parameters("10 lines").steps(&[
        SendTimes(A, b"QUERY|{a}|\n", 10),
        ExpectTimes(A, FAIL, 10),
    ]).baseline(),
    fault("lines/fields-missing", R1, "The client sends lines with fewer than three fields.").parameters("4 lines").steps(&[
        ask(b"INDEX|{a}\n", ERROR),
        ask(b"INDEX\n", ERROR),
        ask(b"\n", ERROR),
        ask(b"QUERY{a}\n", ERROR),
    ]),
    fault("lines/fields-doubled", R1, "The client sends lines with more than three fields.").parameters("3 lines").states(&[IDLE, MID_LINE]).steps(&[
        ask(b"INDEX|{a}||\n", ERROR),
        ask(b"INDEX|INDEX|{a}|\n", ERROR),
        ask(b"INDEX|{a}|{b}|{b}\n", ERROR),
    ]),
    fault("lines/fields-swapped", R2, "The client sends lines whose fields are in the wrong order.").parameters("3 lines").states(&[IDLE, MID_LINE]).steps(&[
        ask(b"{a}|INDEX|\n", ERROR),
        ask(b"|{a}|INDEX\n", ERROR),
        ask(b"{a}||INDEX\n", ERROR),
    ]),
    fault("lines/separators", R1, "The client sends lines that consist of separators.").parameters("1 to 1,000 bars and commas").states(&[IDLE, MID_LINE]).steps(&[
        ask(b"{|*1000}\n", ERROR),
        ask(b"INDEX{|*1000}{a}\n", ERROR),
        ask(b"INDEX||{,*1000}\n", ERROR),
        ask(b"||\n", ERROR),
    ]),
    fault("lines/no-package", R3, "The client sends lines with an empty package name.").parameters("2 lines").states(&[IDLE, MID_LINE]).steps(&[
        ask(b"INDEX||{b}\n", ERROR),
        ask(b"REMOVE||\n", ERROR),
    ]),
    fault("lines/other-case", R2, "The client sends commands in lower or mixed case.").parameters("3 lines").states(&[IDLE, MID_LINE]).steps(&[
        ask(b"index|{a}|\n", ERROR),
        ask(b"Index|{a}|\n", ERROR),
        ask(b"INDEx|{a}|\n", ERROR),
    ]),
    fault("lines/prefixes", R2, "The client sends prefixes of commands, and commands with additional bytes.").parameters("4 lines").states(&[IDLE, MID_LINE]).steps(&[
        ask(b"I|{a}|\n", ERROR),
        ask(b"INDE|{a}|\n", ERROR),
        ask(b"INDEXX|{a}|\n", ERROR),
        ask(b" INDEX|{a}|\n", ERROR),
    ]),
    fault("lines/nul-bytes", A4, "The client sends NUL bytes in every field.").parameters("4 lines").steps(&[
        ask(b"\0\n", ERROR),
        ask(b"INDEX\0|{a}|\n", ERROR),
        ask(b"QUERY|{a}\0|\n", ANY),
        ask(b"INDEX|{b}|{a}\0\n", ANY),
    ]),
    fault("lines/control-bytes", A4, "The client sends control bytes in every field.").parameters("3 lines").steps(&[
        ask(b"\x1b[2J\x07\x08\n", ERROR),
        ask(b"QUERY|{a}\x01\x02\x7f|\n", ANY),
        ask(b"QUERY|{a}\r|\r\n", ANY),
    ]),
    fault("lines/not-utf8", A4, "The client sends bytes that are not valid UTF-8.").parameters("4 lines").steps(&[
        ask(b"\xff\xfe\xfd\n", ERROR),
        ask(b"QUERY|{a}\xc3\x28|\n", ANY),
        ask(b"QUERY|{a}\xed\xa0\x80|\n", ANY),
        ask(b"INDEX|{b}|{a}\xf0\x9f\n", ANY),
    ]),
    fault("lines/name-of-100-bytes", R9, "The client sends a long package name.").parameters("100 bytes").steps(&[
        ask(b"QUERY|{a:100}|\n", FAIL),
    ]),
    fault("lines/name-of-255-bytes", R8, "The client sends a long package name.").parameters("255 bytes").steps(&[ask(b"QUERY|{a:255}|\n", FAIL)]),
    fault("lines/name-of-256-bytes", A4, "The client sends a long package name.").parameters("256 bytes").states(&[IDLE, MID_LINE]).steps(&[ask(b"QUERY|{a:256}|\n", ANY)]),
    fault("lines/name-of-65535-bytes", A4, "The client sends a very long package name.")
        .parameters("65,535 bytes")
        .states(&[IDLE, MID_LINE]).steps(&[ask(b"QUERY|{a:65535}|\n", ANY_OR_END)])
        .beyond_promises(),
    fault("lines/name-of-65536-bytes", A4, "The client sends a very long package name.")
        .parameters("65,536 bytes")
        .states(&[IDLE, MID_LINE]).steps(&[ask(b"QUERY|{a:65536}|\n", ANY_OR_END)])
        .beyond_promises(),
    fault("lines/name-of-a-megabyte", A4, "The client sends a very long package name.")
        .parameters("1,000,000 bytes")
        .states(&[IDLE, MID_LINE]).steps(&[ask(LONG, ANY_OR_END)])
        .beyond_promises(),
    fault("lines/dependencies", A4, "The client sends a very long list of dependencies.")
        .parameters("100,000 names, 1.9 MB")
        .states(&[IDLE, MID_LINE]).steps(&[ask(b"INDEX|{a}|{b*100000}\n", ANY_OR_END)])
        .beyond_promises(),
    fault("lines/empty", A2, "The client sends many empty lines at once.")
        .parameters("20 lines, and 1,000 if the target answers those within 150 ms")
        .steps(&[IfFast(
            150,
            &[SendTimes(A, b"\n", 20), ExpectTimes(A, ERROR, 20)],
            &[SendTimes(A, b"\n", 1000), ExpectTimes(A, ERROR, 1000)],
        )]),
    fault("lines/endless", A4, "The client sends an endless line.")
        .parameters("16 MiB")
        .states(&[IDLE, MID_LINE])
        .steps(&[Flood(A, b"xxxxxxxxxxxxxxxx", 16 << 20), Close(A)])
        .beyond_promises(),
    fault("lines/noise", A4, "The client sends arbitrary bytes.").parameters("4 lines of 60 bytes").states(&[IDLE, MID_LINE]).steps(&[
        Send(A, b"\x80\x7c\x00\x7c\xff\x2c\x0d\x1b\x5b\x41|\xc2\x85\xe2\x80\xa8|||,,,|\x00\x00\xef\xbb\xbf\n"),
        Expect(A, &[ANY]),
        ask(b"%s%n%x|{a}|$(id)`id`;'\"\\|{{}}<!--\n", ANY),
        ask(b"\xfe\xff\x00I\x00N\x00D\x00E\x00X|{a}|\n", ANY),
    ]),
    fault("lines/http", A4, "The client sends an HTTP request.").parameters("3 lines").states(&[IDLE, AWAITING_REPLY]).steps(&[
        Send(A, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Pause(100),
    ]),
    fault("lines/tls", A4, "The client begins a TLS handshake.").parameters("part of a ClientHello").states(&[IDLE, MID_LINE]).steps(&[
        Send(A, b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x03\x10\x0a\x20\x30\x40\x50\x60\x70\x80\x90\xa0\xb0\xc0\xd0\xe0\xf0"),
        Pause(100),
    ]),
    fault("lines/too-long", F6, "The client sends a line above the length limit and then a valid request.")
        .parameters("200,000 bytes")
        .states(&[IDLE, MID_LINE]).steps(&[ask(b"QUERY|{a}{x*200000}|\n", ANY_OR_END), ask(b"QUERY|{a}|\n", ANY_OR_END)])
        .beyond_promises(),
    fault("lines/queries", A2, "The client sends valid and invalid requests in turn.").parameters("60 lines at once").steps(&[
        SendTimes(A, b"QUERY|{a}|\nLIZARD|{a}|\n", 30),
        ExpectTimes(A, ANY, 60),
        ask(b"QUERY|{a}|\n", OK_OR_FAIL),
    ]),
];
