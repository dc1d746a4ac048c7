//! Frames that are none, of crowds: each client of one is told what is wrong with its frame.

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

use super::{error, fault};
use crate::fault::Fault;

/// A crowd sends these bytes, all at once, and each is answered with this code.
macro_rules! refused {
    ($bytes:expr => $reply:expr) => {
        &[ConnectCrowd(50, Each(0)), AllAsk(50, 1, $bytes, $reply), CloseAll]
    };
}

/// An unknown field that is nested deep may be ignored.
const TAKEN_OR_REFUSED: Allowed = Allowed::Lines(&[b"CHALLENGE", b"ERROR INVALID_PAYLOAD"]);

/// What is announced and never sent.
const OVERSIZED: &[Step] = &[
    Sample,
    ConnectCrowd(24, Each(0)),
    AllAsk(24, 1, b"WW\x01\x03\xff\xff\xff\xff", error!("FRAME_TOO_LARGE")),
    Sample,
    CloseAll,
];

pub(super) const FAULTS: &[Fault] = &[
    fault("frames/magic", W06, "Frames that begin with something else.")
        .with("50 clients at once")
        .steps(refused!(b"XX\x01\x01\0\0\0\x02{}" => error!("MALFORMED_FRAME"))),
    fault("frames/version", W07, "Frames of another version.")
        .with("50 clients at once")
        .steps(refused!(b"WW\x09\x01\0\0\0\x02{}" => error!("UNSUPPORTED_VERSION"))),
    fault("frames/type", W08, "Frames of a type that is none.")
        .with("50 clients at once")
        .steps(refused!(b"WW\x01\xff\0\0\0\x02{}" => error!("UNKNOWN_TYPE"))),
    fault("frames/too-long", W09, "Frames that are one byte too long, and of which only the header comes.")
        .with("50 clients at once, 4,097 bytes announced")
        .steps(refused!(b"WW\x01\x03\0\0\x10\x01" => error!("FRAME_TOO_LARGE"))),
    fault("frames/oversized", W09, "Lengths of 4 GiB take no memory.")
        .with("24 clients at once, 64 MiB allowed in all")
        .steps(OVERSIZED)
        .keeps(ResourceLimit::Memory(64 << 20)),
    fault("frames/empty", W10, "Requests without a payload.")
        .with("50 clients at once")
        .steps(refused!(b"WW\x01\x01\0\0\0\0" => error!("INVALID_PAYLOAD"))),
    fault("frames/not-utf8", W11, "Payloads that are no UTF-8.")
        .with("50 clients at once")
        .steps(refused!(b"WW\x01\x03\0\0\0\x02\xff\xfe" => error!("INVALID_PAYLOAD"))),
    fault("frames/array", W12, "Arrays in the place of objects.")
        .with("50 clients at once")
        .steps(refused!(b"WW\x01\x03\0\0\0\x05[1,2]" => error!("INVALID_PAYLOAD"))),
    fault("frames/behind", W12, "Bytes behind the object.")
        .with("50 clients at once")
        .steps(refused!(b"WW\x01\x01\0\0\0\x04{}{}" => error!("INVALID_PAYLOAD"))),
    fault("frames/nested", W13, "An unknown field that is nested deep, and never ends.")
        .with("50 clients at once, 4,000 brackets")
        .steps(&[
            ConnectCrowd(50, Each(0)),
            AllSend(50, b"WW\x01\x01\0\0\x0f\xa5{\"x\":"),
            AllAsk(50, 1, b"{[*4000}", TAKEN_OR_REFUSED),
            CloseAll,
        ]),
    fault("frames/of-a-server", W14, "Messages that only a server sends.")
        .with("50 clients at once")
        .steps(refused!(b"WW\x01\x04\0\0\0\x02{}" => error!("UNEXPECTED_MESSAGE"))),
    fault("frames/no-token", W19, "Solutions of a challenge that is no token.")
        .with("50 clients at once")
        .steps(refused!(
            b"WW\x01\x03\0\0\0\x31{\"challenge\":\"AAAA\",\"counter\":\"0000000000000000\"}"
                => error!("INVALID_PAYLOAD")
        )),
    fault("frames/http", W31, "Requests of HTTP.")
        .with("50 clients at once")
        .steps(refused!(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" => error!("MALFORMED_FRAME"))),
    fault("frames/noise-behind", W06, "Frames that are none, with more behind them than anybody reads.")
        .with("50 clients at once, 3,000 bytes")
        .steps(refused!(b"XX\x01\x01\0\0\0\x02{x*3000}" => error!("MALFORMED_FRAME"))),
    fault("frames/tls", W31, "The greeting of TLS, without an end.")
        .with("50 clients at once, 100 ms")
        .steps(&[
            ConnectCrowd(50, Each(0)),
            AllSend(50, b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x03\x10\x0a\x20\x30\x40"),
            Pause(100),
            CloseAll,
        ]),
];
