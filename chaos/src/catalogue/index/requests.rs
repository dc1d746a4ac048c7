//! Requests that several tables use, and the default state of a fault.

use conformance::case::Template;
use protocol::Clause;

use crate::catalogue::index::states::IDLE;
use crate::fault::Fault;

/// The request that most faults use.
pub(crate) const QUERY: Template = b"QUERY|{a}|\n";

/// Returns a fault of an idle connection, without steps.
pub(crate) const fn fault(id: &'static str, clause: Clause, summary: &'static str) -> Fault {
    Fault::new(id, clause, summary, &[IDLE])
}
