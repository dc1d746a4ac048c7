//! The clause and the label of a request.

use protocol::Clause;
use protocol::index::clauses::{S1, S3, S5};
use protocol::index::wire::{Command, Request};

/// Returns the clause that defines the replies to a request.
pub(super) fn clause_of(request: &[u8]) -> Clause {
    match Request::decode(request).map(|request| request.command) {
        Ok(Command::Remove) => S3,
        Ok(Command::Query) => S5,
        _ => S1,
    }
}

/// Returns the name under which a request is counted.
pub(crate) fn label(request: &[u8]) -> &'static str {
    Request::decode(request).map_or("malformed", |request| request.command.word())
}
