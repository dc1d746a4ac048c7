//! Hundreds of clients that write slowly, send nothing or read nothing.

use conformance::case::A;
use conformance::case::B;
use conformance::case::C;
use conformance::case::D;
use conformance::case::Step::AllAsk;
use conformance::case::Step::AllSend;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::EndsWithReply;
use conformance::case::Step::Flood;
use conformance::case::Step::Pause;
use conformance::case::Step::Reset;
use conformance::case::Step::ResetCrowd;
use conformance::case::Step::Send;
use driver::moves::Source::Each;
use protocol::wisdom::clauses::{W04, W29, W31};

use crate::catalogue::wisdom::requests::{CHALLENGE_OR_REFUSED, QUOTE_OR_REFUSED, REQUEST, error};
use crate::catalogue::wisdom::states::{CHALLENGED, MID_FRAME, MID_SOLUTION, NEW, fault};
use crate::fault::Fault;

pub(crate) const FAULTS: &[Fault] = &[
    fault(
        "clients/dribbling",
        W29,
        "Hundreds of clients send single bytes: the deadline of 5 s is for a frame, not for a byte.",
    )
    .parameters("300 clients; one of them sends 1 byte every 1.5 s and expects TIMEOUT within 7 s")
    .steps(&[
        ConnectCrowd(300, Each(1_000)),
        Send(A, b"W"),
        AllSend(300, b"W"),
        Pause(1500),
        Send(A, b"W"),
        AllSend(300, b"W"),
        Pause(1500),
        Send(A, b"\x01"),
        EndsWithReply(A, error!("TIMEOUT"), 4000),
        CloseAll,
    ]),
    fault("clients/silent", W31, "Hundreds of clients connect and send nothing.")
        .parameters("400 clients, 1 s")
        .steps(&[ConnectCrowd(400, Each(2_000)), Pause(1000), CloseAll]),
    fault("clients/idle", W31, "Hundreds of clients receive a challenge and then send nothing.")
        .parameters("300 clients, 1 s")
        .states(&[NEW, MID_FRAME, CHALLENGED, MID_SOLUTION])
        .steps(&[
            ConnectCrowd(300, Each(3_000)),
            AllAsk(300, 1, REQUEST, CHALLENGE_OR_REFUSED),
            Pause(1000),
            CloseAll,
        ]),
    fault("clients/byte-by-byte", W04, "Hundreds of clients send their requests byte by byte.")
        .parameters("200 clients, 10 bytes, 20 ms apart")
        .steps(&[
            ConnectCrowd(200, Each(4_000)),
            AllSend(200, b"W"),
            Pause(20),
            AllSend(200, b"W"),
            Pause(20),
            AllSend(200, b"\x01"),
            Pause(20),
            AllSend(200, b"\x01"),
            Pause(20),
            AllSend(200, b"\0"),
            Pause(20),
            AllSend(200, b"\0\0"),
            Pause(20),
            AllSend(200, b"\x02{"),
            Pause(20),
            AllAsk(200, 1, b"}", CHALLENGE_OR_REFUSED),
            AllAsk(200, 1, b"{solution next}", QUOTE_OR_REFUSED),
            CloseAll,
        ]),
    fault("clients/never-finished", W31, "Hundreds of clients begin a frame and reset their connections.")
        .parameters("300 clients, 500 ms")
        .steps(&[
            ConnectCrowd(300, Each(5_000)),
            AllSend(300, b"WW\x01\x03\0\0\x01\0{\"challenge\":\""),
            Pause(500),
            ResetCrowd(300),
            Pause(50),
        ]),
    // The replies are so short that they never block the target, so a block is not required here.
    fault("clients/unread", W31, "Hundreds of clients send requests and read no replies.")
        .parameters(
            "300 clients, 2 requests each; 3 more with a receive buffer of 4 KiB, 200 requests each; 1 s",
        )
        .steps(&[
            ConnectCrowd(300, Each(6_000)),
            AllSend(300, b"WW\x01\x01\0\0\0\x02{}WW\x01\x01\0\0\0\x02{}"),
            Flood(B, REQUEST, 2000),
            Flood(C, REQUEST, 2000),
            Flood(D, REQUEST, 2000),
            Pause(1000),
            ResetCrowd(300),
            Reset(B),
            Reset(C),
            Reset(D),
            Pause(50),
        ]),
];
