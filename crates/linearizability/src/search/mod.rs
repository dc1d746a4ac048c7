//! Whether a history has an order at all: the complete judge of what many clients saw (C2).
//!
//! Just-in-time linearization: through the events of a history goes the set of all that may have been, and an operation
//! is given its place only when one returns that depends on it (Lowe, "Testing for linearizability"; after Wing and
//! Gong, "Testing and verifying concurrent objects"). Packages that cannot influence each other are searched by
//! themselves (Horn and Kroening, "Faster linearizability checking via P-compositionality").
//!
//! It is taken for granted that none of the packages is in at the beginning, and that no others change them meanwhile. A
//! lost change may have happened at any time since its sending, or not at all. What is sent at the moment of a reply
//! may have come before it. Of requests that the protocol leaves open nothing is judged, nor of what depends on them.

mod component;
mod explain;
mod meter;
mod open;
mod parts;
mod shown;
mod states;
mod walk;

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use protocol::Clause;
use protocol::index::wire::Reply;

use crate::operation::Operation;
use crate::requests::Requests;
use component::{Component, Event};
use meter::{Meter, Used};
use parts::Parts;
use walk::{End, Walk};

/// How much a search may cost.
pub struct Budget<'a> {
    /// Events gone past and changes tried, of all components together; over by some thousands at most.
    pub nodes_max: u64,
    /// The same of one component, so that one that is hopeless leaves something for the others.
    pub component_nodes_max: u64,
    /// Memory beside that of the history itself.
    pub memory_bytes_max: usize,
    /// Whether the time is over; asked every few milliseconds, from all threads.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether there is an order.
    pub order: Order,
    /// What it took.
    pub statistics: Statistics,
}

/// Whether a history has an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// It has.
    Ordered,
    /// It has none, whatever is unknown besides.
    Violation(Box<Violation>),
    /// Of some of it, it was not found out; the rest has one.
    Unknown(Undecided),
}

/// The first reply, by the time when it came, by which there was no order any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which of the operations.
    pub operation: usize,
    /// The clause that it breaks; C2 if other changes were under way, and no clause of its own can be named.
    pub clause: Clause,
    /// The replies that would have had an order; empty if there was no budget left to find out.
    pub possible: Vec<Reply>,
    /// Operations that together have no order, in the order in which they were sent; the wrong one is among them.
    pub window: Vec<usize>,
    /// What may have been in when the first of them was sent, some of all possibilities: each tells of every package
    /// that the window names. Changes that were sent before may have happened already.
    pub states: Vec<String>,
    /// Why, in a sentence.
    pub why: String,
}

/// What was not found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// Why, of the largest component.
    pub reason: Reason,
    /// How many components.
    pub components: usize,
    /// How many operations these have.
    pub operations: usize,
}

/// Why something was not found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// [`Budget::nodes_max`], or that of one component.
    Nodes,
    /// [`Budget::is_over`].
    Time,
    /// [`Budget::memory_bytes_max`].
    Memory,
    /// More might have been than is kept.
    Configurations,
    /// Too many changes whose reply was lost.
    LostChanges,
    /// Too many operations under way at once.
    OpenOperations,
    /// Requests that the protocol leaves open.
    LeftOpen,
}

/// What a search took. If there is a violation, the rest is not searched beyond it, and how far that went by then is not
/// the same each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// How many components.
    pub components: usize,
    /// The most that may have been at one moment of one component.
    pub configurations_max: usize,
    /// Events gone past and changes tried.
    pub nodes: u64,
}

/// Finds whether operations have an order, from an empty index.
#[must_use]
pub fn search(operations: &[Operation], budget: &Budget<'_>) -> Outcome {
    /// What is kept of each operation, and of its line if it is the only one of its kind.
    const BYTES_PER_OPERATION: usize = 128;
    let unknown = |reason| Outcome {
        order: Order::Unknown(Undecided { reason, components: 0, operations: operations.len() }),
        statistics: Statistics::default(),
    };
    let prepared = operations.len().saturating_mul(BYTES_PER_OPERATION);
    let Some(bytes_max) = budget.memory_bytes_max.checked_sub(prepared) else {
        return unknown(Reason::Memory);
    };
    let Some(requests) = Requests::read(operations, budget.is_over) else { return unknown(Reason::Time) };
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
    let tally = search.run(threads);
    let contradiction = parts.contradiction.map(|(at_ns, number)| (at_ns, number, None));
    let violation = tally.violation.map(|(at_ns, number, part)| (at_ns, number, Some(part)));
    let order = match contradiction.into_iter().chain(violation).min() {
        Some((_, number, None)) => Order::Violation(Box::new(search.contradiction(number))),
        Some((_, number, Some((part, event)))) => {
            Order::Violation(Box::new(search.violation(number, part, event)))
        }
        None => tally.undecided.map_or(Order::Ordered, Order::Unknown),
    };
    let statistics = Statistics {
        components: parts.len(),
        configurations_max: tally.configurations_max,
        nodes: search.used.nodes(),
    };
    Outcome { order, statistics }
}

