//! What many clients saw at once, held against the rules of one index (C2).
//!
//! A history becomes [`Operation`]s: each took effect at one moment between its sending and its reply, or, if its reply
//! was lost, at some moment after its sending, or not at all. Judges are pure, and read nothing else.

mod bounds;
mod collect;
#[cfg(test)]
mod tests;

pub use bounds::{Violation, bounds};
pub use collect::{Collector, Operations, PartOperations};

use protocol::index::wire::Reply;

use crate::verdict::{Finding, Verdict, printable};

/// A request of one client, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Which client.
    pub client: u32,
    /// The line, without its end.
    pub line: Vec<u8>,
    /// Taken before it was sent.
    pub sent_ns: u64,
    /// The reply, and when it had come; nothing if it was lost.
    pub replied: Option<(Reply, u64)>,
}

impl Violation {
    /// The same as a finding; `operations` are those that it was found in.
    #[must_use]
    pub fn finding(self, operations: &[Operation]) -> Finding {
        let operation = operations.get(self.operation);
        let (line, reply) =
            operation.map_or((&[][..], None), |operation| (&operation.line, operation.replied));
        let mut finding = Finding {
            clause: Some(self.clause),
            client: operation.map(|operation| operation.client),
            reason: Some(self.why),
            ..Finding::new(Verdict::Fail, "a reply that no order of the requests allows")
        };
        finding.show(
            printable(&[line, b"\n"].concat()),
            reply.map_or(String::new(), |(reply, _)| printable(reply.line())),
            printable(self.had_to_come.line()),
        );
        finding
    }
}
