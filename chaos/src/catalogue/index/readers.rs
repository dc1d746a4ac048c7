//! Clients that read slowly or not at all.
//!
//! A fault counts only if the client blocked the target: the target could not write further replies.

use conformance::case::B;
use conformance::case::C;
use conformance::case::D;
use conformance::case::FAIL;
use conformance::case::Step;
use conformance::case::Step::Ask;
use conformance::case::Step::AwaitFlood;
use conformance::case::Step::Close;
use conformance::case::Step::Flood;
use conformance::case::Step::Open;
use conformance::case::Step::Pause;
use conformance::case::Step::ReadSlowly;
use conformance::case::Step::Reset;
use conformance::resources::SYSTEM_BUFFERS_BYTES;
use driver::moves::Slot;
use protocol::index::clauses::{A1, C1};

use crate::catalogue::index::requests::fault;
use crate::catalogue::index::states::REQUESTS;
use crate::fault::Fault;

/// Further clients that do not read, and one that does.
const E: Slot = 4;
const F: Slot = 5;
const G: Slot = 6;
const OTHER: Slot = 7;

/// The client sends requests, without reading, until the target is blocked.
const fn block(slot: Slot) -> Step {
    Flood(slot, REQUESTS, SYSTEM_BUFFERS_BYTES)
}

/// The same with requests that would change the index, if they were not refused. A target may hold a lock while it answers them.
const fn block_with_changes(slot: Slot) -> Step {
    Flood(slot, b"INDEX|y|z\n", SYSTEM_BUFFERS_BYTES)
}

pub(crate) const FAULTS: &[Fault] = &[
    fault(
        "readers/never-reading",
        C1,
        "A client sends requests without reading replies until the target is blocked.",
    )
    .parameters("until the target reads nothing for 500 ms; 500 ms later another client sends a request; receive buffer of 4 KiB")
    // The other client must be served while the reader is still connected.
    .steps(&[block(B), Pause(500), Ask(C, b"QUERY|{a}|\n", FAIL), Reset(B)])
    .needs_block(),
    fault("readers/slow", C1, "A client blocks the target and then reads slowly.")
        .parameters("1,000 bytes every 50 ms, for 1 s")
        .steps(&[block(B), ReadSlowly(B, 1000, 50, 20), Reset(B)])
        .needs_block(),
    fault("readers/byte-by-byte", C1, "A client blocks the target and then reads byte by byte.")
        .parameters("1 byte every 10 ms, for 500 ms")
        .steps(&[block(B), ReadSlowly(B, 1, 10, 50), Reset(B)])
        .needs_block(),
    fault(
        "readers/leaving",
        C1,
        "A client blocks the target and then closes its connection.",
    )
    .parameters("closed after 100 ms")
    .steps(&[block(B), Pause(100), Close(B)])
    .needs_block(),
    fault("readers/several", C1, "Six clients block the target at the same time.")
        .parameters("6 clients, 3 of them with INDEX requests that are refused; then another client sends a request")
        .steps(&[
            block(B),
            block(C),
            block(D),
            block_with_changes(E),
            block_with_changes(F),
            block_with_changes(G),
            Ask(OTHER, b"QUERY|{a}|\n", FAIL),
            Reset(B),
            Reset(C),
            Reset(D),
            Reset(E),
            Reset(F),
            Reset(G),
        ])
        .needs_block(),
    fault(
        "readers/resuming",
        A1,
        "A client blocks the target and leaves; another one blocks it for a while and then reads all replies.",
    )
    .parameters("700 ms; not to the end if that takes more than 20 s and the target has continued to write")
    // With a small receive buffer, reading all replies would take too long.
    .steps(&[block(C), Reset(C), Open(B), block(B), Pause(700), AwaitFlood(B, 20_000), Reset(B)])
        .needs_block(),
];
