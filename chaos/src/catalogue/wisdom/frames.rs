//! Invalid frames, sent by a crowd: each client receives the error code for its frame.

use conformance::case::Allowed;
use conformance::case::Step;
use conformance::case::Step::AllAsk;
use conformance::case::Step::AllSend;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::Pause;
use conformance::case::Step::Sample;
use conformance::resources::ResourceLimit;
use driver::moves::Source::Each;
use protocol::wisdom::clauses::{W06, W07, W08, W09, W10, W11, W12, W13, W14, W19, W31};

use crate::catalogue::wisdom::requests::error;
use crate::catalogue::wisdom::states::fault;
use crate::fault::Fault;

/// A crowd sends these bytes at once, and each client expects this reply.
macro_rules! refused {
    ($bytes:expr => $reply:expr) => {
        &[ConnectCrowd(50, Each(0)), AllAsk(50, 1, $bytes, $reply), CloseAll]
    };
}

/// A server may ignore or reject a deeply nested unknown field.
const CHALLENGE_OR_INVALID: Allowed = Allowed::Lines(&[b"CHALLENGE", b"ERROR INVALID_PAYLOAD"]);

/// Frames whose header announces 4 GiB that are never sent.
const OVERSIZED: &[Step] = &[
    Sample,
    ConnectCrowd(24, Each(0)),
    AllAsk(24, 1, b"WW\x01\x03\xff\xff\xff\xff", error!("FRAME_TOO_LARGE")),
    Sample,
    CloseAll,
];

pub(crate) const FAULTS: &[Fault] = &[
    fault("frames/magic", W06, "Clients send frames with the wrong magic bytes.")
        .parameters("50 clients at once")
        .steps(refused!(b"XX\x01\x01\0\0\0\x02{}" => error!("MALFORMED_FRAME"))),
    fault("frames/version", W07, "Clients send frames of an unsupported version.")
        .parameters("50 clients at once")
        .steps(refused!(b"WW\x09\x01\0\0\0\x02{}" => error!("UNSUPPORTED_VERSION"))),
    fault("frames/type", W08, "Clients send frames of an unknown type.")
        .parameters("50 clients at once")
        .steps(refused!(b"WW\x01\xff\0\0\0\x02{}" => error!("UNKNOWN_TYPE"))),
    fault("frames/too-long", W09, "Clients send the headers of frames that are one byte too long.")
        .parameters("50 clients at once, 4,097 bytes announced")
        .steps(refused!(b"WW\x01\x03\0\0\x10\x01" => error!("FRAME_TOO_LARGE"))),
    fault("frames/oversized", W09, "Announced lengths of 4 GiB take no memory.")
        .parameters("24 clients at once; at most 64 MiB in total")
        .steps(OVERSIZED)
        .keeps(ResourceLimit::Memory(64 << 20)),
    fault("frames/empty", W10, "Clients send requests without a payload.")
        .parameters("50 clients at once")
        .steps(refused!(b"WW\x01\x01\0\0\0\0" => error!("INVALID_PAYLOAD"))),
    fault("frames/not-utf8", W11, "Clients send payloads that are not valid UTF-8.")
        .parameters("50 clients at once")
        .steps(refused!(b"WW\x01\x03\0\0\0\x02\xff\xfe" => error!("INVALID_PAYLOAD"))),
    fault("frames/array", W12, "Clients send JSON arrays instead of objects.")
        .parameters("50 clients at once")
        .steps(refused!(b"WW\x01\x03\0\0\0\x05[1,2]" => error!("INVALID_PAYLOAD"))),
    fault("frames/behind", W12, "Clients send additional bytes after the JSON object.")
        .parameters("50 clients at once")
        .steps(refused!(b"WW\x01\x01\0\0\0\x04{}{}" => error!("INVALID_PAYLOAD"))),
    fault("frames/nested", W13, "Clients send a deeply nested unknown field without closing brackets.")
        .parameters("50 clients at once, 4,000 brackets")
        .steps(&[
            ConnectCrowd(50, Each(0)),
            AllSend(50, b"WW\x01\x01\0\0\x0f\xa5{\"x\":"),
            AllAsk(50, 1, b"{[*4000}", CHALLENGE_OR_INVALID),
            CloseAll,
        ]),
    fault("frames/of-a-server", W14, "Clients send messages that only a server may send.")
        .parameters("50 clients at once")
        .steps(refused!(b"WW\x01\x04\0\0\0\x02{}" => error!("UNEXPECTED_MESSAGE"))),
    fault("frames/no-token", W19, "Clients send solutions whose challenge is not a token.")
        .parameters("50 clients at once")
        .steps(refused!(
            b"WW\x01\x03\0\0\0\x31{\"challenge\":\"AAAA\",\"counter\":\"0000000000000000\"}"
                => error!("INVALID_PAYLOAD")
        )),
    fault("frames/http", W31, "Clients send HTTP requests.")
        .parameters("50 clients at once")
        .steps(refused!(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" => error!("MALFORMED_FRAME"))),
    fault("frames/noise-behind", W06, "Clients send invalid frames followed by many more bytes.")
        .parameters("50 clients at once, 3,000 bytes")
        .steps(refused!(b"XX\x01\x01\0\0\0\x02{x*3000}" => error!("MALFORMED_FRAME"))),
    fault("frames/tls", W31, "Clients begin a TLS handshake.")
        .parameters("50 clients at once, 100 ms")
        .steps(&[
            ConnectCrowd(50, Each(0)),
            AllSend(50, b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x03\x10\x0a\x20\x30\x40"),
            Pause(100),
            CloseAll,
        ]),
];
