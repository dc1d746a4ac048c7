//! Cases W01 to W15: frames and payloads.

use conformance::case::Step::{Ask, Close, Ends, Expect, Open, Pause, Repeat, Sample, Send, SendCut};
use conformance::case::{A, Allowed, B, Case, Runs, Step, ask, case};
use conformance::dialects::wisdom::REQUEST;
use conformance::resources::ResourceLimit;
use protocol::wisdom::clauses::{W01, W02, W03, W04, W05, W06, W07, W08, W09, W10, W11, W12, W13, W14, W15};

use crate::catalogue::wisdom::replies::{CHALLENGE, QUOTE, error};

/// A client gets its quotation.
const SERVED: Step = Repeat(1, &[Ask(A, REQUEST, CHALLENGE), Ask(A, b"{solution}", QUOTE), Ends(A)]);

/// A request with a payload of the maximum length.
const LONGEST: &[u8] = &filled::<4104>(b"WW\x01\x01\0\0\x10\0{", b' ', b"}");

/// A request with an unknown field that is nested 1,500 deep.
const NESTED: &[u8] = &nested();

/// A malformed frame followed by more bytes than the server reads, but few enough for its receive buffer.
const TRAILING_NOISE: &[u8] = &filled::<3000>(b"XX\x01\x01\0\0\0\x02{}", b'x', b"x");

/// Returns an array that starts with `begin`, ends with `end`, and is filled with `fill` between them.
const fn filled<const BYTES: usize>(begin: &[u8], fill: u8, end: &[u8]) -> [u8; BYTES] {
    let mut bytes = [fill; BYTES];
    let mut at = 0;
    while at < begin.len() {
        bytes[at] = begin[at];
        at += 1;
    }
    at = 0;
    while at < end.len() {
        bytes[BYTES - end.len() + at] = end[at];
        at += 1;
    }
    bytes
}

const fn nested() -> [u8; 3014] {
    // `{"x":` and `}` around 1,500 opening and 1,500 closing brackets: 3,006 bytes.
    let mut bytes = filled::<3014>(b"WW\x01\x01\0\0\x0b\xbe{\"x\":", b'[', b"}");
    let mut at = 8 + 5 + 1500;
    while at < 8 + 5 + 3000 {
        bytes[at] = b']';
        at += 1;
    }
    bytes
}

/// Each of these frames is answered with an error, and the server closes the connection.
macro_rules! refused {
    ($($bytes:expr => $code:literal),+) => {
        &[$(Ask(A, $bytes, error!($code)), Ends(A)),+]
    };
}

