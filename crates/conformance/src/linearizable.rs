//! Linearizability of a run: both checks of its operations, and their result as a finding.

use linearizability::search::{Budget, Conclusion, Inconclusive, Reason, Statistics, Violation};
use linearizability::{IntervalViolation, Operation, interval_check, search};
use protocol::index::wire::Reply;
use protocol::text::printable;
use verdict::{Finding, Verdict, Window, WindowOperation};

use crate::messages;

/// The budget of a search beside its time: far more than a default run needs.
const NODES_MAX: u64 = 1_000_000_000;
const COMPONENT_NODES_MAX: u64 = 50_000_000;
const MEMORY_BYTES_MAX: usize = 512 << 20;

/// Operations that begin with an index in which none of their packages is indexed.
pub struct FromEmptyIndex<'o> {
    /// All operations. The interval check uses all of them, because it assumes nothing about the initial state.
    pub all: &'o [Operation],
    /// The index of the first operation from which on the initial state is known to be empty.
    pub from: usize,
}

/// The result of both checks.
pub enum Linearizability {
    /// The operations are linearizable.
    Linearizable(Statistics),
    /// They are not: the index of the violating operation, and the finding.
    Violated(usize, Box<Finding>),
    /// The checks are inconclusive.
    Unknown(Box<Finding>),
}

impl FromEmptyIndex<'_> {
    /// Runs both checks. A violation found by the search takes precedence, because it carries more evidence.
    #[must_use]
    pub fn judge(&self, is_expired: &(dyn Fn() -> bool + Sync)) -> Linearizability {
        let budget = Budget {
            nodes_max: NODES_MAX,
            component_nodes_max: COMPONENT_NODES_MAX,
            memory_bytes_max: MEMORY_BYTES_MAX,
            is_expired,
        };
        let operations = self.all.get(self.from..).unwrap_or_default();
        let outcome = search(operations, &budget);
        let interval_violation = interval_check(self.all);
        match (outcome.conclusion, interval_violation) {
            (Conclusion::Violation(violation), interval_violation) => {
                let violating = self.from + violation.operation;
                let stage = if interval_violation.is_some() { BOTH } else { SEARCH };
                let mut finding = search_finding(&violation, operations, stage);
                // A certain fact explains more than a missing linearization.
                if let Some(certain) = interval_violation.filter(|certain| certain.operation == violating) {
                    finding.clause = Some(certain.clause);
                    finding.reason = Some(format!("{} ({stage})", certain.explanation));
                }
                Linearizability::Violated(violating, Box::new(finding))
            }
            (_, Some(violation)) => {
                let violating = violation.operation;
                let mut finding = violation_finding(violation, self.all);
                finding.reason = finding.reason.map(|reason| format!("{reason} ({INTERVAL_CHECK})"));
                Linearizability::Violated(violating, Box::new(finding))
            }
            (Conclusion::Linearizable, None) => Linearizability::Linearizable(outcome.statistics),
            (Conclusion::Unknown(inconclusive), None) => {
                Linearizability::Unknown(Box::new(unknown(inconclusive)))
            }
        }
    }
}

/// The check that found the violation.
const BOTH: &str = messages::FOUND_BY_BOTH;
const INTERVAL_CHECK: &str = messages::FOUND_BY_INTERVAL_CHECK;
const SEARCH: &str = messages::FOUND_BY_SEARCH;

/// Returns the finding of a violation among `operations`.
#[must_use]
pub fn violation_finding(violation: IntervalViolation, operations: &[Operation]) -> Finding {
    let mut finding = incorrect_reply(operations.get(violation.operation), &[violation.expected]);
    finding.clause = Some(violation.clause);
    finding.reason = Some(violation.explanation);
    finding
}

fn search_finding(violation: &Violation, operations: &[Operation], stage: &str) -> Finding {
    let mut finding = incorrect_reply(operations.get(violation.operation), &violation.possible);
    finding.clause = Some(violation.clause);
    finding.reason = Some(format!("{} ({stage})", violation.explanation));
    let window_operation = |&number: &usize| {
        let Operation { client, line, sent_ns, replied } = operations.get(number)?;
        Some(WindowOperation {
            client: *client,
            sent_ns: *sent_ns,
            replied_ns: replied.map(|(_, replied_ns)| replied_ns),
            request: printable(line),
            reply: replied.map(|(reply, _)| printable(reply.line().trim_ascii_end())),
            is_violation: number == violation.operation,
        })
    };
    let operations = violation.window.iter().filter_map(window_operation).collect();
    finding.window = Some(Window { operations, states: violation.states.clone() });
    finding
}

fn incorrect_reply(operation: Option<&Operation>, possible: &[Reply]) -> Finding {
    let (line, reply) = operation.map_or((&[][..], None), |operation| (&operation.line, operation.replied));
    let mut finding = Finding::new(Verdict::Fail, messages::NOT_LINEARIZABLE);
    finding.client = operation.map(|operation| operation.client);
    let possible: Vec<String> = possible.iter().map(|reply| printable(reply.line())).collect();
    let expected =
        if possible.is_empty() { messages::ANOTHER_REPLY.to_owned() } else { possible.join(" or ") };
    finding.show(
        printable(&[line, b"\n"].concat()),
        reply.map_or(String::new(), |(reply, _)| printable(reply.line())),
        expected,
    );
    finding
}

fn unknown(inconclusive: Inconclusive) -> Finding {
    let Inconclusive { reason, components, operations } = inconclusive;
    let mut finding = Finding::new(Verdict::Unknown, messages::LINEARIZABILITY_INCONCLUSIVE);
    let reason = match reason {
        Reason::Nodes => messages::SEARCH_NODES,
        Reason::Time => messages::SEARCH_TIME,
        Reason::Memory => messages::SEARCH_MEMORY,
        Reason::Configurations => messages::SEARCH_CONFIGURATIONS,
        Reason::LostChanges => messages::SEARCH_LOST_CHANGES,
        Reason::PendingOperations => messages::SEARCH_PENDING,
        Reason::Unspecified => messages::SEARCH_UNSPECIFIED,
    };
    finding.reason = Some(messages::inconclusive_search(reason, operations, components));
    finding
}