/// A search of all components.
struct Search<'a> {
    operations: &'a [Operation],
    requests: &'a Requests<'a>,
    parts: &'a Parts,
    budget: &'a Budget<'a>,
    used: Used,
    /// How much memory one component may take.
    bytes_max: usize,
    /// The component that is to be searched next.
    next: AtomicUsize,
    /// When the first reply came of those that are known to be wrong.
    violated_ns: AtomicU64,
}

/// What was found of some components.
#[derive(Default)]
struct Tally {
    /// When the first wrong reply came, of which operation, and its component and event.
    violation: Option<(u64, usize, (usize, u32))>,
    undecided: Option<Undecided>,
    /// How many operations the component has that the reason is of.
    undecided_largest: usize,
    configurations_max: usize,
}

impl Search<'_> {
    fn run(&self, threads: usize) -> Tally {
        thread::scope(|scope| {
            let spawned: Vec<_> = (1..threads).map(|_| scope.spawn(|| self.run_some())).collect();
            let mut tally = self.run_some();
            for other in spawned {
                // A panic is a bug, and goes on to whoever asked.
                tally.add(&other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            tally
        })
    }

    /// Searches components until none is left.
    fn run_some(&self) -> Tally {
        let mut tally = Tally::default();
        loop {
            let part = self.next.fetch_add(1, Ordering::Relaxed);
            if part >= self.parts.len() {
                return tally;
            }
            let operations = self.parts.operations(part).len();
            let reason = match self.run_one(part, &mut tally) {
                Ok(()) => continue,
                Err(reason) => reason,
            };
            let undecided = Some(Undecided { reason, components: 1, operations });
            tally.add(&Tally { undecided, undecided_largest: operations, ..Tally::default() });
        }
    }

    fn run_one(&self, part: usize, tally: &mut Tally) -> Result<(), Reason> {
        if self.parts.is_left_open(part) {
            return Err(Reason::LeftOpen);
        }
        let mut meter = Meter::new(self.budget, &self.used, self.budget.component_nodes_max, self.bytes_max);
        meter.look()?;
        let component = Component::new(self.operations, self.requests, self.parts, part);
        let mut walk = Walk::from_nothing(&component);
        let found = self.walk(&component, &mut walk, &mut meter);
        tally.configurations_max = tally.configurations_max.max(walk.configurations_max);
        let Some(event) = found? else { return Ok(()) };
        let at_ns = component.events[event as usize].at_ns;
        let of = component.events[event as usize].of;
        self.violated_ns.fetch_min(at_ns, Ordering::Relaxed);
        let this = (at_ns, component.moves[of as usize].number as usize, (part, event));
        tally.violation = tally.violation.into_iter().chain([this]).min();
        Ok(())
    }

    /// Goes through a component, and says at which event there was no order any more.
    fn walk(
        &self,
        component: &Component<'_>,
        walk: &mut Walk,
        meter: &mut Meter<'_>,
    ) -> Result<Option<u32>, Reason> {
        for (event, Event { at_ns, .. }) in (0..).zip(&component.events) {
            if *at_ns > self.violated_ns.load(Ordering::Relaxed) {
                break;
            }
            match walk.advance(component, event, meter) {
                Ok(()) => {}
                Err(End::NoOrder) => return Ok(Some(event)),
                Err(End::Unknown(reason)) => return Err(reason),
            }
        }
        Ok(None)
    }
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.violation = self.violation.into_iter().chain(other.violation).min();
        self.configurations_max = self.configurations_max.max(other.configurations_max);
        self.undecided = match (self.undecided, other.undecided) {
            (Some(one), Some(two)) => {
                let is_larger = other.undecided_largest > self.undecided_largest;
                Some(Undecided {
                    reason: if is_larger { two.reason } else { one.reason },
                    components: one.components + two.components,
                    operations: one.operations + two.operations,
                })
            }
            (one, two) => one.or(two),
        };
        self.undecided_largest = self.undecided_largest.max(other.undecided_largest);
    }
}
