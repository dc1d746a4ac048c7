//! What clients cost: the same visits over and over, and whether all is given back (C4, C5, F6).

use conformance::case::ANY;
use conformance::case::B;
use conformance::case::Step::AllAsk;
use conformance::case::Step::AllSend;
use conformance::case::Step::CloseAll;
use conformance::case::Step::Flood;
use conformance::case::Step::Join;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::Reset;
use conformance::case::Step::ResetCrowd;
use conformance::case::Step::Sample;
use conformance::resources::ResourceLimit;
use protocol::index::clauses::{C4, C5, F6};

use super::{REQUESTS, fault};
use crate::fault::Fault;

/// How many clients visit in a round.
const VISITS: u16 = 200;

/// How long a target may take to notice that its clients are gone.
const SETTLE_MS: u64 = 300;

/// Any heap is collected before it has grown by so much.
const COLLECTED_BYTES: u64 = 256 << 20;

/// One descriptor of two hundred visits is a leak, if it is so in every round.
const ALL_GIVEN_BACK: ResourceLimit = ResourceLimit::GrowthPerRound {
    visits: VISITS,
    descriptors: 1,
    threads: 8,
    memory_bytes: Some(COLLECTED_BYTES),
};

pub(super) const FAULTS: &[Fault] = &[
    fault("resources/visits", C4, "What clients cost that come, ask and leave is given back.")
        .with("6 rounds of 200 clients")
        .steps(&[Repeat(
            6,
            &[Repeat(4, &[Join(50, b"QUERY|{a}|\n", ANY), CloseAll]), Pause(SETTLE_MS), Sample],
        )])
        .keeps(ALL_GIVEN_BACK)
        .beyond_promises(),
    fault("resources/resets", C4, "What clients cost that vanish by a reset is given back.")
        .with("6 rounds of 200 clients")
        .steps(&[Repeat(
            6,
            &[
                Repeat(4, &[Join(50, b"QUERY|{a}|\n", ANY), AllSend(50, b"QUERY|"), ResetCrowd(50)]),
                Pause(SETTLE_MS),
                Sample,
            ],
        )])
        .keeps(ALL_GIVEN_BACK)
        .beyond_promises(),
    fault("resources/half-lines", C4, "What clients cost that leave in the middle of a line is given back.")
        .with("6 rounds of 200 clients")
        .steps(&[Repeat(
            6,
            &[
                Repeat(4, &[Join(50, b"QUERY|{a}|\n", ANY), AllSend(50, b"QUERY|{a}"), CloseAll]),
                Pause(SETTLE_MS),
                Sample,
            ],
        )])
        .keeps(ALL_GIVEN_BACK)
        .beyond_promises(),
    fault(
        "resources/connections",
        C4,
        "Memory of clients that come and leave is given back, however many came.",
    )
    .with("6 rounds of 1,000 clients")
    .steps(&[Repeat(6, &[Repeat(20, &[Join(50, b"QUERY|{a}|\n", ANY), CloseAll]), Pause(100), Sample])])
    .keeps(ResourceLimit::GrowthPerRound {
        visits: 1000,
        descriptors: 10,
        threads: 10,
        memory_bytes: Some(COLLECTED_BYTES),
    }),
    fault("resources/requests", C4, "Memory of requests is given back, however many there were.")
        .with("6 rounds of 1,000 lines of 60 kB")
        .steps(&[Repeat(
            6,
            &[
                Join(50, b"QUERY|{a}|\n", ANY),
                AllAsk(50, 20, b"LIZARD|{a}|{x*60000}\n", ANY),
                CloseAll,
                Pause(100),
                Sample,
            ],
        )])
        .keeps(ResourceLimit::GrowthPerRound {
            visits: 1000,
            descriptors: 10,
            threads: 10,
            memory_bytes: Some(COLLECTED_BYTES),
        })
        .beyond_promises(),
    fault("resources/endless-line", F6, "A line without an end takes bounded memory.")
        .with("128 MiB")
        .steps(&[Sample, Flood(B, b"xxxxxxxxxxxxxxxx", 128 << 20), Sample, Reset(B)])
        .keeps(ResourceLimit::Memory(64 << 20))
        .beyond_promises(),
    fault("resources/unread-replies", C5, "Replies that nobody reads take bounded memory.")
        .with("128 MiB of requests, or until the target takes no more")
        .steps(&[Sample, Flood(B, REQUESTS, 128 << 20), Sample, Reset(B)])
        .keeps(ResourceLimit::Memory(64 << 20))
        .beyond_promises(),
];
