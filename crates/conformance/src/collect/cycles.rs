//! Requests that could close a cycle, or break one open: there the protocol is silent (S8), and nobody is held to a reply.
//!
//! A package may be in a cycle if it can be reached from itself by lists of this history. What a package listed before
//! the first change that is known of it may be anything. The parts of the graph that are connected both ways are found
//! as by Tarjan, Depth-first search and linear graph algorithms, 1972, without recursion.

use std::collections::BTreeMap;

use protocol::index::wire::{Command, Reply, Request};

use linearizability::Operation;

/// Takes what could be the refusal of a cycle for nothing, and what could be the removal of one for lost.
pub(crate) fn leave_cycles_open(operations: &mut Vec<Operation>) {
    let graph = Graph::of(operations);
    let parts = graph.connected_parts();
    operations.retain(|operation| !graph.may_refuse_cycle(operation, &parts));
    for operation in operations {
        if graph.may_open_cycle(operation, &parts) {
            operation.replied = None;
        }
    }
}

/// Who lists whom, ever.
#[derive(Debug, Default)]
struct Graph {
    ids: BTreeMap<Vec<u8>, usize>,
    lists: Vec<Vec<usize>>,
    /// The change of each package that was sent first: when, and whether its reply was not `OK`.
    first_changes: Vec<Option<(u64, bool)>>,
    /// From when on each may have a list.
    listing_since_ns: Vec<u64>,
}

/// The package that stands for what nobody knows: those whose first list is unknown list it, and it lists all.
const UNKNOWN: usize = 0;

impl Graph {
    fn of(operations: &[Operation]) -> Self {
        let mut graph = Self::default();
        graph.add();
        for operation in operations {
            let Ok(request) = Request::decode(&operation.line) else { continue };
            let package = graph.intern(request.package);
            if request.command == Command::Query {
                continue;
            }
            let is_open = !matches!(operation.replied, Some((Reply::Ok, _)));
            let change = (operation.sent_ns, is_open);
            let first = &mut graph.first_changes[package];
            // Of two that were sent at the same moment the one that is open may be the first.
            if first.is_none_or(|(sent_ns, was_open)| (change.0, !is_open) < (sent_ns, !was_open)) {
                *first = Some(change);
            }
            if request.command == Command::Index {
                let list: Vec<usize> = request.dependencies().map(|name| graph.intern(name)).collect();
                graph.lists[package].extend(list);
                let since_ns = &mut graph.listing_since_ns[package];
                *since_ns = operation.sent_ns.min(*since_ns);
            }
        }
        for package in UNKNOWN + 1..graph.lists.len() {
            graph.lists[UNKNOWN].push(package);
            if graph.first_changes[package].is_none_or(|(_, is_open)| is_open) {
                graph.lists[package].push(UNKNOWN);
                graph.listing_since_ns[package] = 0;
            }
            graph.lists[package].sort_unstable();
            graph.lists[package].dedup();
        }
        graph
    }

    fn intern(&mut self, name: &[u8]) -> usize {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = self.add();
        self.ids.insert(name.to_vec(), id);
        id
    }

    fn add(&mut self) -> usize {
        self.lists.push(Vec::new());
        self.first_changes.push(None);
        self.listing_since_ns.push(u64::MAX);
        self.lists.len() - 1
    }

    /// An INDEX that was answered `FAIL` and lists something from which its own package can be reached.
    fn may_refuse_cycle(&self, operation: &Operation, parts: &[usize]) -> bool {
        let is_refused = matches!(operation.replied, Some((Reply::Fail, _)));
        let Some(request) = Request::decode(&operation.line).ok().filter(|_| is_refused) else {
            return false;
        };
        let is_with = |name: &[u8]| parts[self.ids[name]] == parts[self.ids[request.package]];
        request.command == Command::Index && request.dependencies().any(is_with)
    }

    /// A REMOVE that was answered `OK` although its package may be in a cycle.
    fn may_open_cycle(&self, operation: &Operation, parts: &[usize]) -> bool {
        let (Ok(request), Some((Reply::Ok, replied_ns))) =
            (Request::decode(&operation.line), operation.replied)
        else {
            return false;
        };
        let package = self.ids[request.package];
        if replied_ns < self.listing_since_ns[package] {
            return false;
        }
        let is_with = |other: &usize| *other != package && parts[*other] == parts[package];
        request.command == Command::Remove && self.lists[package].iter().any(is_with)
    }

    /// For each package a number that it shares with those which it reaches, and which reach it.
    fn connected_parts(&self) -> Vec<usize> {
        const UNSEEN: usize = usize::MAX;
        let count = self.lists.len();
        let mut part_of = vec![UNSEEN; count];
        let (mut seen_at, mut lowest) = (vec![UNSEEN; count], vec![UNSEEN; count]);
        let (mut seen, mut open): (usize, Vec<usize>) = (0, Vec::new());
        for root in 0..count {
            if seen_at[root] != UNSEEN {
                continue;
            }
            // Each package that is gone through, and how many of its list are done.
            let mut way = vec![(root, 0)];
            while let Some((package, done)) = way.last_mut() {
                let package = *package;
                if *done == 0 {
                    (seen_at[package], lowest[package]) = (seen, seen);
                    seen += 1;
                    open.push(package);
                }
                let next = self.lists[package].get(*done).copied();
                *done += 1;
                match next {
                    Some(other) if seen_at[other] == UNSEEN => way.push((other, 0)),
                    Some(other) if part_of[other] == UNSEEN => {
                        lowest[package] = lowest[package].min(seen_at[other]);
                    }
                    Some(_) => {}
                    None => {
                        way.pop();
                        if let Some((before, _)) = way.last() {
                            lowest[*before] = lowest[*before].min(lowest[package]);
                        }
                        if lowest[package] == seen_at[package] {
                            let begin = open.iter().rposition(|other| *other == package).unwrap_or(0);
                            open.drain(begin..).for_each(|other| part_of[other] = package);
                        }
                    }
                }
            }
        }
        part_of
    }
}
