//! One component, prepared for the search: its operations as steps of the model, and its events in order of time.

use std::mem;

use protocol::index::wire::{Command, Reply};

use crate::operation::Operation;
use crate::requests::{InternedRequest, Name, Requests, narrow};
use crate::search::partition::Parts;
use crate::search::states::ABSENT;

/// The operations on a set of packages; no other operation concerns these packages.
#[derive(Clone, Debug)]
pub(super) struct Component<'a> {
    /// The dependency lists, by index.
    lists: &'a [Box<[Name]>],
    /// The package names of the component.
    pub(super) packages: Vec<Name>,
    /// For each package, the packages for which an INDEX with this one in its list was sent.
    listed_by: Vec<Vec<u32>>,
    steps: Vec<Step>,
    /// The operations in the order of the history.
    pub(super) calls: Vec<Call>,
    /// The sends and replies in order of time.
    pub(super) events: Vec<Event>,
    /// Whether a package that lists itself cannot be removed, which violates S6.
    pub(super) blocks_own_removal: bool,
}

/// An operation of the component.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// The index of the operation in the history.
    pub(super) number: u32,
    /// The effect of the operation on the index, given its reply.
    pub(super) step: u32,
    /// The event of its reply; [`Call::LOST`] if there is none.
    pub(super) returns_at: u32,
}

impl Call {
    /// The value of `returns_at` if the reply was lost.
    pub(super) const LOST: u32 = u32::MAX;
}

/// A send or a reply. A send at the time of a reply is ordered before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    pub(super) at_ns: u64,
    pub(super) is_reply: bool,
    /// The operation, by its index in the component.
    pub(super) of: u32,
}

/// A request with its reply.
#[derive(Clone, Debug)]
struct Step {
    kind: Kind,
    package: u32,
    /// The value that an INDEX gives to the package.
    value: u32,
    /// The packages on which the reply depends, sorted. For REMOVE see [`Component::listed_by`].
    needs: Box<[u32]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// INDEX answered `OK`.
    Index,
    /// REMOVE answered `OK`.
    Remove,
    /// QUERY answered `OK`.
    QueryFound,
    /// QUERY answered `FAIL`.
    QueryAbsent,
    /// INDEX answered `FAIL`.
    IndexRejected,
    /// REMOVE answered `FAIL`.
    RemoveRejected,
    /// A valid request answered `ERROR`.
    Impossible,
}

const REPLIES: [Reply; 3] = [Reply::Ok, Reply::Fail, Reply::Error];

impl<'a> Component<'a> {
    /// Prepares one component of a history.
    pub(super) fn new(
        operations: &[Operation],
        requests: &'a Requests<'_>,
        parts: &Parts,
        part: usize,
    ) -> Self {
        let packages = parts.packages(part).to_vec();
        let numbers = parts.operations(part);
        let mut component = Self {
            lists: &requests.lists,
            listed_by: vec![vec![]; packages.len()],
            packages,
            steps: vec![],
            calls: Vec::with_capacity(numbers.len()),
            events: Vec::with_capacity(2 * numbers.len()),
            blocks_own_removal: false,
        };
        for &number in numbers {
            let line = requests.of_operation[number as usize];
            let begin = parts.line_in_part(line) * narrow(REPLIES.len());
            if begin as usize == component.steps.len() {
                let known = requests.lines[line as usize].expect("parts hold only what is a request");
                component.push_steps(&known, parts);
            }
            component.push_move(number, &operations[number as usize], begin);
        }
        for listing in &mut component.listed_by {
            listing.sort_unstable();
            listing.dedup();
        }
        component.events.sort_unstable();
        for (at, event) in (0..).zip(&component.events) {
            if event.is_reply {
                component.calls[event.of as usize].returns_at = at;
            }
        }
        component
    }

    fn push_steps(&mut self, known: &InternedRequest, parts: &Parts) {
        let package = parts.package_in_part(known.package);
        let list = self.lists[known.list as usize].iter().map(|&name| parts.package_in_part(name));
        let mut needs: Box<[u32]> = list.collect();
        needs.sort_unstable();
        for &dependency in &needs {
            self.listed_by[dependency as usize].push(package);
        }
        let kinds = match known.command {
            Command::Index => [Kind::Index, Kind::IndexRejected, Kind::Impossible],
            Command::Remove => [Kind::Remove, Kind::RemoveRejected, Kind::Impossible],
            Command::Query => {
                needs = Box::new([package]);
                [Kind::QueryFound, Kind::QueryAbsent, Kind::Impossible]
            }
        };
        let step = |kind| Step { kind, package, value: known.list + 1, needs: needs.clone() };
        self.steps.extend(kinds.map(step));
    }

