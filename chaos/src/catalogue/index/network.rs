//! A network that is slow, cuts, loses or changes what it carries, between one client and the target.
//!
//! The client at fault comes by way of a relay, so that nobody else has that network. Each counts only if the relay did
//! something to what was sent.

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
use conformance::case::Template;
use protocol::index::clauses::{A4, C1, C3, F2};

use super::fault;
use crate::catalogue::ways::{
    BANDWIDTH, BLACK_HOLE, CORRUPTION, DOWN, JOINING, LATENCY, LIMIT, MEND, RESET, SLICING, SLOW_CLOSE,
};
use crate::fault::Fault;

/// Client `B` comes by way of the relay, and is served.
const COMES: Step = Repeat(1, &[OpenAlternate(B), Send(B, b"QUERY|{a}|\n"), Expect(B, &[FAIL])]);

/// Client `B` asks, and what comes of it is not looked at: the relay may have changed or cut it.
const fn ask_in_vain(line: Template, bytes: usize) -> Step {
    Flood(B, line, bytes)
}

pub(super) const FAULTS: &[Fault] = &[
    fault("network/latency", C1, "What a client sends and gets takes long.")
        .with("100 ms ± 20 ms each way, 3 requests")
        .steps(&[
            COMES,
            LATENCY,
            Send(B, b"QUERY|{a}|\n"),
            Expect(B, &[FAIL]),
            Send(B, b"QUERY|{a}|\n"),
            Expect(B, &[FAIL]),
            Close(B),
            Pause(50),
            MEND,
        ]),
    fault("network/bandwidth", C1, "What a client sends and gets comes slowly.")
        .with("1 kB a second each way, 20 requests")
        .steps(&[COMES, BANDWIDTH, SendTimes(B, b"QUERY|{a}|\n", 20), Pause(400), Reset(B), MEND]),
    fault("network/slicing", F2, "What a client sends comes in pieces.")
        .with("1 to 3 bytes, 1 ms between")
        .steps(&[
            COMES,
            SLICING,
            Send(B, b"QUERY|{a}|\n"),
            Expect(B, &[FAIL]),
            Send(B, b"QUERY|{b}|\n"),
            Expect(B, &[FAIL]),
            Close(B),
            MEND,
        ]),
    fault("network/joining", F2, "What a client sends in parts comes at once.")
        .with("what comes within 50 ms")
        .steps(&[
            COMES,
            JOINING,
            Send(B, b"QUE"),
            Pause(5),
            Send(B, b"RY|{a}|"),
            Pause(5),
            Send(B, b"\n"),
            Expect(B, &[FAIL]),
            Close(B),
            MEND,
        ]),
    fault("network/limit", C3, "The way ends after some bytes, in the middle of a line.")
        .with("25 bytes")
        .steps(&[
            COMES,
            LIMIT,
            ask_in_vain(b"INDEX|{a}|{b},{c},{d},{e},{f}\n", 60),
            Pause(100),
            Close(B),
            MEND,
        ]),
    fault("network/reset", C3, "The way is reset while requests are on it.")
        .with("20 ms after the first")
        .steps(&[COMES, RESET, ask_in_vain(b"QUERY|{a}|\n", 100), Pause(100), Close(B), MEND]),
    fault("network/black-hole", C1, "What a client sends never comes, and neither does what it should get.")
        .with("300 ms")
        .steps(&[COMES, BLACK_HOLE, Send(B, b"QUERY|{a}|\n"), Pause(300), Reset(B), MEND]),
    fault("network/slow-close", C3, "The end of a client's stream comes late.").with("200 ms").steps(&[
        COMES,
        SLOW_CLOSE,
        Close(B),
        Pause(250),
        MEND,
    ]),
    fault("network/down", C3, "The way is gone while a client awaits a reply.").with("100 ms").steps(&[
        COMES,
        ask_in_vain(b"QUERY|{a}|\n", 100),
        DOWN,
        Pause(100),
        Close(B),
        MEND,
    ]),
    fault("network/corruption", A4, "Some bits of what a client sends are other ones when it comes.")
        .with("each of 1,000 bytes with a chance of 5 in 100")
        .steps(&[COMES, CORRUPTION, ask_in_vain(b"QUERY|{a}|\n", 1000), Pause(100), Reset(B), MEND]),
];
