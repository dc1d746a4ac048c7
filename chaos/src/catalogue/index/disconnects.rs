//! Clients that disconnect in every way and at every moment.

use conformance::case::A;
use conformance::case::ANY;
use conformance::case::B;
use conformance::case::C;
use conformance::case::FAIL;
use conformance::case::Step;
use conformance::case::Step::AllExpect;
use conformance::case::Step::AllSend;
use conformance::case::Step::Ask;
use conformance::case::Step::Close;
use conformance::case::Step::CloseAll;
use conformance::case::Step::EndSending;
use conformance::case::Step::Expect;
use conformance::case::Step::Flood;
use conformance::case::Step::Join;
use conformance::case::Step::Open;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::RepeatWithin;
use conformance::case::Step::Reset;
use conformance::case::Step::ResetCrowd;
use conformance::case::Step::Send;
use conformance::case::Step::SendTimes;
use conformance::case::Template;
use protocol::index::clauses::{C1, C3, F4, F5};

use crate::catalogue::common::disconnects as common;
use crate::catalogue::index::requests::{QUERY, fault};
use crate::catalogue::index::states::{AWAITING_REPLY, IDLE, REQUESTS, STATES};
use crate::fault::Fault;

/// Parts of a request.
const PARTS: [Template; 8] =
    [b"I", b"IN", b"INDE", b"INDEX", b"INDEX|", b"INDEX|{a}", b"INDEX|{a}|", b"INDEX|{a}|{b}"];
const RESET_AFTER_EACH: [Step; 16] = common::after_each(PARTS, Reset(B));
const CLOSE_AFTER_EACH: [Step; 16] = common::after_each(PARTS, Close(B));

/// A server that handles many events at once must answer the others although its writes to some of them fail.
const HALF_RESET: &[Step] = &[
    Join(60, b"QUERY|{b}|\n", ANY),
    AllSend(60, b"QUERY|{b}|\n"),
    ResetCrowd(30),
    AllExpect(30, 30, ANY),
    CloseAll,
];

/// A server whose timer for an incomplete line survives the connection closes the next one, which has the same descriptor. Ten seconds
/// are a usual limit.
const DESCRIPTORS_REUSED: &[Step] = &[
    Join(4, QUERY, ANY),
    AllSend(4, b"REMOVE|{c}"),
    Pause(50),
    CloseAll,
    Join(4, QUERY, ANY),
    AllSend(4, b"REMOVE|{c}"),
    Pause(50),
    ResetCrowd(4),
    Pause(50),
    Open(B),
    Open(C),
    Repeat(11, &[Ask(B, QUERY, FAIL), Ask(C, QUERY, FAIL), Pause(1000)]),
    Ask(B, QUERY, FAIL),
    Ask(C, QUERY, FAIL),
];

const FIFTY_RESETS: &[Step] = &[Join(50, QUERY, ANY), ResetCrowd(50)];

pub(crate) const FAULTS: &[Fault] = &[
    common::reset(C3, STATES),
    common::end_of_stream(C3, STATES),
    common::half_close(F4, STATES),
    fault(
        "disconnects/half-close-with-reply-due",
        F5,
        "The client half-closes its connection and reads the outstanding reply.",
    )
    .parameters("1 request")
    .steps(&[Send(A, QUERY), EndSending(A), Expect(A, &[FAIL]), Close(A)]),
    fault(
        "disconnects/half-close-unread",
        C1,
        "A client half-closes its connection and does not read the replies to many requests; another client asks meanwhile.",
    )
    .parameters("60 kB of requests; receive buffer of 4 KiB; 200 ms")
    .steps(&[
        Flood(B, REQUESTS, 60_000),
        EndSending(B),
        Pause(200),
        Ask(C, QUERY, FAIL),
        Reset(B),
    ]),
    common::reset_at_every_offset(C3, &[IDLE], "8 clients", &RESET_AFTER_EACH),
    common::end_at_every_offset(F4, &[IDLE], "8 clients", &CLOSE_AFTER_EACH),
    fault(
        "disconnects/replies-unread",
        C3,
        "The client resets its connection while many of its replies are in transit.",
    )
    .parameters("500 requests at once")
    .states(&[IDLE, AWAITING_REPLY])
    .steps(&[SendTimes(B, QUERY, 500), Reset(B), Pause(20)]),
    fault(
        "disconnects/replies-unread-in-order",
        C3,
        "The client closes its connection while many of its replies are in transit.",
    )
    .parameters("500 requests at once")
    .steps(&[SendTimes(B, QUERY, 500), Close(B), Pause(20)]),
    common::many_resets(C3, &[IDLE], "1,000 clients, 50 at a time; fewer if they take 3 s", &[RepeatWithin(5, 20, 3000, FIFTY_RESETS)])
        .beyond_promises(),
    fault(
        "disconnects/many-ends",
        C3,
        "Many clients connect, receive a reply and close their connections, in a short time.",
    )
    .parameters("1,000 clients, 50 at a time; fewer if they take 3 s")
    .steps(&[RepeatWithin(5, 20, 3000, &[Join(50, QUERY, ANY), CloseAll])])
    .beyond_promises(),
    fault(
        "disconnects/crowd-in-mid-line",
        C3,
        "Many clients reset their connections at once, each in the middle of a line.",
    )
    .parameters("60 clients")
    .steps(&[Join(60, QUERY, ANY), AllSend(60, b"INDEX|{a}"), ResetCrowd(60), Pause(50)]),
    fault(
        "disconnects/descriptors-reused",
        C3,
        "Clients connect after others have left in the middle of a line, and stay for longer than servers wait for the rest of a line.",
    )
    .parameters("4 clients that close, 4 that reset; then 2 clients with a request per second, for 11 s")
    .steps(DESCRIPTORS_REUSED),
    common::crowd_awaiting(
        C3,
        &[IDLE],
        "60 clients; then, up to 4 times, half of 60 clients while the others wait for their replies",
        &[
            Join(60, b"QUERY|{b}|\n", ANY),
            AllSend(60, b"QUERY|{b}|\n"),
            ResetCrowd(60),
            Pause(50),
            RepeatWithin(1, 4, 1000, HALF_RESET),
        ],
    ),
];
