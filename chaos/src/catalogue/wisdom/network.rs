//! Impaired paths between one client and the target.

use conformance::case::B;
use conformance::case::Step;
use conformance::case::Step::Ask;
use conformance::case::Step::Ends;
use conformance::case::Step::Expect;
use conformance::case::Step::Flood;
use conformance::case::Step::OpenAlternate;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::Send;
use protocol::Clause;
use protocol::wisdom::clauses::{W04, W05, W31};

use crate::catalogue::common::network::{NetworkFaults, Traffic};
use crate::catalogue::wisdom::requests::{CHALLENGE, QUOTE, REQUEST};
use crate::catalogue::wisdom::states::NEW;
use crate::fault::{Fault, State};

pub(crate) const FAULTS: &[Fault] = NetworkFaults::<WisdomTraffic>::ROWS;

/// A complete session: a challenge, its quotation, the end of the connection.
const SESSION: Step = Repeat(1, &[Ask(B, REQUEST, CHALLENGE), Ask(B, b"{solution}", QUOTE), Ends(B)]);

struct WisdomTraffic;

impl Traffic for WisdomTraffic {
    const STATES: &'static [State] = &[NEW];
    const CONCURRENCY: Clause = W31;
    const FRAGMENTATION: Clause = W04;
    const COALESCING: Clause = W05;
    const DISCONNECTION: Clause = W31;
    const ARBITRARY_INPUT: Clause = W31;
    const CONNECT_AND_ASK: Step = Repeat(1, &[OpenAlternate(B), Ask(B, REQUEST, CHALLENGE)]);
    const DELAYED: Step = SESSION;
    const RATE_LIMITED: Step = SESSION;
    const SLICED: Step = SESSION;
    const JOINED: Step = Repeat(
        1,
        &[
            Send(B, REQUEST),
            Pause(5),
            Send(B, b"WW\x01\x01\0\0"),
            Pause(5),
            Send(B, b"\0\x02{}"),
            Expect(B, &[CHALLENGE, CHALLENGE]),
            Send(B, b"{solution 0 head}"),
            Pause(5),
            Send(B, b"{solution 0 rest}"),
            Expect(B, &[QUOTE]),
            Ends(B),
        ],
    );
    const TOO_LONG: Step = Flood(B, b"WW\x01\x03\0\0\0\x83{\"challenge\":\"AAAAAAAAAAAAAAAAAAAAAAAA", 46);
    const CUT_OFF: Step = Flood(B, REQUEST, 10);
    const LOST: Step = Send(B, b"{solution}");
    const CORRUPTED: Step = Flood(B, REQUEST, 1000);
}
