//! Cases about frames and payloads: W01 to W15.

use protocol::wisdom::clauses::{W01, W02, W03, W04, W05, W06, W07, W08, W09, W10, W11, W12, W13, W14, W15};

use super::{CHALLENGE, QUOTE, error};
use conformance::case::A;
use conformance::case::Allowed;
use conformance::case::B;
use conformance::case::Case;
use conformance::case::Runs;
use conformance::case::Step;
use conformance::case::Step::Ask;
use conformance::case::Step::Close;
use conformance::case::Step::Ends;
use conformance::case::Step::Expect;
use conformance::case::Step::Open;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::Sample;
use conformance::case::Step::Send;
use conformance::case::Step::SendCut;
use conformance::case::ask;
use conformance::case::case;
use conformance::dialects::wisdom::REQUEST;
use conformance::resources::ResourceLimit;

/// A client gets its quotation.
const SERVED: Step = Repeat(1, &[Ask(A, REQUEST, CHALLENGE), Ask(A, b"{solution}", QUOTE), Ends(A)]);

/// A request whose payload is as long as it may be.
const LONGEST: &[u8] = &filled::<4104>(b"WW\x01\x01\0\0\x10\0{", b' ', b"}");

/// A request with an unknown field that is nested 1,500 deep.
const NESTED: &[u8] = &nested();

/// Noise behind what is wrong, little enough to be taken in.
const NOISE_BEHIND: &[u8] = &filled::<3000>(b"XX\x01\x01\0\0\0\x02{}", b'x', b"x");

/// What begins and ends so, and is filled up between.
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
    // `{"x":` and `}` around 1,500 brackets that open and as many that close: 3,006 bytes.
    let mut bytes = filled::<3014>(b"WW\x01\x01\0\0\x0b\xbe{\"x\":", b'[', b"}");
    let mut at = 8 + 5 + 1500;
    while at < 8 + 5 + 3000 {
        bytes[at] = b']';
        at += 1;
    }
    bytes
}

/// A client sends something that ends the connection with an error.
macro_rules! refused {
    ($($bytes:expr => $code:literal),+) => {
        &[$(Ask(A, $bytes, error!($code)), Ends(A)),+]
    };
}

