//! What clients cost: the same visits over and over, and whether all is given back (W32).

use conformance::case::Step::AllAsk;
use conformance::case::Step::AllSend;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::ResetCrowd;
use conformance::case::Step::Sample;
use conformance::resources::ResourceLimit;
use driver::moves::Source::Each;
use protocol::wisdom::clauses::W32;

use super::{CHALLENGE_OR_LATER, QUOTE_OR_LATER, REQUEST, error, fault};
use crate::fault::Fault;

/// How many clients visit in a round.
const VISITS: u16 = 200;

/// How long a target may take to notice that its clients are gone.
const SETTLE_MS: u64 = 400;

/// Any heap is collected before it has grown by so much.
const COLLECTED_BYTES: u64 = 256 << 20;

/// Bystanders come and go too, and never so many.
const ALL_GIVEN_BACK: ResourceLimit = ResourceLimit::GrowthPerRound {
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

pub(super) const FAULTS: &[Fault] = &[
    fault("resources/visits", W32, "What clients cost that get a challenge and leave is given back.")
        .with("6 rounds of 200 clients")
        .steps(rounds!(50_000: AllAsk(50, 1, REQUEST, CHALLENGE_OR_LATER), CloseAll))
        .keeps(ALL_GIVEN_BACK)
        .beyond_promises(),
    fault("resources/quotations", W32, "What clients cost that get their quotation is given back.")
        .with("6 rounds of 200 clients")
        .steps(rounds!(
            51_000: AllAsk(50, 1, REQUEST, CHALLENGE_OR_LATER),
            AllAsk(50, 1, b"{solution next}", QUOTE_OR_LATER),
            CloseAll
        ))
        .keeps(ALL_GIVEN_BACK)
        .beyond_promises(),
    fault("resources/resets", W32, "What clients cost that vanish in the middle of a frame is given back.")
        .with("6 rounds of 200 clients")
        .steps(rounds!(52_000: AllSend(50, b"WW\x01\x03\0\0\x01\0{"), ResetCrowd(50)))
        .keeps(ALL_GIVEN_BACK)
        .beyond_promises(),
    fault(
        "resources/half-frames",
        W32,
        "What clients cost that leave in the middle of a frame is given back.",
    )
    .with("6 rounds of 200 clients")
    .steps(rounds!(53_000: AllSend(50, b"WW\x01\x01\0"), CloseAll))
    .keeps(ALL_GIVEN_BACK)
    .beyond_promises(),
    fault("resources/errors", W32, "What clients cost whose frames are none is given back.")
        .with("6 rounds of 200 clients")
        .steps(rounds!(54_000: AllAsk(50, 1, b"XX\x01\x01\0\0\0\x02{}", error!("MALFORMED_FRAME")), CloseAll))
        .keeps(ALL_GIVEN_BACK)
        .beyond_promises(),
];
