//! Clients that write slowly, or never to the end.

use conformance::case::A;
use conformance::case::B;
use conformance::case::FAIL;
use conformance::case::Step::AllSend;
use conformance::case::Step::Close;
use conformance::case::Step::CloseAll;
use conformance::case::Step::Expect;
use conformance::case::Step::Join;
use conformance::case::Step::Pause;
use conformance::case::Step::Send;
use conformance::case::Step::SendCut;
use protocol::index::clauses::{C1, F2};

use super::fault;
use super::states::{AWAITING_REPLY, IDLE};
use crate::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    fault("writers/byte-by-byte", F2, "A line that comes byte by byte.")
        .with("a byte every 10 ms")
        .states(&[IDLE])
        .steps(&[SendCut(A, b"QUERY|{a}|\n", 1, 10), Expect(A, &[FAIL])]),
    fault("writers/pauses", F2, "Lines with a pause at every byte, each in another place.")
        .with("6 lines in parts of 1 to 11 bytes, 5 ms between")
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
    fault("writers/never-finished", C1, "A line that is never finished.")
        .with("1 client, 500 ms")
        .states(&[IDLE, AWAITING_REPLY])
        .steps(&[Send(B, b"INDEX|{a}"), Pause(500), Close(B)]),
    fault("writers/many-never-finished", C1, "Lines that are never finished, of many clients.")
        .with("60 clients, 500 ms")
        .steps(&[Join(60, b"QUERY|{a}|\n", FAIL), AllSend(60, b"INDEX|{a}"), Pause(500), CloseAll]),
];
