//! The invariant of the package index: all replies together are those of one index (C2).

use conformance::collect::{Collector, PartOperations};
use conformance::linearizable::violation_finding;
use driver::history::Event;
use linearizability::interval_check;
use protocol::index::Index;
use protocol::index::wire::Reply;
use protocol::{Lines, Protocol};
use verdict::{Finding, Verdict};

use crate::chaos_protocol::Invariant;

/// Collects the operations of all clients. A request that was lost with one target process may still take effect in the
/// next one.
#[derive(Debug)]
pub(crate) struct Linearizable(Collector<Lines>);

impl Linearizable {
    pub(crate) fn new() -> Self {
        Self(Collector::new(Index::framing))
    }
}

impl Invariant for Linearizable {
    fn observe(&mut self, event: &Event<'_>) {
        self.0.observe(event);
    }

    fn end_part(&mut self) -> Vec<(u64, Finding)> {
        let Some(PartOperations { all: mut operations, .. }) = self.0.end_part() else {
            return vec![(
                0,
                Finding::new(
                    Verdict::Unknown,
                    "the requests are too many to check that one index has answered them",
                ),
            )];
        };
        for operation in &mut operations {
            // A request that was refused may have taken effect. The judge of bystanders decides whether it may be refused.
            operation.replied.take_if(|(reply, _)| *reply == Reply::Error);
        }
        let violation = interval_check(&operations);
        let found = violation.map(|violation| {
            let sent_ns = operations.get(violation.operation).map_or(0, |operation| operation.sent_ns);
            // The fault decides the clause, whatever rule the reply violates.
            (sent_ns, Finding { clause: None, ..violation_finding(violation, &operations) })
        });
        found.into_iter().collect()
    }
}
