//! One component, ready to be searched: its operations as steps of the model, and its events in time.

use std::mem;

use protocol::index::wire::{Command, Reply};

use super::parts::Parts;
use super::states::OUT;
use crate::operation::Operation;
use crate::requests::{Known, Name, Requests, narrow};

/// The operations of some packages, and no others are about these.
#[derive(Clone, Debug)]
pub(super) struct Component<'a> {
    /// The packages that each list names.
    lists: &'a [Box<[Name]>],
    /// What the packages are called.
    pub(super) packages: Vec<Name>,
    /// By package, those that an INDEX was sent for with this one on its list.
    listed_by: Vec<Vec<u32>>,
    steps: Vec<Step>,
    /// Its operations, in the order of the history.
    pub(super) moves: Vec<Move>,
    /// Sendings and replies, in time.
    pub(super) events: Vec<Event>,
    /// Whether a package that lists itself cannot be removed, against S6.
    pub(super) is_kept_by_itself: bool,
}

/// An operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    /// Which of the history.
    pub(super) number: u32,
    /// What it did to the index, if it had its reply.
    pub(super) step: u32,
    /// The event of its reply; [`Move::LOST`] if there is none.
    pub(super) returns_at: u32,
}

impl Move {
    /// In place of an event: the reply was lost.
    pub(super) const LOST: u32 = u32::MAX;
}

/// A sending or a reply. What is sent at the moment of a reply comes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    pub(super) at_ns: u64,
    pub(super) is_reply: bool,
    /// Of which operation of the component.
    pub(super) of: u32,
}

/// A request with its reply.
#[derive(Clone, Debug)]
struct Step {
    kind: Kind,
    package: u32,
    /// What an INDEX makes of the package.
    value: u32,
    /// The packages that the reply depends on, in order; for REMOVE see [`Component::listed_by`].
    needs: Box<[u32]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// INDEX that is OK.
    Index,
    /// REMOVE that is OK.
    Remove,
    /// QUERY that is OK.
    IsIn,
    /// QUERY that is FAIL.
    IsOut,
    /// INDEX that is FAIL.
    IsLacking,
    /// REMOVE that is FAIL.
    IsHeld,
    /// A request that is ERROR.
    Never,
}

const REPLIES: [Reply; 3] = [Reply::Ok, Reply::Fail, Reply::Error];

