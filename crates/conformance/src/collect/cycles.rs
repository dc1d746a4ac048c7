//! Dependency cycles: the protocol does not specify requests that could close or open one (S8), so they are not
//! judged.
//!
//! A package may be in a cycle if it is reachable from itself through lists of this history. The list of a package
//! before
//! its first known change may contain anything. The strongly connected components are found with Tarjan's algorithm
//! ("Depth-first search and linear graph algorithms", 1972), without recursion.

use std::collections::BTreeMap;

use linearizability::Operation;
use protocol::index::wire::{Command, Reply, Request};

/// Removes requests that may have been rejected because of a cycle, and marks removals that may open a cycle as lost.
pub(crate) fn exclude_cycles(operations: &mut Vec<Operation>) {
    let graph = Graph::of(operations);
    let parts = graph.strongly_connected_components();
    operations.retain(|operation| !graph.may_reject_cycle(operation, &parts));
    for operation in operations {
        if graph.may_open_cycle(operation, &parts) {
            operation.replied = None;
        }
    }
}

/// The dependency graph of all lists that occur in the history.
#[derive(Debug, Default)]
struct Graph {
    ids: BTreeMap<Vec<u8>, usize>,
    lists: Vec<Vec<usize>>,
    /// The first change of each package: its time, and whether its reply was not `OK`.
    first_changes: Vec<Option<(u64, bool)>>,
    /// The time since which each package may have a list.
    has_list_since_ns: Vec<u64>,
}

/// The node for unknown packages. Packages whose first list is unknown depend on it, and it depends on all packages.
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
            // Of two changes sent at the same time, the one without an OK may be the first.
            if first.is_none_or(|(sent_ns, was_open)| (change.0, !is_open) < (sent_ns, !was_open)) {
                *first = Some(change);
            }
            if request.command == Command::Index {
                let list: Vec<usize> = request.dependencies().map(|name| graph.intern(name)).collect();
                graph.lists[package].extend(list);
                let since_ns = &mut graph.has_list_since_ns[package];
                *since_ns = operation.sent_ns.min(*since_ns);
            }
        }
        for package in UNKNOWN + 1..graph.lists.len() {
            graph.lists[UNKNOWN].push(package);
            if graph.first_changes[package].is_none_or(|(_, is_open)| is_open) {
                graph.lists[package].push(UNKNOWN);
                graph.has_list_since_ns[package] = 0;
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
        self.has_list_since_ns.push(u64::MAX);
        self.lists.len() - 1
    }

    /// Returns whether an operation is a rejected INDEX with a dependency from which its own package is reachable.
    fn may_reject_cycle(&self, operation: &Operation, parts: &[usize]) -> bool {
        let is_rejected = matches!(operation.replied, Some((Reply::Fail, _)));
        let Some(request) = Request::decode(&operation.line).ok().filter(|_| is_rejected) else {
            return false;
        };
        let is_with = |name: &[u8]| parts[self.ids[name]] == parts[self.ids[request.package]];
        request.command == Command::Index && request.dependencies().any(is_with)
    }

    /// Returns whether an operation is an accepted REMOVE of a package that may be in a cycle.
    fn may_open_cycle(&self, operation: &Operation, parts: &[usize]) -> bool {
        let (Ok(request), Some((Reply::Ok, replied_ns))) =
            (Request::decode(&operation.line), operation.replied)
        else {
            return false;
        };
        let package = self.ids[request.package];
        if replied_ns < self.has_list_since_ns[package] {
            return false;
        }
        let is_with = |other: &usize| *other != package && parts[*other] == parts[package];
        request.command == Command::Remove && self.lists[package].iter().any(is_with)
    }

    /// Returns for each package the number of its strongly connected component.
    fn strongly_connected_components(&self) -> Vec<usize> {
        const UNSEEN: usize = usize::MAX;
        let count = self.lists.len();
        let mut part_of = vec![UNSEEN; count];
        let (mut seen_at, mut lowest) = (vec![UNSEEN; count], vec![UNSEEN; count]);
        let (mut seen, mut open): (usize, Vec<usize>) = (0, Vec::new());
        for root in 0..count {
            if seen_at[root] != UNSEEN {
                continue;
            }
            // The packages on the current path, each with the number of visited dependencies.
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
