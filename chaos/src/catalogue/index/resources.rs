//! Resource leaks and bounds: repeated visits after which the target must have freed its resources (C4, C5, F6).

use conformance::case::ANY;
use conformance::case::B;
use conformance::case::Step;
use conformance::case::Step::AllAsk;
use conformance::case::Step::AllSend;
use conformance::case::Step::Ask;
use conformance::case::Step::Close;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::Flood;
use conformance::case::Step::Join;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::Reset;
use conformance::case::Step::ResetCrowd;
use conformance::case::Step::Sample;
use conformance::resources::ResourceLimit;
use driver::moves::Source;
use protocol::index::clauses::{C4, C5, F6};

use crate::catalogue::common::resources::{COLLECTED_BYTES, VISITS, resets, row, visits};
use crate::catalogue::index::requests::{QUERY, fault};
use crate::catalogue::index::states::{IDLE, REQUESTS};
use crate::fault::Fault;

/// The time that a target has to notice that its clients are gone.
const SETTLE_MS: u64 = 300;

/// One descriptor for two hundred visits is a leak if every round shows it.
const ALL_FREED: ResourceLimit = ResourceLimit::GrowthPerRound {
    visits: VISITS,
    descriptors: 1,
    threads: 8,
    memory_bytes: Some(COLLECTED_BYTES),
};

/// Memory grows by less than any garbage collector would tolerate.
const MEMORY_FREED: ResourceLimit = ResourceLimit::GrowthPerRound {
    visits: 1000,
    descriptors: 10,
    threads: 10,
    memory_bytes: Some(COLLECTED_BYTES),
};

/// Health checks of load balancers do this. The last client is served after the others were accepted, so that they do not pile up
/// before a target that accepts slowly.
const SILENT: &[Step] = &[ConnectCrowd(50, Source::Any), CloseAll, Ask(B, QUERY, ANY), Close(B)];
const CLOSED: &[Step] = &[Join(50, QUERY, ANY), CloseAll];
const RESET: &[Step] = &[Join(50, QUERY, ANY), AllSend(50, b"QUERY|"), ResetCrowd(50)];
const CLOSED_IN_MID_LINE: &[Step] = &[Join(50, QUERY, ANY), AllSend(50, b"QUERY|{a}"), CloseAll];

pub(crate) const FAULTS: &[Fault] = &[
    visits(C4, &[IDLE], &[Repeat(6, &[Repeat(4, CLOSED), Pause(SETTLE_MS), Sample])], ALL_FREED),
    row(
        "resources/silent-visits",
        C4,
        "Clients that connect and leave without a request leave no resources allocated.",
        &[IDLE],
        &[Repeat(6, &[Repeat(2, SILENT), Pause(SETTLE_MS), Sample])],
        ResourceLimit::GrowthPerRound { visits: 100, descriptors: 1, threads: 8, memory_bytes: None },
    ),
    resets(C4, &[IDLE], &[Repeat(6, &[Repeat(4, RESET), Pause(SETTLE_MS), Sample])], ALL_FREED),
    row(
        "resources/half-lines",
        C4,
        "Clients that close their connections in the middle of a line leave no resources allocated.",
        &[IDLE],
        &[Repeat(6, &[Repeat(4, CLOSED_IN_MID_LINE), Pause(SETTLE_MS), Sample])],
        ALL_FREED,
    ),
    fault(
        "resources/connections",
        C4,
        "Memory that connections take is freed, however many clients connect.",
    )
    .parameters("6 rounds of 1,000 clients")
    .steps(&[Repeat(6, &[Repeat(20, CLOSED), Pause(100), Sample])])
    .keeps(MEMORY_FREED),
    fault("resources/requests", C4, "Memory that requests take is freed, however many requests are sent.")
        .parameters("6 rounds of 1,000 lines of 60 kB")
        .steps(&[Repeat(
            6,
            &[
                Join(50, QUERY, ANY),
                AllAsk(50, 20, b"LIZARD|{a}|{x*60000}\n", ANY),
                CloseAll,
                Pause(100),
                Sample,
            ],
        )])
        .keeps(MEMORY_FREED)
        .beyond_promises(),
    fault("resources/endless-line", F6, "An endless line takes bounded memory.")
        .parameters("128 MiB")
        .steps(&[Sample, Flood(B, b"xxxxxxxxxxxxxxxx", 128 << 20), Sample, Reset(B)])
        .keeps(ResourceLimit::Memory(64 << 20))
        .beyond_promises(),
    fault("resources/unread-replies", C5, "Replies that the client does not read take bounded memory.")
        .parameters("128 MiB of requests, or until the target reads no more")
        .steps(&[Sample, Flood(B, REQUESTS, 128 << 20), Sample, Reset(B)])
        .keeps(ResourceLimit::Memory(64 << 20))
        .beyond_promises(),
];
