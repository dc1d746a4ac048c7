//! Resource leaks: repeated visits after which the target must have freed its resources (W32).

use conformance::case::Allowed;
use conformance::case::Step;
use conformance::case::Step::AllAsk;
use conformance::case::Step::AllSend;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::ResetCrowd;
use conformance::case::Step::Sample;
use conformance::case::Step::UntilDecided;
use conformance::resources::ResourceLimit;
use driver::moves::Source::Each;
use protocol::wisdom::clauses::W32;

use crate::catalogue::common::resources::{
    COLLECTED_BYTES, FILLING_ROUNDS, RELEASE_MS, VISITS, connections, resets, row, visits,
};
use crate::catalogue::wisdom::requests::{CHALLENGE_OR_REFUSED, QUOTE_OR_REFUSED, REQUEST, error};
use crate::catalogue::wisdom::states::NEW;
use crate::fault::Fault;

/// The time that a target has to notice that its clients are gone.
const SETTLE_MS: u64 = 400;

/// Bystanders connect and disconnect too, but never as many of them.
const ALL_FREED: ResourceLimit = ResourceLimit::GrowthPerRound {
    visits: VISITS,
    descriptors: 50,
    threads: 50,
    memory_bytes: Some(COLLECTED_BYTES),
};

/// Rounds of visits, each by fifty clients at a time.
macro_rules! rounds {
    ($first:literal: $($steps:expr),+) => {
        &[Repeat(6, &[Repeat(4, &[ConnectCrowd(50, Each($first)), $($steps),+]), Pause(SETTLE_MS), Sample])]
    };
}

/// A round of invalid frames with as many bytes as a frame may have, which fill the heap of a runtime with garbage collection.
const FILLING: &[Step] = &[
    Repeat(
        20,
        &[
            ConnectCrowd(50, Each(55_000)),
            AllAsk(50, 1, b"WW\x01\x01\0\0\x0f\xa0{x*4000}", ANY_ERROR),
            CloseAll,
        ],
    ),
    Sample,
];

/// A round of clients that leave in the middle of a frame, or after an error.
const ROUND: &[Step] = &[
    Repeat(12, &[ConnectCrowd(50, Each(56_000)), AllSend(50, b"WW\x01\x01\0"), CloseAll]),
    Repeat(
        8,
        &[ConnectCrowd(50, Each(57_000)), AllAsk(50, 1, b"XX\x01\x01\0\0\0\x02{}", ANY_ERROR), CloseAll],
    ),
    Pause(100),
    Sample,
];

/// A server may also refuse clients that connect too often.
const ANY_ERROR: Allowed = Allowed::Lines(&[
    b"ERROR MALFORMED_FRAME",
    b"ERROR INVALID_PAYLOAD",
    b"ERROR RATE_LIMITED",
    b"ERROR SERVER_BUSY",
]);

pub(crate) const FAULTS: &[Fault] = &[
    visits(W32, &[NEW], rounds!(50_000: AllAsk(50, 1, REQUEST, CHALLENGE_OR_REFUSED), CloseAll), ALL_FREED),
    row(
        "resources/quotations",
        W32,
        "Clients that receive their quotation leave no resources allocated.",
        &[NEW],
        rounds!(
            51_000: AllAsk(50, 1, REQUEST, CHALLENGE_OR_REFUSED),
            AllAsk(50, 1, b"{solution next}", QUOTE_OR_REFUSED),
            CloseAll
        ),
        ALL_FREED,
    ),
    resets(W32, &[NEW], rounds!(52_000: AllSend(50, b"WW\x01\x03\0\0\x01\0{"), ResetCrowd(50)), ALL_FREED),
    row(
        "resources/half-frames",
        W32,
        "Clients that close their connections in the middle of a frame leave no resources allocated.",
        &[NEW],
        rounds!(53_000: AllSend(50, b"WW\x01\x01\0"), CloseAll),
        ALL_FREED,
    ),
    row(
        "resources/errors",
        W32,
        "Clients that send invalid frames leave no resources allocated.",
        &[NEW],
        rounds!(54_000: AllAsk(50, 1, b"XX\x01\x01\0\0\0\x02{}", error!("MALFORMED_FRAME")), CloseAll),
        ALL_FREED,
    ),
    connections(
        W32,
        &[NEW],
        "10 rounds of 1,000 invalid frames, then 14 to 40 rounds of 1,000 clients that leave in the middle of a frame or after an error",
        &[UntilDecided(&[
            Repeat(FILLING_ROUNDS, FILLING),
            Repeat(14, ROUND),
            Pause(RELEASE_MS),
            Repeat(26, ROUND),
        ])],
    ),
];
