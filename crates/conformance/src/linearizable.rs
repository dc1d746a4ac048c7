//! What both judges of a history come to, as a finding.

use protocol::index::wire::Reply;

use linearizability::search::{Budget, Order, Reason, Statistics, Undecided, Violation as Unordered};
use linearizability::{Operation, Violation, bounds, search};
use protocol::text::printable;
use verdict::Bar;
use verdict::Finding;
use verdict::Verdict;
use verdict::Window;

/// What a search may cost beside its time: far more than that of a default run needs.
const NODES_MAX: u64 = 1_000_000_000;
const COMPONENT_NODES_MAX: u64 = 50_000_000;
const MEMORY_BYTES_MAX: usize = 512 << 20;

/// Operations that begin with an index in which none of their packages is.
pub struct FromEmpty<'o> {
    /// All, of which the judge of bounds is asked: it takes nothing for granted.
    pub all: &'o [Operation],
    /// Where those begin of which it is known that none of their packages was in.
    pub from: usize,
}

/// What the judges say.
pub enum Linearizability {
    /// There is an order.
    Linearizable(Statistics),
    /// There is none: which operation of all is wrong, and the same as a finding.
    Violated(usize, Box<Finding>),
    /// It was not found out.
    Unknown(Box<Finding>),
}

impl FromEmpty<'_> {
    /// Asks both judges. A search that found more than the bounds tells more, and stands first.
    #[must_use]
    pub fn judge(&self, is_over: &(dyn Fn() -> bool + Sync)) -> Linearizability {
        let budget = Budget {
            nodes_max: NODES_MAX,
            component_nodes_max: COMPONENT_NODES_MAX,
            memory_bytes_max: MEMORY_BYTES_MAX,
            is_over,
        };
        let operations = self.all.get(self.from..).unwrap_or_default();
        let outcome = search(operations, &budget);
        let of_bounds = bounds(self.all);
        match (outcome.order, of_bounds) {
            (Order::Violation(violation), of_bounds) => {
                let wrong = self.from + violation.operation;
                let stage = if of_bounds.is_some() { BOTH } else { SEARCH };
                let mut finding = unordered_finding(&violation, operations, stage);
                // What was certain says more than that there is no order.
                if let Some(certain) = of_bounds.filter(|certain| certain.operation == wrong) {
                    finding.clause = Some(certain.clause);
                    finding.reason = Some(format!("{} ({stage})", certain.why));
                }
                Linearizability::Violated(wrong, Box::new(finding))
            }
            (_, Some(violation)) => {
                let wrong = violation.operation;
                let mut finding = violation_finding(violation, self.all);
                finding.reason = finding.reason.map(|why| format!("{why} ({BOUNDS})"));
                Linearizability::Violated(wrong, Box::new(finding))
            }
            (Order::Ordered, None) => Linearizability::Linearizable(outcome.statistics),
            (Order::Unknown(undecided), None) => Linearizability::Unknown(Box::new(unknown(undecided))),
        }
    }
}

/// By which stage of the judge it was found.
const BOTH: &str = "found by the bounds and by the search";
const BOUNDS: &str = "found by the bounds";
const SEARCH: &str = "found by the search alone";

const NO_ORDER: &str = "a reply that no order of the requests allows";

/// Returns the finding of a violation among `operations`.
#[must_use]
pub fn violation_finding(violation: Violation, operations: &[Operation]) -> Finding {
    let mut finding = wrong_reply(operations.get(violation.operation), &[violation.expected]);
    finding.clause = Some(violation.clause);
    finding.reason = Some(violation.why);
    finding
}

fn unordered_finding(violation: &Unordered, operations: &[Operation], stage: &str) -> Finding {
    let mut finding = wrong_reply(operations.get(violation.operation), &violation.possible);
    finding.clause = Some(violation.clause);
    finding.reason = Some(format!("{} ({stage})", violation.why));
    let bar = |&number: &usize| {
        let Operation { client, line, sent_ns, replied } = operations.get(number)?;
        Some(Bar {
            client: *client,
            sent_ns: *sent_ns,
            replied_ns: replied.map(|(_, replied_ns)| replied_ns),
            request: printable(line),
            reply: replied.map(|(reply, _)| printable(reply.line().trim_ascii_end())),
            is_wrong: number == violation.operation,
        })
    };
    let bars = violation.window.iter().filter_map(bar).collect();
    finding.window = Some(Window { bars, states: violation.states.clone() });
    finding
}

fn wrong_reply(operation: Option<&Operation>, possible: &[Reply]) -> Finding {
    let (line, reply) = operation.map_or((&[][..], None), |operation| (&operation.line, operation.replied));
    let mut finding = Finding::new(Verdict::Fail, NO_ORDER);
    finding.client = operation.map(|operation| operation.client);
    let possible: Vec<String> = possible.iter().map(|reply| printable(reply.line())).collect();
    let expected = if possible.is_empty() { "another reply".to_owned() } else { possible.join(" or ") };
    finding.show(
        printable(&[line, b"\n"].concat()),
        reply.map_or(String::new(), |(reply, _)| printable(reply.line())),
        expected,
    );
    finding
}

fn unknown(undecided: Undecided) -> Finding {
    let Undecided { reason, components, operations } = undecided;
    let mut finding = Finding::new(Verdict::Unknown, "whether the requests have an order was not found out");
    let why = match reason {
        Reason::Nodes => "it would take too many steps",
        Reason::Time => "the time for it was over",
        Reason::Memory => "it would take too much memory",
        Reason::Configurations => "too much may have been at one moment",
        Reason::LostChanges => "too many replies were lost",
        Reason::OpenOperations => "too many requests were under way at once",
        Reason::LeftOpen => "some are such as the protocol leaves open",
    };
    finding.reason =
        Some(format!("{why}; that is {operations} requests, on {components} groups of packages"));
    finding
}
