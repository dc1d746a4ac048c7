//! Resource leaks: the rows and bounds that both protocols have.

use conformance::case::Step;
use conformance::resources::ResourceLimit;
use protocol::Clause;

use crate::fault::{Fault, State};

/// The number of visits in a round.
pub(crate) const VISITS: u16 = 200;

/// The growth of memory after which any garbage collector has run.
pub(crate) const COLLECTED_BYTES: u64 = 256 << 20;

/// The number of visits in a round after which memory is sampled to find its trend.
pub(crate) const TREND_VISITS: u16 = 1000;

/// The number of rounds that fill the heap of a runtime with garbage collection, and of further rounds in which caches and pools may
/// fill.
pub(crate) const FILLING_ROUNDS: usize = 10;
pub(crate) const WARM_UP_ROUNDS: usize = 4;

/// The time in which a target releases late what its clients used, in milliseconds.
pub(crate) const RELEASE_MS: u64 = 6000;

/// Memory that does not grow with each visit.
pub(crate) const MEMORY_FREED: ResourceLimit =
    ResourceLimit::MemoryPerVisit { visits: TREND_VISITS, left_out: FILLING_ROUNDS + WARM_UP_ROUNDS };

/// Memory that connections take is freed: rounds that fill a heap, and then rounds of visits.
pub(crate) const fn connections(
    clause: Clause,
    states: &'static [State],
    parameters: &'static str,
    steps: &'static [Step],
) -> Fault {
    let summary = "Memory that connections take is freed, however many clients connect.";
    row("resources/connections", clause, summary, states, steps, MEMORY_FREED).parameters(parameters)
}

/// Clients that disconnect after a reply leave no resources behind.
pub(crate) const fn visits(
    clause: Clause,
    states: &'static [State],
    steps: &'static [Step],
    keeps: ResourceLimit,
) -> Fault {
    let summary = "Clients that receive a reply and close their connections leave no resources allocated.";
    row("resources/visits", clause, summary, states, steps, keeps)
}

/// Clients that reset their connections in the middle of a request leave no resources behind.
pub(crate) const fn resets(
    clause: Clause,
    states: &'static [State],
    steps: &'static [Step],
    keeps: ResourceLimit,
) -> Fault {
    let summary =
        "Clients that reset their connections in the middle of a request leave no resources allocated.";
    row("resources/resets", clause, summary, states, steps, keeps)
}

/// A row of several rounds of visits, for which the protocol promises nothing meanwhile.
pub(crate) const fn row(
    id: &'static str,
    clause: Clause,
    summary: &'static str,
    states: &'static [State],
    steps: &'static [Step],
    keeps: ResourceLimit,
) -> Fault {
    Fault::new(id, clause, summary, states)
        .parameters("6 rounds of 200 clients")
        .steps(steps)
        .keeps(keeps)
        .beyond_promises()
}
