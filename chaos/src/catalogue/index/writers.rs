//! Clients that write slowly or never complete a request.

use conformance::case::A;
use conformance::case::ANY;
use conformance::case::B;
use conformance::case::C;
use conformance::case::FAIL;
use conformance::case::OK;
use conformance::case::Step::AllAsk;
use conformance::case::Step::AllSend;
use conformance::case::Step::Ask;
use conformance::case::Step::Close;
use conformance::case::Step::CloseAll;
use conformance::case::Step::Expect;
use conformance::case::Step::Join;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::Sample;
use conformance::case::Step::Send;
use conformance::case::Step::SendCut;
use conformance::resources::ResourceLimit;
use protocol::index::clauses::{C1, F2, F6};

use crate::catalogue::index::requests::fault;
use crate::catalogue::index::states::{AWAITING_REPLY, IDLE};
use crate::fault::Fault;

pub(crate) const FAULTS: &[Fault] = &[
    fault("writers/byte-by-byte", F2, "The client sends a line byte by byte.")
        .parameters("1 byte every 10 ms")
        .states(&[IDLE])
        .steps(&[SendCut(A, b"QUERY|{a}|\n", 1, 10), Expect(A, &[FAIL])]),
    fault("writers/pauses", F2, "The client sends lines in parts, cut at different places.")
        .parameters("6 lines in parts of 1 to 11 bytes, 5 ms apart")
        .steps(&[
            SendCut(A, b"QUERY|{a}|\n", 1, 5),
            Expect(A, &[FAIL]),
            SendCut(A, b"QUERY|{a}|\n", 2, 5),
            Expect(A, &[FAIL]),
            SendCut(A, b"QUERY|{a}|\n", 3, 5),
            Expect(A, &[FAIL]),
            SendCut(A, b"QUERY|{a}|\n", 5, 5),
            Expect(A, &[FAIL]),
            SendCut(A, b"QUERY|{a}|\n", 7, 5),
            Expect(A, &[FAIL]),
            SendCut(A, b"QUERY|{a}|\n", 11, 5),
            Expect(A, &[FAIL]),
        ]),
    fault("writers/pause-within-line", F2, "A client pauses for long within a line.")
        .parameters("1,500 ms")
        .steps(&[
            Send(B, b"INDEX|{a}"),
            Pause(1500),
            Send(B, b"|\n"),
            Expect(B, &[OK]),
            Ask(B, b"REMOVE|{a}|\n", OK),
        ]),
    fault("writers/crowd-byte-by-byte", F6, "Lines that many clients send byte by byte take bounded memory.")
        .parameters("60 clients, 600 bytes each")
        .steps(&[
            Join(60, b"QUERY|{a}|\n", FAIL),
            Sample,
            AllSend(60, b"QUERY|"),
            Repeat(600, &[AllSend(60, b"x")]),
            Sample,
            AllAsk(60, 1, b"|\n", ANY),
            CloseAll,
        ])
        .keeps(ResourceLimit::Memory(64 << 20)),
    fault("writers/never-finished", C1, "A client never completes its line.")
        .parameters("1 client, 1,500 ms; then another client sends a request")
        .states(&[IDLE, AWAITING_REPLY])
        .steps(&[Send(B, b"INDEX|{a}"), Pause(1500), Ask(C, b"QUERY|{a}|\n", FAIL), Close(B)]),
    fault("writers/many-never-finished", C1, "Many clients never complete their lines.")
        .parameters("60 clients, 500 ms")
        .steps(&[Join(60, b"QUERY|{a}|\n", FAIL), AllSend(60, b"INDEX|{a}"), Pause(500), CloseAll]),
];
