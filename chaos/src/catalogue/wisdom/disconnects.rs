//! Clients that disconnect in every way and at every moment.

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
use conformance::case::Step::RepeatWithin;
use conformance::case::Step::Reset;
use conformance::case::Step::ResetCrowd;
use conformance::case::Step::Send;
use conformance::case::Template;
use driver::moves::Source::Each;
use protocol::wisdom::clauses::{W02, W31};

use crate::catalogue::common::disconnects as common;
use crate::catalogue::wisdom::requests::{CHALLENGE, CHALLENGE_OR_REFUSED, QUOTE, REQUEST};
use crate::catalogue::wisdom::states::{NEW, STATES, fault};
use crate::fault::Fault;

/// Parts of a request.
const PARTS: [Template; 9] = [
    b"W",
    b"WW",
    b"WW\x01",
    b"WW\x01\x01",
    b"WW\x01\x01\0",
    b"WW\x01\x01\0\0",
    b"WW\x01\x01\0\0\0",
    b"WW\x01\x01\0\0\0\x02",
    b"WW\x01\x01\0\0\0\x02{",
];
const RESET_AFTER_EACH: [Step; 18] = common::after_each(PARTS, Reset(B));
const CLOSE_AFTER_EACH: [Step; 18] = common::after_each(PARTS, Close(B));
const HALF_CLOSE_AFTER_EACH: [Step; 18] =
    common::after_each(PARTS, Repeat(1, &[EndSending(B), Pause(20), Reset(B)]));

/// Fifty clients receive a challenge and reset their connections.
const FIFTY_RESETS: &[Step] =
    &[ConnectCrowd(50, Each(7_000)), AllAsk(50, 1, REQUEST, CHALLENGE_OR_REFUSED), ResetCrowd(50)];

pub(crate) const FAULTS: &[Fault] = &[
    common::reset(W31, STATES),
    common::end_of_stream(W31, STATES),
    common::half_close(W31, STATES),
    fault(
        "disconnects/half-close-with-quote-due",
        W02,
        "The client half-closes its connection and reads the outstanding quotation.",
    )
    .parameters("1 client")
    .steps(&[
        Send(A, REQUEST),
        Expect(A, &[CHALLENGE]),
        Send(A, b"{solution}"),
        EndSending(A),
        Expect(A, &[QUOTE]),
        Ends(A),
    ]),
    common::reset_at_every_offset(W31, &[NEW], "9 clients", &RESET_AFTER_EACH),
    common::end_at_every_offset(W31, &[NEW], "9 clients", &CLOSE_AFTER_EACH),
    fault(
        "disconnects/half-close-at-every-offset",
        W31,
        "Clients half-close and then reset their connections, each after a different part of a request.",
    )
    .parameters("9 clients; reset after 20 ms")
    .steps(&HALF_CLOSE_AFTER_EACH),
    // Twice the connections that the target may have, so that those which still count leave no room.
    common::many_resets(
        W31,
        &[NEW],
        "1,500 clients, 50 at a time; fewer if they take 3 s",
        &[RepeatWithin(5, 30, 3000, FIFTY_RESETS), Pause(50)],
    ),
    fault(
        "disconnects/crowd-in-mid-frame",
        W31,
        "Many clients reset their connections at once, each in the middle of a frame.",
    )
    .parameters("100 clients")
    .steps(&[ConnectCrowd(100, Each(7_200)), AllSend(100, b"WW\x01\x01\0"), ResetCrowd(100), Pause(50)]),
    common::crowd_awaiting(
        W31,
        &[NEW],
        "100 clients",
        &[ConnectCrowd(100, Each(7_400)), AllSend(100, REQUEST), ResetCrowd(100), Pause(50)],
    ),
    fault(
        "disconnects/crowd-in-order",
        W31,
        "Many clients close their connections at once without solving their challenges.",
    )
    .parameters("100 clients")
    .steps(&[ConnectCrowd(100, Each(7_600)), AllAsk(100, 1, REQUEST, CHALLENGE_OR_REFUSED), CloseAll]),
];
