//! The faults of the package index.

mod crowds;
mod disconnects;
mod lines;
mod network;
mod process;
mod readers;
mod resources;
pub(crate) mod states;
mod writers;

use conformance::case::Template;
use protocol::Clause;

use crate::fault::Fault;
use states::IDLE;

/// All of them, in order.
pub(crate) const TABLES: &[&[Fault]] = &[
    lines::FAULTS,
    writers::FAULTS,
    readers::FAULTS,
    disconnects::FAULTS,
    crowds::FAULTS,
    network::FAULTS,
    process::FAULTS,
    resources::FAULTS,
];

/// Requests whose replies are as long as they are.
const REQUESTS: Template = b"QUERY|z|\n?\n";

/// More than the system holds on its way, requests and replies together.
const FLOOD_BYTES: usize = 32 << 20;

/// A fault of an idle connection, with nothing done yet.
const fn fault(id: &'static str, clause: Clause, summary: &'static str) -> Fault {
    Fault::new(id, clause, summary, &[IDLE])
}
