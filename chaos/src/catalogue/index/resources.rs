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
use conformance::case::Step::RepeatWithin;
use conformance::case::Step::Reset;
use conformance::case::Step::ResetCrowd;
use conformance::case::Step::Sample;
use conformance::case::Step::UntilDecided;
use conformance::resources::{ANY_HEAP_GROWS, ResourceLimit, SYSTEM_BUFFERS_BYTES};
use driver::moves::Source;
use protocol::index::clauses::{C4, C5, F6};

use crate::catalogue::common::resources::{
    COLLECTED_BYTES, FILLING_ROUNDS, RELEASE_MS, TREND_VISITS, VISITS, WARM_UP_ROUNDS, connections, resets,
    row, visits,
};
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

/// Two clients that block the target and then reset their connections.
const STALLED: &[Step] = &[
    Flood(B, REQUESTS, SYSTEM_BUFFERS_BYTES),
    Reset(B),
    Flood(B, REQUESTS, SYSTEM_BUFFERS_BYTES),
    Reset(B),
    Pause(100),
    Sample,
];

/// A round of long lines: 30 MB by few clients, so that little is in use at the same time.
const FILLING: &[Step] = &[
    Join(4, QUERY, ANY),
    RepeatWithin(1, 5, 3000, &[AllAsk(4, 25, b"LIZARD|{a}|{x*60000}\n", ANY)]),
    CloseAll,
    Sample,
];

/// Clients of all kinds.
const ROUND: &[Step] =
    &[Repeat(12, CLOSED), Repeat(4, RESET), Repeat(4, CLOSED_IN_MID_LINE), Pause(100), Sample];

const LINES: &[Step] = &[
    Join(50, QUERY, ANY),
    RepeatWithin(1, 20, 700, &[AllAsk(50, 1, b"LIZARD|{a}|{x*60000}\n", ANY)]),
    CloseAll,
    Pause(100),
    Sample,
];

/// Health checks of load balancers do this. The last client is served after the others were accepted, so that they do not pile up
/// before a target that accepts slowly.
const SILENT: &[Step] = &[ConnectCrowd(50, Source::Any), CloseAll, Ask(B, QUERY, ANY), Close(B)];
const CLOSED: &[Step] = &[Join(50, QUERY, ANY), CloseAll];
const RESET: &[Step] = &[Join(50, QUERY, ANY), AllSend(50, b"QUERY|"), ResetCrowd(50)];
const CLOSED_IN_MID_LINE: &[Step] = &[Join(50, QUERY, ANY), AllSend(50, b"QUERY|{a}"), CloseAll];

const ROUNDS: &str = "4 to 6 rounds of 200 clients";

/// Four to six rounds. The last one is always made, as its sample waits for a late release.
const fn rounds(round: &'static [Step]) -> [Step; 2] {
    [RepeatWithin(3, 5, 3000, round), Repeat(1, round)]
}

pub(crate) const FAULTS: &[Fault] = &[
    visits(C4, &[IDLE], &rounds(&[Repeat(4, CLOSED), Pause(SETTLE_MS), Sample]), ALL_FREED)
        .parameters(ROUNDS),
    row(
        "resources/silent-visits",
        C4,
        "Clients that connect and leave without a request leave no resources allocated.",
        &[IDLE],
        &rounds(&[Repeat(2, SILENT), Pause(SETTLE_MS), Sample]),
        ResourceLimit::GrowthPerRound {
            visits: 100,
            descriptors: 1,
            threads: 8,
            memory_bytes: Some(ANY_HEAP_GROWS),
        },
    )
    .parameters("4 to 6 rounds of 100 clients"),
    resets(C4, &[IDLE], &rounds(&[Repeat(4, RESET), Pause(SETTLE_MS), Sample]), ALL_FREED).parameters(ROUNDS),
    row(
        "resources/half-lines",
        C4,
        "Clients that close their connections in the middle of a line leave no resources allocated.",
        &[IDLE],
        &rounds(&[Repeat(4, CLOSED_IN_MID_LINE), Pause(SETTLE_MS), Sample]),
        ALL_FREED,
    )
    .parameters(ROUNDS),
    row(
        "resources/stalled-readers",
        C4,
        "Clients that block the target and reset their connections leave no resources allocated.",
        &[IDLE],
        &rounds(STALLED),
        ResourceLimit::GrowthPerRound { visits: 2, descriptors: 2, threads: 2, memory_bytes: None },
    )
    .parameters("4 to 6 rounds of 2 clients")
    .needs_block(),
    connections(
        C4,
        &[IDLE],
        "10 rounds of 500 long lines, then 14 to 40 rounds of 1,000 clients, some of which reset or leave in the middle of a line",
        &[UntilDecided(&[
            Repeat(FILLING_ROUNDS, FILLING),
            Repeat(14, ROUND),
            Pause(RELEASE_MS),
            Repeat(26, ROUND),
        ])],
    ),
    fault("resources/requests", C4, "Memory that requests take is freed, however many requests are sent.")
        .parameters("14 to 40 rounds of 1,000 lines of 60 kB, or as many as are answered within 0.7 s")
        .steps(&[UntilDecided(&[Repeat(14, LINES), Pause(RELEASE_MS), Repeat(26, LINES)])])
        .keeps(ResourceLimit::MemoryPerVisit { visits: TREND_VISITS, left_out: WARM_UP_ROUNDS })
        .beyond_promises(),
    fault("resources/endless-line", F6, "An endless line takes bounded memory.")
        .parameters("256 MiB")
        // The pieces of a line that a target discards may remain in its heap as garbage, but not all of them.
        .steps(&[Sample, Flood(B, b"xxxxxxxxxxxxxxxx", 256 << 20), Sample, Reset(B)])
        .keeps(ResourceLimit::Memory(160 << 20))
        .beyond_promises(),
    fault("resources/unread-replies", C5, "Replies that the client does not read take bounded memory.")
        .parameters("128 MiB of requests, or until the target reads no more")
        .steps(&[Sample, Flood(B, REQUESTS, 128 << 20), Sample, Reset(B)])
        .keeps(ResourceLimit::MemoryOfUnreadReplies(64 << 20))
        .beyond_promises(),
];
