//! Clients that go, in every way, and at every moment.

use conformance::case::A;
use conformance::case::ANY;
use conformance::case::B;
use conformance::case::FAIL;
use conformance::case::Step;
use conformance::case::Step::AllSend;
use conformance::case::Step::Close;
use conformance::case::Step::CloseAll;
use conformance::case::Step::EndSending;
use conformance::case::Step::Expect;
use conformance::case::Step::Join;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::Reset;
use conformance::case::Step::ResetCrowd;
use conformance::case::Step::Send;
use conformance::case::Step::SendTimes;
use protocol::index::clauses::{C3, F4, F5};

use super::fault;
use super::states::{AWAITING_REPLY, IDLE, STATES};
use crate::fault::Fault;

/// A request up to each of its bytes, and then the end of that client.
macro_rules! at_every_offset {
    ($end:ident) => {
        &[
            Send(B, b"I"),
            $end(B),
            Send(B, b"IN"),
            $end(B),
            Send(B, b"INDE"),
            $end(B),
            Send(B, b"INDEX"),
            $end(B),
            Send(B, b"INDEX|"),
            $end(B),
            Send(B, b"INDEX|{a}"),
            $end(B),
            Send(B, b"INDEX|{a}|"),
            $end(B),
            Send(B, b"INDEX|{a}|{b}"),
            $end(B),
        ]
    };
}

pub(super) const FAULTS: &[Fault] = &[
    fault("disconnects/reset", C3, "The client vanishes by a reset.")
        .with("at once")
        .states(STATES)
        .steps(&[Reset(A), Pause(20)]),
    fault("disconnects/end-of-stream", C3, "The client closes its connection.")
        .with("at once")
        .states(STATES)
        .steps(&[Close(A), Pause(20)]),
    fault("disconnects/half-close", F4, "The client ends its sending half, and leaves after a while.")
        .with("closed after 100 ms")
        .states(STATES)
        .steps(&[EndSending(A), Pause(100), Reset(A)]),
    fault(
        "disconnects/half-close-with-reply-due",
        F5,
        "The client ends its sending half, and reads the reply that is due.",
    )
    .with("1 request")
    .steps(&[Send(A, b"QUERY|{a}|\n"), EndSending(A), Expect(A, &[FAIL]), Close(A)]),
    fault(
        "disconnects/reset-at-every-offset",
        C3,
        "Clients vanish by a reset, each after another part of a request.",
    )
    .with("8 clients")
    .steps(at_every_offset!(Reset)),
    fault("disconnects/end-at-every-offset", F4, "Clients leave, each after another part of a request.")
        .with("8 clients")
        .steps(at_every_offset!(Close)),
    fault(
        "disconnects/replies-unread",
        C3,
        "The client vanishes while many of its replies are on their way.",
    )
    .with("500 requests at once")
    .states(&[IDLE, AWAITING_REPLY])
    .steps(&[SendTimes(B, b"QUERY|{a}|\n", 500), Reset(B), Pause(20)]),
    fault(
        "disconnects/replies-unread-in-order",
        C3,
        "The client closes while many of its replies are on their way.",
    )
    .with("500 requests at once")
    .steps(&[SendTimes(B, b"QUERY|{a}|\n", 500), Close(B), Pause(20)]),
    fault(
        "disconnects/many-resets",
        C3,
        "Clients come, are served, and vanish by a reset, many in a short time.",
    )
    .with("1,000 clients, 50 at a time")
    .steps(&[Repeat(20, FIFTY_RESETS)])
    .beyond_promises(),
    fault("disconnects/many-ends", C3, "Clients come, are served, and leave, many in a short time.")
        .with("1,000 clients, 50 at a time")
        .steps(&[Repeat(20, &[Join(50, b"QUERY|{a}|\n", ANY), CloseAll])])
        .beyond_promises(),
    fault("disconnects/crowd-in-mid-line", C3, "Many clients vanish in the middle of a line, all at once.")
        .with("60 clients")
        .steps(&[Join(60, b"QUERY|{a}|\n", ANY), AllSend(60, b"INDEX|{a}"), ResetCrowd(60), Pause(50)]),
    fault("disconnects/crowd-awaiting", C3, "Many clients vanish while they await a reply, all at once.")
        .with("60 clients")
        .steps(&[Join(60, b"QUERY|{b}|\n", ANY), AllSend(60, b"QUERY|{b}|\n"), ResetCrowd(60), Pause(50)]),
];

const FIFTY_RESETS: &[Step] = &[Join(50, b"QUERY|{a}|\n", ANY), ResetCrowd(50)];