pub(super) const CASES: &[Case] = &[
    case("wisdom/W01/1", W01, "A request receives a challenge whose fields agree with its token.")
        .steps(&[ask(REQUEST, CHALLENGE)])
        .cause("The server computes the fields and the token in two places."),
    case(
        "wisdom/W01/2",
        W01,
        "A second request on the same connection receives another challenge, and the first \
             stays valid.",
    )
    .steps(&[ask(REQUEST, CHALLENGE), ask(REQUEST, CHALLENGE), ask(b"{solution 0}", QUOTE), Ends(A)])
    .cause(
        "The server forgets the first challenge when it issues the second, although it does \
             not need to remember either.",
    ),
    case(
        "wisdom/W01/3",
        W01,
        "Twelve challenges yield twelve quotations: every challenge has its own nonce.",
    )
    .steps(&[Repeat(12, &[SERVED])])
    .cause("The nonce is a short counter, or its random source has too little entropy."),
    case("wisdom/W01/4", W01, "The server sends nothing before the first request.")
        .steps(&[Open(A), Pause(200), ask(REQUEST, CHALLENGE)])
        .cause("The server sends a challenge as soon as a client connects."),
    case("wisdom/W02/1", W02, "A valid solution receives a quotation, and the server closes the connection.")
        .steps(&[SERVED])
        .cause("The server keeps the connection open for another request."),
    case("wisdom/W02/2", W02, "A client that has ended its sending half still receives its quotation.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            Send(A, b"{solution}"),
            Step::EndSending(A),
            Expect(A, &[QUOTE]),
            Ends(A),
        ])
        .cause("The server treats the end of the client's stream as a disconnection."),
    case("wisdom/W03/1", W03, "A solution is accepted on another connection from the same address.")
        .steps(&[ask(REQUEST, CHALLENGE), Close(A), Ask(B, b"{solution}", QUOTE), Ends(B)])
        .cause("The server stores the challenge with its connection."),
    case(
        "wisdom/W03/2",
        W03,
        "A solution is accepted on another connection while the first stays open and usable.",
    )
    .steps(&[
        ask(REQUEST, CHALLENGE),
        Ask(B, b"{solution}", QUOTE),
        Ends(B),
        ask(REQUEST, CHALLENGE),
        ask(b"{solution}", QUOTE),
        Ends(A),
    ])
    .cause("The server serves one client at a time, or binds a challenge to its connection."),
    case("wisdom/W04/1", W04, "A request that arrives byte by byte is one request.")
        .steps(&[SendCut(A, REQUEST, 1, 20), Expect(A, &[CHALLENGE])])
        .cause("The server treats each read as a frame."),
    case("wisdom/W04/2", W04, "A solution that arrives in two parts is one solution.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            Send(A, b"{solution head}"),
            Pause(50),
            Send(A, b"{solution rest}"),
            Expect(A, &[QUOTE]),
            Ends(A),
        ])
        .cause("The server treats each read as a frame."),
    case("wisdom/W05/1", W05, "A request and an older solution in one segment are answered in order.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            Close(A),
            Send(B, b"WW\x01\x01\0\0\0\x02{}{solution 0}"),
            Expect(B, &[CHALLENGE, QUOTE]),
            Ends(B),
        ])
        .cause("The server discards the bytes after the first frame of a read."),
    case("wisdom/W05/2", W05, "Two requests in one segment receive two challenges.")
        .steps(&[
            Send(A, b"WW\x01\x01\0\0\0\x02{}WW\x01\x01\0\0\0\x02{}"),
            Expect(A, &[CHALLENGE, CHALLENGE]),
        ])
        .cause("The server discards the bytes after the first frame of a read."),
    case("wisdom/W06/1", W06, "An invalid magic number is answered MALFORMED_FRAME.")
        .steps(refused!(b"XX\x01\x01\0\0\0\x02{}" => "MALFORMED_FRAME"))
        .cause("The server does not check the magic number."),
    case(
        "wisdom/W06/2",
        W06,
        "A magic number with one invalid byte is answered MALFORMED_FRAME, also after a valid \
             request.",
    )
    .steps(&[ask(REQUEST, CHALLENGE), ask(b"Ww\x01\x01\0\0\0\x02{}", error!("MALFORMED_FRAME")), Ends(A)])
    .cause("The server checks only the header of the first frame, or only its first byte."),
    case("wisdom/W06/3", W06, "An HTTP request is answered MALFORMED_FRAME.")
        .steps(refused!(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" => "MALFORMED_FRAME"))
        .cause("The server does not check the magic number."),
    case(
        "wisdom/W06/4",
        W06,
        "The client can read the error although it sent more bytes than the server reads.",
    )
    .steps(refused!(TRAILING_NOISE => "MALFORMED_FRAME"))
    .cause("The server closes the connection with unread bytes, and the reset destroys the error."),
    case("wisdom/W07/1", W07, "Version 2 is answered UNSUPPORTED_VERSION.")
        .steps(refused!(b"WW\x02\x01\0\0\0\x02{}" => "UNSUPPORTED_VERSION"))
        .cause("The server does not check the version."),
    case("wisdom/W07/2", W07, "Version 0 is answered UNSUPPORTED_VERSION.")
        .steps(refused!(b"WW\x00\x01\0\0\0\x02{}" => "UNSUPPORTED_VERSION"))
        .cause("The server checks only that the version is not newer than its own."),
    case("wisdom/W08/1", W08, "Type 0x7f is answered UNKNOWN_TYPE.")
        .steps(refused!(b"WW\x01\x7f\0\0\0\x02{}" => "UNKNOWN_TYPE"))
        .cause("The server closes the connection without an error."),
    case("wisdom/W08/2", W08, "Types 0 and 6 are answered UNKNOWN_TYPE.")
        .steps(refused!(
            b"WW\x01\x00\0\0\0\x02{}" => "UNKNOWN_TYPE",
            b"WW\x01\x06\0\0\0\x02{}" => "UNKNOWN_TYPE"
        ))
        .cause("The range check of the type is off by one."),
    case(
        "wisdom/W09/1",
        W09,
        "A length of 4097 is answered FRAME_TOO_LARGE before the client sends the payload.",
    )
    .steps(refused!(b"WW\x01\x01\0\0\x10\x01" => "FRAME_TOO_LARGE"))
    .cause("The server waits for the payload before it checks the length."),
    case(
        "wisdom/W09/2",
        W09,
        "A length of 4294967295 is answered FRAME_TOO_LARGE before the client sends the payload.",
    )
    .steps(refused!(b"WW\x01\x03\xff\xff\xff\xff" => "FRAME_TOO_LARGE"))
    .cause("The server reads the length as a signed number, or waits for the payload."),
    case("wisdom/W09/3", W09, "A payload of 4096 bytes is accepted.")
        .steps(&[ask(LONGEST, CHALLENGE)])
        .cause("The length limit is off by one."),
    case("wisdom/W09/4", W09, "The declared length of a frame does not cause an allocation.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            Sample,
            Ask(B, b"WW\x01\x03\xff\xff\xff\xff", error!("FRAME_TOO_LARGE")),
            Sample,
            Ends(B),
        ])
        .cause("The server allocates a buffer of the declared length before it checks the length.")
        .runs(Runs::WithProcess)
        .resource_limit(ResourceLimit::Memory(8 << 20))
        .alone(),
    case("wisdom/W10/1", W10, "A request with an empty payload is answered INVALID_PAYLOAD.")
        .steps(refused!(b"WW\x01\x01\0\0\0\0" => "INVALID_PAYLOAD"))
        .cause("The server treats an empty payload as an empty object."),
    case("wisdom/W10/2", W10, "A solution with an empty payload is answered INVALID_PAYLOAD.")
        .steps(refused!(b"WW\x01\x03\0\0\0\0" => "INVALID_PAYLOAD"))
        .cause("The server does not expect an empty payload."),
    case("wisdom/W11/1", W11, "A payload that is not UTF-8 is answered INVALID_PAYLOAD.")
        .steps(refused!(b"WW\x01\x01\0\0\0\x02\xff\xfe" => "INVALID_PAYLOAD"))
        .cause("The server does not handle the decoding error."),
    case("wisdom/W11/2", W11, "An unknown field that is not UTF-8 is answered INVALID_PAYLOAD.")
        .steps(refused!(b"WW\x01\x01\0\0\0\x0a{\"x\":\"\xe9\xff\"}" => "INVALID_PAYLOAD"))
        .cause("The server decodes the payload as Latin-1, or replaces invalid bytes."),
    case("wisdom/W12/1", W12, "A request with an array instead of an object is answered INVALID_PAYLOAD.")
        .steps(refused!(b"WW\x01\x01\0\0\0\x02[]" => "INVALID_PAYLOAD"))
        .cause("The parser fills an object from an array."),
    case("wisdom/W12/2", W12, "A solution with an array instead of an object is answered INVALID_PAYLOAD.")
        .steps(&[ask(REQUEST, CHALLENGE), ask(b"{solution array}", error!("INVALID_PAYLOAD")), Ends(A)])
        .cause("The parser fills an object from an array."),
    case("wisdom/W12/3", W12, "Bytes after the object of a request are answered INVALID_PAYLOAD.")
        .steps(refused!(
            b"WW\x01\x01\0\0\0\x03{}x" => "INVALID_PAYLOAD",
            b"WW\x01\x01\0\0\0\x04{}{}" => "INVALID_PAYLOAD"
        ))
        .cause("The parser stops after the object, and the server does not check for further bytes."),
    case("wisdom/W12/4", W12, "Bytes after the object of a solution are answered INVALID_PAYLOAD.")
        .steps(&[ask(REQUEST, CHALLENGE), ask(b"{solution behind}", error!("INVALID_PAYLOAD")), Ends(A)])
        .cause("The parser stops after the object, and the server does not check for further bytes."),
    case("wisdom/W12/5", W12, "A repeated known key is answered INVALID_PAYLOAD.")
        .steps(&[ask(REQUEST, CHALLENGE), ask(b"{solution twice}", error!("INVALID_PAYLOAD")), Ends(A)])
        .cause("The parser uses the last of several values."),
    case("wisdom/W12/6", W12, "Unknown keys are ignored in a request and in a solution.")
        .steps(&[
            ask(b"WW\x01\x01\0\0\0\x0d{\"a\":[{}, 1]}", CHALLENGE),
            ask(b"{solution beside}", QUOTE),
            Ends(A),
        ])
        .cause("The parser refuses unknown keys."),
    case("wisdom/W12/7", W12, "A payload that is not an object is answered INVALID_PAYLOAD.")
        .steps(refused!(b"WW\x01\x01\0\0\0\x04null" => "INVALID_PAYLOAD"))
        .cause("The parser treats null as an empty object."),
    case("wisdom/W13/1", W13, "An unknown field with 1,500 levels of nesting does not end the server.")
        .steps(&[
            ask(NESTED, Allowed::Lines(&[b"CHALLENGE", b"ERROR INVALID_PAYLOAD"])),
            Ask(B, REQUEST, CHALLENGE),
        ])
        .cause("The parser is recursive and exhausts the stack.")
        .alone(),
    case("wisdom/W14/1", W14, "A CHALLENGE from a client is answered UNEXPECTED_MESSAGE.")
        .steps(refused!(b"WW\x01\x02\0\0\0\x02{}" => "UNEXPECTED_MESSAGE"))
        .cause("The server does not handle the message types that only a server sends."),
    case("wisdom/W14/2", W14, "A QUOTE from a client is answered UNEXPECTED_MESSAGE.")
        .steps(refused!(b"WW\x01\x04\0\0\0\x02{}" => "UNEXPECTED_MESSAGE"))
        .cause("The server does not handle the message types that only a server sends."),
    case("wisdom/W14/3", W14, "An ERROR from a client is answered UNEXPECTED_MESSAGE.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            ask(b"WW\x01\x05\0\0\0\x02{}", error!("UNEXPECTED_MESSAGE")),
            Ends(A),
        ])
        .cause("The server does not handle the message types that only a server sends."),
    case("wisdom/W15/1", W15, "A third request is answered UNEXPECTED_MESSAGE.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            ask(REQUEST, CHALLENGE),
            ask(REQUEST, error!("UNEXPECTED_MESSAGE")),
            Ends(A),
        ])
        .cause("The server does not count the requests of a connection."),
];
