//! A network that is slow, cuts, loses or changes what it carries, between one client and the target.
//!
//! The client at fault comes by way of a relay, so that nobody else has that network. Each counts only if the relay did
//! something to what was sent.

use conformance::case::B;
use conformance::case::Step;
use conformance::case::Step::Ask;
use conformance::case::Step::Close;
use conformance::case::Step::Ends;
use conformance::case::Step::Expect;
use conformance::case::Step::Flood;
use conformance::case::Step::OpenAlternate;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::Reset;
use conformance::case::Step::Send;
use conformance::case::Template;
use protocol::wisdom::clauses::{W04, W05, W31};

use super::{CHALLENGE, QUOTE, REQUEST, fault};
use crate::catalogue::ways::{
    BANDWIDTH, BLACK_HOLE, CORRUPTION, DOWN, JOINING, LATENCY, LIMIT, MEND, RESET, SLICING, SLOW_CLOSE,
};
use crate::fault::Fault;

/// Client `B` comes by way of the relay, and gets a challenge.
const COMES: Step = Repeat(1, &[OpenAlternate(B), Ask(B, REQUEST, CHALLENGE)]);

/// The same words as by any other way: a challenge, a quotation, the end.
const IS_SERVED: Step = Repeat(1, &[Ask(B, REQUEST, CHALLENGE), Ask(B, b"{solution}", QUOTE), Ends(B), MEND]);

/// What comes of it is not looked at: the relay may have changed or cut it.
const fn ask_in_vain(bytes: Template, bytes_max: usize) -> Step {
    Flood(B, bytes, bytes_max)
}

pub(super) const FAULTS: &[Fault] = &[
    fault("network/latency", W31, "What a client sends and gets takes long.")
        .with("100 ms ± 20 ms each way")
        .steps(&[OpenAlternate(B), LATENCY, IS_SERVED]),
    fault("network/bandwidth", W31, "What a client sends and gets comes slowly.")
        .with("1 kB a second each way")
        .steps(&[OpenAlternate(B), BANDWIDTH, IS_SERVED]),
    fault("network/slicing", W04, "What a client sends and gets comes in pieces.")
        .with("1 to 3 bytes, 1 ms between")
        .steps(&[OpenAlternate(B), SLICING, IS_SERVED]),
    fault("network/joining", W05, "What a client sends in parts comes at once.")
        .with("what comes within 50 ms")
        .steps(&[
            OpenAlternate(B),
            JOINING,
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
            MEND,
        ]),
    fault("network/limit", W31, "The way ends after some bytes, in the middle of a solution.")
        .with("25 bytes")
        .steps(&[
            COMES,
            LIMIT,
            ask_in_vain(b"WW\x01\x03\0\0\0\x83{\"challenge\":\"AAAAAAAAAAAAAAAAAAAAAAAA", 46),
            Pause(100),
            Close(B),
            MEND,
        ]),
    fault("network/reset", W31, "The way is reset while a request is on it.")
        .with("20 ms after it")
        .steps(&[COMES, RESET, ask_in_vain(REQUEST, 10), Pause(100), Close(B), MEND]),
    fault("network/black-hole", W31, "What a client sends never comes, and neither does what it should get.")
        .with("300 ms")
        .steps(&[COMES, BLACK_HOLE, Send(B, b"{solution}"), Pause(300), Reset(B), MEND]),
    fault("network/slow-close", W31, "The end of a client's stream comes late.").with("200 ms").steps(&[
        COMES,
        SLOW_CLOSE,
        Close(B),
        Pause(250),
        MEND,
    ]),
    fault("network/down", W31, "The way is gone while a client awaits a reply.").with("100 ms").steps(&[
        COMES,
        ask_in_vain(REQUEST, 10),
        DOWN,
        Pause(100),
        Close(B),
        MEND,
    ]),
    fault("network/corruption", W31, "Some bits of what a client sends are other ones when it comes.")
        .with("each of 1,000 bytes with a chance of 5 in 100")
        .steps(&[COMES, CORRUPTION, ask_in_vain(REQUEST, 1000), Pause(100), Reset(B), MEND]),
];