pub(super) const CASES: &[Case] = &[
    case("wisdom/W01/1", W01, "A request brings a challenge whose fields agree with its token.")
        .steps(&[ask(REQUEST, CHALLENGE)])
        .cause("the fields and the token are made in two places"),
    case("wisdom/W01/2", W01, "A second request on the same connection brings another challenge.")
        .steps(&[ask(REQUEST, CHALLENGE), ask(REQUEST, CHALLENGE), ask(b"{solution 0}", QUOTE), Ends(A)])
        .cause(
            "the first challenge is forgotten when the second is given, though nothing need be remembered",
        ),
    case("wisdom/W01/3", W01, "Twelve challenges bring twelve quotations: none has the nonce of another.")
        .steps(&[Repeat(12, &[SERVED])])
        .cause("the nonce is a counter that is too short, or is drawn from too little"),
    case("wisdom/W01/4", W01, "The server says nothing before it is asked.")
        .steps(&[Open(A), Pause(200), ask(REQUEST, CHALLENGE)])
        .cause("a challenge is sent when a client connects"),
    case("wisdom/W02/1", W02, "A solution brings a quotation, and the server ends the connection.")
        .steps(&[SERVED])
        .cause("the connection is kept for another request"),
    case("wisdom/W02/2", W02, "A client that has ended its sending half still gets its quotation.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            Send(A, b"{solution}"),
            Step::EndSending(A),
            Expect(A, &[QUOTE]),
            Ends(A),
        ])
        .cause("the end of a client's stream is taken for the end of the client"),
    case("wisdom/W03/1", W03, "A challenge is solved on another connection from the same address.")
        .steps(&[ask(REQUEST, CHALLENGE), Close(A), Ask(B, b"{solution}", QUOTE), Ends(B)])
        .cause("the challenge is remembered with its connection"),
    case(
        "wisdom/W03/2",
        W03,
        "A challenge is solved on another connection while the first is open, which goes on.",
    )
    .steps(&[
        ask(REQUEST, CHALLENGE),
        Ask(B, b"{solution}", QUOTE),
        Ends(B),
        ask(REQUEST, CHALLENGE),
        ask(b"{solution}", QUOTE),
        Ends(A),
    ])
    .cause("one client is served at a time, or a challenge belongs to its connection"),
    case("wisdom/W04/1", W04, "A request that comes byte by byte is a request.")
        .steps(&[SendCut(A, REQUEST, 1, 20), Expect(A, &[CHALLENGE])])
        .cause("one read is taken for one frame"),
    case("wisdom/W04/2", W04, "A solution that comes in two parts is a solution.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            Send(A, b"{solution head}"),
            Pause(50),
            Send(A, b"{solution rest}"),
            Expect(A, &[QUOTE]),
            Ends(A),
        ])
        .cause("one read is taken for one frame"),
    case("wisdom/W05/1", W05, "A request and an older solution in one segment are answered in order.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            Close(A),
            Send(B, b"WW\x01\x01\0\0\0\x02{}{solution 0}"),
            Expect(B, &[CHALLENGE, QUOTE]),
            Ends(B),
        ])
        .cause("what a read brings behind the first frame is thrown away"),
    case("wisdom/W05/2", W05, "Two requests in one segment bring two challenges.")
        .steps(&[
            Send(A, b"WW\x01\x01\0\0\0\x02{}WW\x01\x01\0\0\0\x02{}"),
            Expect(A, &[CHALLENGE, CHALLENGE]),
        ])
        .cause("what a read brings behind the first frame is thrown away"),
    case("wisdom/W06/1", W06, "Another magic is answered MALFORMED_FRAME.")
        .steps(refused!(b"XX\x01\x01\0\0\0\x02{}" => "MALFORMED_FRAME"))
        .cause("the magic is not looked at"),
    case("wisdom/W06/2", W06, "A half of the magic is not enough, not even behind a good request.")
        .steps(&[ask(REQUEST, CHALLENGE), ask(b"Ww\x01\x01\0\0\0\x02{}", error!("MALFORMED_FRAME")), Ends(A)])
        .cause("only the first frame's header is looked at, or only its first byte"),
    case("wisdom/W06/3", W06, "A request of HTTP is answered MALFORMED_FRAME.")
        .steps(refused!(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" => "MALFORMED_FRAME"))
        .cause("the magic is not looked at"),
    case("wisdom/W06/4", W06, "The error can be read though more is sent than the server reads.")
        .steps(refused!(NOISE_BEHIND => "MALFORMED_FRAME"))
        .cause("the connection is closed with bytes unread, so that a reset destroys the error"),
    case("wisdom/W07/1", W07, "Version 2 is answered UNSUPPORTED_VERSION.")
        .steps(refused!(b"WW\x02\x01\0\0\0\x02{}" => "UNSUPPORTED_VERSION"))
        .cause("the version is not looked at"),
    case("wisdom/W07/2", W07, "Version 0 is answered UNSUPPORTED_VERSION.")
        .steps(refused!(b"WW\x00\x01\0\0\0\x02{}" => "UNSUPPORTED_VERSION"))
        .cause("the version is only compared with the newest"),
    case("wisdom/W08/1", W08, "Type 0x7f is answered UNKNOWN_TYPE.")
        .steps(refused!(b"WW\x01\x7f\0\0\0\x02{}" => "UNKNOWN_TYPE"))
        .cause("the connection is closed without a word"),
    case("wisdom/W08/2", W08, "Types 0 and 6 are answered UNKNOWN_TYPE.")
        .steps(refused!(
            b"WW\x01\x00\0\0\0\x02{}" => "UNKNOWN_TYPE",
            b"WW\x01\x06\0\0\0\x02{}" => "UNKNOWN_TYPE"
        ))
        .cause("the range of types is wrong by one"),
    case("wisdom/W09/1", W09, "A length of 4097 is answered FRAME_TOO_LARGE before any of it is sent.")
        .steps(refused!(b"WW\x01\x01\0\0\x10\x01" => "FRAME_TOO_LARGE"))
        .cause("the payload is awaited before its length is looked at"),
    case("wisdom/W09/2", W09, "A length of 4294967295 is answered FRAME_TOO_LARGE before any of it is sent.")
        .steps(refused!(b"WW\x01\x03\xff\xff\xff\xff" => "FRAME_TOO_LARGE"))
        .cause("the length is taken for a signed number, or its payload is awaited"),
    case("wisdom/W09/3", W09, "A length of 4096 is taken.")
        .steps(&[ask(LONGEST, CHALLENGE)])
        .cause("the limit is wrong by one"),
    case("wisdom/W09/4", W09, "What is announced takes no memory.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            Sample,
            Ask(B, b"WW\x01\x03\xff\xff\xff\xff", error!("FRAME_TOO_LARGE")),
            Sample,
            Ends(B),
        ])
        .cause("a buffer of the announced length is made before the length is looked at")
        .runs(Runs::WithProcess)
        .resource_limit(ResourceLimit::Memory(8 << 20))
        .alone(),
    case("wisdom/W10/1", W10, "A request without a payload is answered INVALID_PAYLOAD.")
        .steps(refused!(b"WW\x01\x01\0\0\0\0" => "INVALID_PAYLOAD"))
        .cause("an empty payload is taken for an empty object"),
    case("wisdom/W10/2", W10, "A solution without a payload is answered INVALID_PAYLOAD.")
        .steps(refused!(b"WW\x01\x03\0\0\0\0" => "INVALID_PAYLOAD"))
        .cause("an empty payload is not expected"),
    case("wisdom/W11/1", W11, "Bytes that are no UTF-8 are answered INVALID_PAYLOAD.")
        .steps(refused!(b"WW\x01\x01\0\0\0\x02\xff\xfe" => "INVALID_PAYLOAD"))
        .cause("the decoding fails in a place where nobody expects it"),
    case("wisdom/W11/2", W11, "An unknown field that is no UTF-8 is answered INVALID_PAYLOAD.")
        .steps(refused!(b"WW\x01\x01\0\0\0\x0a{\"x\":\"\xe9\xff\"}" => "INVALID_PAYLOAD"))
        .cause("the payload is decoded as Latin-1, or what is wrong is replaced"),
    case("wisdom/W12/1", W12, "An array in the place of a request's object is answered INVALID_PAYLOAD.")
        .steps(refused!(b"WW\x01\x01\0\0\0\x02[]" => "INVALID_PAYLOAD"))
        .cause("the parser fills an object from an array"),
    case("wisdom/W12/2", W12, "An array in the place of a solution's object is answered INVALID_PAYLOAD.")
        .steps(&[ask(REQUEST, CHALLENGE), ask(b"{solution array}", error!("INVALID_PAYLOAD")), Ends(A)])
        .cause("the parser fills an object from an array"),
    case("wisdom/W12/3", W12, "Bytes behind a request's object are answered INVALID_PAYLOAD.")
        .steps(refused!(
            b"WW\x01\x01\0\0\0\x03{}x" => "INVALID_PAYLOAD",
            b"WW\x01\x01\0\0\0\x04{}{}" => "INVALID_PAYLOAD"
        ))
        .cause("the parser stops behind the object, and nobody looks whether anything follows"),
    case("wisdom/W12/4", W12, "Bytes behind a solution's object are answered INVALID_PAYLOAD.")
        .steps(&[ask(REQUEST, CHALLENGE), ask(b"{solution behind}", error!("INVALID_PAYLOAD")), Ends(A)])
        .cause("the parser stops behind the object, and nobody looks whether anything follows"),
    case("wisdom/W12/5", W12, "A known key that stands there twice is answered INVALID_PAYLOAD.")
        .steps(&[ask(REQUEST, CHALLENGE), ask(b"{solution twice}", error!("INVALID_PAYLOAD")), Ends(A)])
        .cause("the parser takes the last of several values"),
    case("wisdom/W12/6", W12, "Unknown keys are ignored, in a request and in a solution.")
        .steps(&[
            ask(b"WW\x01\x01\0\0\0\x0d{\"a\":[{}, 1]}", CHALLENGE),
            ask(b"{solution beside}", QUOTE),
            Ends(A),
        ])
        .cause("the parser refuses keys that it does not know"),
    case("wisdom/W12/7", W12, "A value that is no object is answered INVALID_PAYLOAD.")
        .steps(refused!(b"WW\x01\x01\0\0\0\x04null" => "INVALID_PAYLOAD"))
        .cause("null is taken for an empty object"),
    case("wisdom/W13/1", W13, "An unknown field that is nested 1,500 deep is no crash.")
        .steps(&[
            ask(NESTED, Allowed::Lines(&[b"CHALLENGE", b"ERROR INVALID_PAYLOAD"])),
            Ask(B, REQUEST, CHALLENGE),
        ])
        .cause("the parser calls itself for each level, and the stack ends")
        .alone(),
    case("wisdom/W14/1", W14, "A CHALLENGE from a client is answered UNEXPECTED_MESSAGE.")
        .steps(refused!(b"WW\x01\x02\0\0\0\x02{}" => "UNEXPECTED_MESSAGE"))
        .cause("types that only a server sends are not thought of"),
    case("wisdom/W14/2", W14, "A QUOTE from a client is answered UNEXPECTED_MESSAGE.")
        .steps(refused!(b"WW\x01\x04\0\0\0\x02{}" => "UNEXPECTED_MESSAGE"))
        .cause("types that only a server sends are not thought of"),
    case("wisdom/W14/3", W14, "An ERROR from a client is answered UNEXPECTED_MESSAGE.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            ask(b"WW\x01\x05\0\0\0\x02{}", error!("UNEXPECTED_MESSAGE")),
            Ends(A),
        ])
        .cause("types that only a server sends are not thought of"),
    case("wisdom/W15/1", W15, "A third request is answered UNEXPECTED_MESSAGE.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            ask(REQUEST, CHALLENGE),
            ask(REQUEST, error!("UNEXPECTED_MESSAGE")),
            Ends(A),
        ])
        .cause("requests of a connection are not counted"),
];
