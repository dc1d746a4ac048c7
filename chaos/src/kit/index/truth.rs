//! All replies of a package index, held against the rules of one index.

use conformance::collect::Collector;
use conformance::linearizable::violation_finding;
use driver::history::Event;
use linearizability::interval_check;
use protocol::index::Index;
use protocol::{Lines, Protocol};
use verdict::Finding;

use crate::kit::Truth;

/// What all clients asked for, at fault or not. What was lost with one target may still happen with the next.
#[derive(Debug)]
pub(super) struct Rules(Collector<Lines>);

impl Rules {
    pub(super) fn new() -> Self {
        Self(Collector::new(Index::framing))
    }
}

impl Truth for Rules {
    fn observe(&mut self, event: &Event<'_>) {
        self.0.observe(event);
    }

    fn end_part(&mut self) -> Vec<(u64, Finding)> {
        let operations = self.0.end_part().map_or_else(Vec::new, |part| part.all);
        let violation = interval_check(&operations);
        let found = violation.map(|violation| {
            let sent_ns = operations.get(violation.operation).map_or(0, |operation| operation.sent_ns);
            // It is the fault's doing, whatever rule the reply breaks.
            (sent_ns, Finding { clause: None, ..violation_finding(violation, &operations) })
        });
        found.into_iter().collect()
    }
}
