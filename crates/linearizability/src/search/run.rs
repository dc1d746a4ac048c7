//! Runs a search: distributes the components over threads and combines their results.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use crate::operation::Operation;
use crate::requests::Requests;
use crate::search::budget::Budget;
use crate::search::component::Component;
use crate::search::meter::{Meter, Used};
use crate::search::partition::Parts;
use crate::search::result::{Conclusion, Inconclusive, Reason, SearchResult, Statistics};
use crate::search::shared::Search;
use crate::search::walk::Walk;

/// Searches for a linearization of operations on an index that is empty at first.
#[must_use]
pub fn search(operations: &[Operation], budget: &Budget<'_>) -> SearchResult {
    /// The memory for one operation and its line, if the line is unique.
    const BYTES_PER_OPERATION: usize = 128;
    let unknown = |reason| SearchResult {
        conclusion: Conclusion::Unknown(Inconclusive { reason, components: 0, operations: operations.len() }),
        statistics: Statistics::default(),
    };
    let prepared = operations.len().saturating_mul(BYTES_PER_OPERATION);
    let Some(bytes_max) = budget.memory_bytes_max.checked_sub(prepared) else {
        return unknown(Reason::Memory);
    };
    let Some(requests) = Requests::read(operations, budget.is_expired) else { return unknown(Reason::Time) };
    let parts = Parts::of(operations, &requests);
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(parts.len()).max(1);
    let search = Search {
        operations,
        requests: &requests,
        parts: &parts,
        budget,
        used: Used::default(),
        bytes_max: bytes_max / threads,
        next: AtomicUsize::new(0),
        violated_ns: AtomicU64::new(parts.contradiction.map_or(u64::MAX, |(at_ns, _)| at_ns)),
    };
    let tally = run(&search, threads);
    let contradiction = parts.contradiction.map(|(at_ns, number)| (at_ns, number, None));
    let violation = tally.violation.map(|(at_ns, number, part)| (at_ns, number, Some(part)));
    let conclusion = match contradiction.into_iter().chain(violation).min() {
        Some((_, number, None)) => Conclusion::Violation(Box::new(search.contradiction(number))),
        Some((_, number, Some((part, event)))) => {
            Conclusion::Violation(Box::new(search.violation(number, part, event)))
        }
        None => tally.inconclusive.map_or(Conclusion::Linearizable, Conclusion::Unknown),
    };
    let statistics = Statistics {
        components: parts.len(),
        configurations_max: tally.configurations_max,
        nodes: search.used.nodes(),
    };
    SearchResult { conclusion, statistics }
}

/// The combined results of some components.
#[derive(Default)]
struct Tally {
    /// The earliest violation: time, operation, and its component and event.
    violation: Option<(u64, usize, (usize, u32))>,
    inconclusive: Option<Inconclusive>,
    /// The number of operations of the component that the reason belongs to.
    inconclusive_largest: usize,
    configurations_max: usize,
}

fn run(search: &Search<'_>, threads: usize) -> Tally {
    thread::scope(|scope| {
        let spawned: Vec<_> = (1..threads).map(|_| scope.spawn(|| run_some(search))).collect();
        let mut tally = run_some(search);
        for other in spawned {
            // A panic is a bug; it is passed on to the caller.
            tally.add(&other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        tally
    })
}

/// Searches components until none is left.
fn run_some(search: &Search<'_>) -> Tally {
    let mut tally = Tally::default();
    loop {
        let part = search.next.fetch_add(1, Ordering::Relaxed);
        if part >= search.parts.len() {
            return tally;
        }
        let operations = search.parts.operations(part).len();
        let reason = match run_one(search, part, &mut tally) {
            Ok(()) => continue,
            Err(reason) => reason,
        };
        let inconclusive = Some(Inconclusive { reason, components: 1, operations });
        tally.add(&Tally { inconclusive, inconclusive_largest: operations, ..Tally::default() });
    }
}

fn run_one(search: &Search<'_>, part: usize, tally: &mut Tally) -> Result<(), Reason> {
    if search.parts.is_unspecified(part) {
        return Err(Reason::Unspecified);
    }
    let mut meter =
        Meter::new(search.budget, &search.used, search.budget.component_nodes_max, search.bytes_max);
    meter.check()?;
    let component = Component::new(search.operations, search.requests, search.parts, part);
    let mut walk = Walk::from_empty_index(&component);
    let found = search.walk(&component, &mut walk, &mut meter);
    tally.configurations_max = tally.configurations_max.max(walk.configurations_max);
    let Some(event) = found? else { return Ok(()) };
    let at_ns = component.events[event as usize].at_ns;
    let of = component.events[event as usize].of;
    search.violated_ns.fetch_min(at_ns, Ordering::Relaxed);
    let this = (at_ns, component.calls[of as usize].number as usize, (part, event));
    tally.violation = tally.violation.into_iter().chain([this]).min();
    Ok(())
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.violation = self.violation.into_iter().chain(other.violation).min();
        self.configurations_max = self.configurations_max.max(other.configurations_max);
        self.inconclusive = match (self.inconclusive, other.inconclusive) {
            (Some(one), Some(two)) => {
                let is_larger = other.inconclusive_largest > self.inconclusive_largest;
                Some(Inconclusive {
                    reason: if is_larger { two.reason } else { one.reason },
                    components: one.components + two.components,
                    operations: one.operations + two.operations,
                })
            }
            (one, two) => one.or(two),
        };
        self.inconclusive_largest = self.inconclusive_largest.max(other.inconclusive_largest);
    }
}
