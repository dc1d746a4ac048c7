//! Impaired paths between one client and the target.

use conformance::case::B;
use conformance::case::FAIL;
use conformance::case::Step;
use conformance::case::Step::Close;
use conformance::case::Step::Expect;
use conformance::case::Step::Flood;
use conformance::case::Step::OpenAlternate;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::Reset;
use conformance::case::Step::Send;
use conformance::case::Step::SendTimes;
use protocol::Clause;
use protocol::index::clauses::{A4, C1, C3, F2};

use crate::catalogue::common::network::{NetworkFaults, Traffic};
use crate::catalogue::index::requests::QUERY;
use crate::catalogue::index::states::IDLE;
use crate::fault::{Fault, State};

pub(crate) const FAULTS: &[Fault] = NetworkFaults::<IndexTraffic>::ROWS;

struct IndexTraffic;

impl Traffic for IndexTraffic {
    const STATES: &'static [State] = &[IDLE];
    const CONCURRENCY: Clause = C1;
    const FRAGMENTATION: Clause = F2;
    const COALESCING: Clause = F2;
    const DISCONNECTION: Clause = C3;
    const ARBITRARY_INPUT: Clause = A4;
    const CONNECT: Step = Self::CONNECT_AND_ASK;
    const CONNECT_AND_ASK: Step = Repeat(1, &[OpenAlternate(B), Send(B, QUERY), Expect(B, &[FAIL])]);
    const DELAYED: Step = Repeat(
        1,
        &[Send(B, QUERY), Expect(B, &[FAIL]), Send(B, QUERY), Expect(B, &[FAIL]), Close(B), Pause(50)],
    );
    const RATE_LIMITED: Step = Repeat(1, &[SendTimes(B, QUERY, 20), Pause(400), Reset(B)]);
    const SLICED: Step = Repeat(
        1,
        &[Send(B, QUERY), Expect(B, &[FAIL]), Send(B, b"QUERY|{b}|\n"), Expect(B, &[FAIL]), Close(B)],
    );
    const JOINED: Step = Repeat(
        1,
        &[
            Send(B, b"QUE"),
            Pause(5),
            Send(B, b"RY|{a}|"),
            Pause(5),
            Send(B, b"\n"),
            Expect(B, &[FAIL]),
            Close(B),
        ],
    );
    const TOO_LONG: Step = Flood(B, b"INDEX|{a}|{b},{c},{d},{e},{f}\n", 60);
    const CUT_OFF: Step = Flood(B, QUERY, 100);
    const LOST: Step = Send(B, QUERY);
    const CORRUPTED: Step = Flood(B, QUERY, 1000);
}
