//! Clients that go, in every way, and at every moment.

use conformance::case::A;
use conformance::case::B;
use conformance::case::Step;
use conformance::case::Step::AllAsk;
use conformance::case::Step::AllSend;
use conformance::case::Step::Close;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::EndSending;
use conformance::case::Step::Ends;
use conformance::case::Step::Expect;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::Reset;
use conformance::case::Step::ResetCrowd;
use conformance::case::Step::Send;
use driver::moves::Source::Each;
use protocol::wisdom::clauses::{W02, W31};

use super::states::STATES;
use super::{CHALLENGE, CHALLENGE_OR_LATER, QUOTE, REQUEST, fault};
use crate::fault::Fault;

/// A request up to each of its bytes, and then the end of that client.
macro_rules! at_every_offset {
    ($($end:expr),+) => {
        &[
            Send(B, b"W"),
            $($end,)+
            Send(B, b"WW"),
            $($end,)+
            Send(B, b"WW\x01"),
            $($end,)+
            Send(B, b"WW\x01\x01"),
            $($end,)+
            Send(B, b"WW\x01\x01\0"),
            $($end,)+
            Send(B, b"WW\x01\x01\0\0"),
            $($end,)+
            Send(B, b"WW\x01\x01\0\0\0"),
            $($end,)+
            Send(B, b"WW\x01\x01\0\0\0\x02"),
            $($end,)+
            Send(B, b"WW\x01\x01\0\0\0\x02{"),
            $($end,)+
        ]
    };
}

/// Fifty clients that get a challenge and vanish.
const FIFTY_RESETS: &[Step] =
    &[ConnectCrowd(50, Each(7_000)), AllAsk(50, 1, REQUEST, CHALLENGE_OR_LATER), ResetCrowd(50)];

pub(super) const FAULTS: &[Fault] = &[
    fault("disconnects/reset", W31, "The client vanishes by a reset.")
        .with("at once")
        .states(STATES)
        .steps(&[Reset(A), Pause(20)]),
    fault("disconnects/end-of-stream", W31, "The client closes its connection.")
        .with("at once")
        .states(STATES)
        .steps(&[Close(A), Pause(20)]),
    fault("disconnects/half-close", W31, "The client ends its sending half, and leaves after a while.")
        .with("closed after 100 ms")
        .states(STATES)
        .steps(&[EndSending(A), Pause(100), Reset(A)]),
    fault(
        "disconnects/half-close-with-quote-due",
        W02,
        "The client ends its sending half, and reads the quotation that is due.",
    )
    .with("1 client")
    .steps(&[
        Send(A, REQUEST),
        Expect(A, &[CHALLENGE]),
        Send(A, b"{solution}"),
        EndSending(A),
        Expect(A, &[QUOTE]),
        Ends(A),
    ]),
    fault(
        "disconnects/reset-at-every-offset",
        W31,
        "Clients vanish by a reset, each after another part of a request.",
    )
    .with("9 clients")
    .steps(at_every_offset!(Reset(B))),
    fault("disconnects/end-at-every-offset", W31, "Clients leave, each after another part of a request.")
        .with("9 clients")
        .steps(at_every_offset!(Close(B))),
    fault(
        "disconnects/half-close-at-every-offset",
        W31,
        "Clients end their sending half, each after another part of a request, and then vanish.",
    )
    .with("9 clients, after 20 ms")
    .steps(at_every_offset!(EndSending(B), Pause(20), Reset(B))),
    fault("disconnects/many-resets", W31, "Clients come, get a challenge and vanish, many in a short time.")
        .with("200 clients, 50 at a time")
        .steps(&[Repeat(4, FIFTY_RESETS), Pause(50)]),
    fault(
        "disconnects/crowd-in-mid-frame",
        W31,
        "Many clients vanish in the middle of a frame, all at once.",
    )
    .with("100 clients")
    .steps(&[ConnectCrowd(100, Each(7_200)), AllSend(100, b"WW\x01\x01\0"), ResetCrowd(100), Pause(50)]),
    fault("disconnects/crowd-awaiting", W31, "Many clients vanish while they await a reply, all at once.")
        .with("100 clients")
        .steps(&[ConnectCrowd(100, Each(7_400)), AllSend(100, REQUEST), ResetCrowd(100), Pause(50)]),
    fault(
        "disconnects/crowd-in-order",
        W31,
        "Many clients leave with their challenges unsolved, all at once.",
    )
    .with("100 clients")
    .steps(&[ConnectCrowd(100, Each(7_600)), AllAsk(100, 1, REQUEST, CHALLENGE_OR_LATER), CloseAll]),
];