impl<'a> Component<'a> {
    /// One of the parts of a history.
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
            moves: Vec::with_capacity(numbers.len()),
            events: Vec::with_capacity(2 * numbers.len()),
            is_kept_by_itself: false,
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
                component.moves[event.of as usize].returns_at = at;
            }
        }
        component
    }

    fn push_steps(&mut self, known: &Known, parts: &Parts) {
        let package = parts.package_in_part(known.package);
        let list = self.lists[known.list as usize].iter().map(|&name| parts.package_in_part(name));
        let mut needs: Box<[u32]> = list.collect();
        needs.sort_unstable();
        for &dependency in &needs {
            self.listed_by[dependency as usize].push(package);
        }
        let kinds = match known.command {
            Command::Index => [Kind::Index, Kind::IsLacking, Kind::Never],
            Command::Remove => [Kind::Remove, Kind::IsHeld, Kind::Never],
            Command::Query => {
                needs = Box::new([package]);
                [Kind::IsIn, Kind::IsOut, Kind::Never]
            }
        };
        let step = |kind| Step { kind, package, value: known.list + 1, needs: needs.clone() };
        self.steps.extend(kinds.map(step));
    }

    fn push_move(&mut self, number: u32, operation: &Operation, begin: u32) {
        let of = narrow(self.moves.len());
        // What was lost is of interest only if it was done.
        let reply = operation.replied.map_or(Reply::Ok, |(reply, _)| reply);
        self.moves.push(Move { number, step: begin + place(reply), returns_at: Move::LOST });
        self.events.push(Event { at_ns: operation.sent_ns, is_reply: false, of });
        let event = |(_, at_ns)| Event { at_ns, is_reply: true, of };
        self.events.extend(operation.replied.map(event));
    }

    /// Gives an operation another reply, and says which it had.
    pub(super) fn replace_reply(&mut self, of: u32, reply: Reply) -> Reply {
        let begin = self.moves[of as usize].step / narrow(REPLIES.len()) * narrow(REPLIES.len());
        let step = mem::replace(&mut self.moves[of as usize].step, begin + place(reply));
        REPLIES[(step - begin) as usize]
    }

    /// Whether some INDEX lists its own package.
    pub(super) fn lists_itself(&self) -> bool {
        let is_on_it =
            |step: &Step| step.kind == Kind::Index && step.needs.binary_search(&step.package).is_ok();
        self.steps.iter().any(is_on_it)
    }

    /// Whether the request would get this reply in a state.
    pub(super) fn fits(&self, step: u32, state: &[u32]) -> bool {
        let Step { kind, package, needs, .. } = &self.steps[step as usize];
        let is_in = |package: &u32| state[*package as usize] != OUT;
        match kind {
            Kind::Index => needs.iter().all(is_in),
            Kind::IsLacking => !needs.iter().all(is_in),
            Kind::IsIn => is_in(package),
            Kind::IsOut => !is_in(package),
            Kind::Remove => !self.is_held(*package, state),
            Kind::IsHeld => self.is_held(*package, state),
            Kind::Never => false,
        }
    }

    fn is_held(&self, package: u32, state: &[u32]) -> bool {
        let name = self.packages[package as usize];
        self.listed_by[package as usize].iter().any(|&other| {
            let list = state[other as usize];
            let counts = other != package || self.is_kept_by_itself;
            counts && list != OUT && self.list_of(list).binary_search(&name).is_ok()
        })
    }

    /// The list of a package that is in, by its value in a state.
    pub(super) fn list_of(&self, value: u32) -> &[Name] {
        &self.lists[(value - 1) as usize]
    }

    /// About how much it takes to look at a step, and to keep what becomes of it; a few are nothing.
    pub(super) fn work(&self, step: u32) -> usize {
        const LOOKED_AT_AT_ONCE: usize = 16;
        let Step { package, needs, .. } = &self.steps[step as usize];
        let looked_at = self.packages.len() + needs.len() + self.listed_by[*package as usize].len();
        8 + looked_at / LOOKED_AT_AT_ONCE
    }

    /// What becomes of which package; nothing if the index stays as it was.
    pub(super) fn change(&self, step: u32) -> Option<(u32, u32)> {
        let Step { kind, package, value, .. } = self.steps[step as usize];
        match kind {
            Kind::Index => Some((package, value)),
            Kind::Remove => Some((package, OUT)),
            _ => None,
        }
    }

    /// Whether it matters which of the two comes first.
    pub(super) fn conflict(&self, one: u32, other: u32) -> bool {
        let alters =
            |one: u32, other: u32| self.change(one).is_some_and(|(package, _)| self.is_about(other, package));
        alters(one, other) || alters(other, one)
    }

    fn is_about(&self, step: u32, package: u32) -> bool {
        let step = &self.steps[step as usize];
        let needs = match step.kind {
            Kind::Remove | Kind::IsHeld => &self.listed_by[step.package as usize],
            Kind::Never => return false,
            _ => &*step.needs,
        };
        let is_changed = matches!(step.kind, Kind::Index | Kind::Remove) && step.package == package;
        is_changed || needs.binary_search(&package).is_ok()
    }

    /// The packages that a step names.
    pub(super) fn named(&self, step: u32) -> impl Iterator<Item = u32> {
        let step = &self.steps[step as usize];
        step.needs.iter().copied().chain([step.package])
    }

    /// The package that a step is asked of.
    pub(super) fn package(&self, step: u32) -> u32 {
        self.steps[step as usize].package
    }
}

fn place(reply: Reply) -> u32 {
    match reply {
        Reply::Ok => 0,
        Reply::Fail => 1,
        Reply::Error => 2,
    }
}