    fn push_move(&mut self, number: u32, operation: &Operation, begin: u32) {
        let of = narrow(self.calls.len());
        // A lost operation matters only if it took effect.
        let reply = operation.replied.map_or(Reply::Ok, |(reply, _)| reply);
        self.calls.push(Call { number, step: begin + reply_index(reply), returns_at: Call::LOST });
        self.events.push(Event { at_ns: operation.sent_ns, is_reply: false, of });
        let event = |(_, at_ns)| Event { at_ns, is_reply: true, of };
        self.events.extend(operation.replied.map(event));
    }

    /// Gives an operation another reply; returns the previous one.
    pub(super) fn replace_reply(&mut self, of: u32, reply: Reply) -> Reply {
        let begin = self.calls[of as usize].step / narrow(REPLIES.len()) * narrow(REPLIES.len());
        let step = mem::replace(&mut self.calls[of as usize].step, begin + reply_index(reply));
        REPLIES[(step - begin) as usize]
    }

    /// Returns whether some INDEX lists its own package.
    pub(super) fn lists_itself(&self) -> bool {
        let is_on_it =
            |step: &Step| step.kind == Kind::Index && step.needs.binary_search(&step.package).is_ok();
        self.steps.iter().any(is_on_it)
    }

    /// Returns whether a step is possible in a state: the request would receive this reply.
    pub(super) fn fits(&self, step: u32, state: &[u32]) -> bool {
        let Step { kind, package, needs, .. } = &self.steps[step as usize];
        let is_in = |package: &u32| state[*package as usize] != ABSENT;
        match kind {
            Kind::Index => needs.iter().all(is_in),
            Kind::IndexRejected => !needs.iter().all(is_in),
            Kind::QueryFound => is_in(package),
            Kind::QueryAbsent => !is_in(package),
            Kind::Remove => !self.has_dependent(*package, state),
            Kind::RemoveRejected => self.has_dependent(*package, state),
            Kind::Impossible => false,
        }
    }

    fn has_dependent(&self, package: u32, state: &[u32]) -> bool {
        let name = self.packages[package as usize];
        self.listed_by[package as usize].iter().any(|&other| {
            let list = state[other as usize];
            let counts = other != package || self.blocks_own_removal;
            counts && list != ABSENT && self.list_of(list).binary_search(&name).is_ok()
        })
    }

    /// Returns the dependency list of an indexed package, given its value in a state.
    pub(super) fn list_of(&self, value: u32) -> &[Name] {
        &self.lists[(value - 1) as usize]
    }

    /// Returns the approximate cost of checking a step and storing its result. A few comparisons cost nothing.
    pub(super) fn work(&self, step: u32) -> usize {
        const COMPARISONS_PER_UNIT: usize = 16;
        let Step { package, needs, .. } = &self.steps[step as usize];
        let comparisons = self.packages.len() + needs.len() + self.listed_by[*package as usize].len();
        8 + comparisons / COMPARISONS_PER_UNIT
    }

    /// Returns the package that a step changes and its new value; `None` if the index stays the same.
    pub(super) fn change(&self, step: u32) -> Option<(u32, u32)> {
        let Step { kind, package, value, .. } = self.steps[step as usize];
        match kind {
            Kind::Index => Some((package, value)),
            Kind::Remove => Some((package, ABSENT)),
            _ => None,
        }
    }

    /// Returns whether the order of two steps matters.
    pub(super) fn conflict(&self, one: u32, other: u32) -> bool {
        let alters =
            |one: u32, other: u32| self.change(one).is_some_and(|(package, _)| self.is_about(other, package));
        alters(one, other) || alters(other, one)
    }

    fn is_about(&self, step: u32, package: u32) -> bool {
        let step = &self.steps[step as usize];
        let needs = match step.kind {
            Kind::Remove | Kind::RemoveRejected => &self.listed_by[step.package as usize],
            Kind::Impossible => return false,
            _ => &*step.needs,
        };
        let is_changed = matches!(step.kind, Kind::Index | Kind::Remove) && step.package == package;
        is_changed || needs.binary_search(&package).is_ok()
    }

    /// Returns the packages that a step names.
    pub(super) fn named(&self, step: u32) -> impl Iterator<Item = u32> {
        let step = &self.steps[step as usize];
        step.needs.iter().copied().chain([step.package])
    }

    /// Returns the package that a step concerns.
    pub(super) fn package(&self, step: u32) -> u32 {
        self.steps[step as usize].package
    }
}

fn reply_index(reply: Reply) -> u32 {
    match reply {
        Reply::Ok => 0,
        Reply::Fail => 1,
        Reply::Error => 2,
    }
}
