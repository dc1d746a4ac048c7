//! Clients that read slowly, or not at all. Each counts only if the target had to wait for it.

use conformance::case::B;
use conformance::case::C;
use conformance::case::D;
use conformance::case::FAIL;
use conformance::case::Step;
use conformance::case::Step::Ask;
use conformance::case::Step::Close;
use conformance::case::Step::Flood;
use conformance::case::Step::Pause;
use conformance::case::Step::ReadSlowly;
use conformance::case::Step::Reset;
use protocol::index::clauses::C1;

use super::{FLOOD_BYTES, REQUESTS, fault};
use crate::fault::Fault;

/// The client blocks the target.
const fn block(slot: driver::moves::Slot) -> Step {
    Flood(slot, REQUESTS, FLOOD_BYTES)
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "readers/never-reading",
        C1,
        "A client that asks and reads nothing, until the target has to wait for it.",
    )
    .with("until the target takes nothing for 200 ms, then 500 ms and a request of another; a receive buffer of 4 KiB")
    // Whoever is not served before the reader goes waits for as long as it likes.
    .steps(&[block(B), Pause(500), Ask(C, b"QUERY|{a}|\n", FAIL), Reset(B)])
    .needs_block(),
    fault("readers/slow", C1, "A client that has blocked the target, and then reads slowly.")
        .with("1,000 bytes every 50 ms, for 1 s")
        .steps(&[block(B), ReadSlowly(B, 1000, 50, 20), Reset(B)])
        .needs_block(),
    fault("readers/byte-by-byte", C1, "A client that has blocked the target, and then reads byte by byte.")
        .with("a byte every 10 ms, for 500 ms")
        .steps(&[block(B), ReadSlowly(B, 1, 10, 50), Reset(B)])
        .needs_block(),
    fault(
        "readers/leaving",
        C1,
        "A client that has blocked the target, and then leaves in the ordinary way.",
    )
    .with("closed after 100 ms")
    .steps(&[block(B), Pause(100), Close(B)])
    .needs_block(),
    fault("readers/several", C1, "Three clients that have blocked the target, all at the same time.")
        .with("3 clients, 500 ms")
        .steps(&[block(B), block(C), block(D), Pause(500), Reset(B), Reset(C), Reset(D)])
        .needs_block(),
];
