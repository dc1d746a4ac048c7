//! Resource leaks: the rows and bounds that both protocols have.

use conformance::case::Step;
use conformance::resources::ResourceLimit;
use protocol::Clause;

use crate::fault::{Fault, State};

/// The number of visits in a round.
pub(crate) const VISITS: u16 = 200;

/// The growth of memory after which any garbage collector has run.
pub(crate) const COLLECTED_BYTES: u64 = 256 << 20;

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
