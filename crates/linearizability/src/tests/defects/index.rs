//! The index of the simulated server. It can separate check and effect, and remembers earlier states.

use std::collections::{BTreeMap, BTreeSet};

use protocol::index::wire::{Command, Request};

type Name = Vec<u8>;

#[derive(Debug, Default)]
pub(super) struct Index {
    lists: BTreeMap<Name, BTreeSet<Name>>,
    /// For each package, the times at which it was added or removed, the latest last.
    history: BTreeMap<Name, Vec<(u64, bool)>>,
}

impl Index {
    /// Returns whether a request would be answered `OK` now.
    pub(super) fn would_accept(&self, request: &Request<'_>) -> bool {
        match request.command {
            Command::Index => request.dependencies().all(|name| self.is_indexed(name)),
            Command::Remove => {
                let needs_it = |(name, list): (&Name, &BTreeSet<Name>)| {
                    name != request.package && list.contains(request.package)
                };
                !self.lists.iter().any(needs_it)
            }
            Command::Query => self.is_indexed(request.package),
        }
    }

    /// Executes a request that is answered `OK`.
    pub(super) fn execute(&mut self, request: &Request<'_>, now_ns: u64) {
        match request.command {
            Command::Index => {
                let list: Vec<&[u8]> = request.dependencies().collect();
                self.add(request.package, &list, now_ns);
            }
            Command::Remove => self.remove(request.package, now_ns),
            Command::Query => {}
        }
    }

    pub(super) fn add(&mut self, package: &[u8], list: &[&[u8]], now_ns: u64) {
        self.lists.insert(package.to_vec(), list.iter().map(|name| name.to_vec()).collect());
        self.history.entry(package.to_vec()).or_default().push((now_ns, true));
    }

    pub(super) fn remove(&mut self, package: &[u8], now_ns: u64) {
        self.lists.remove(package);
        self.history.entry(package.to_vec()).or_default().push((now_ns, false));
    }

    pub(super) fn is_indexed(&self, package: &[u8]) -> bool {
        self.lists.contains_key(package)
    }

    /// Returns whether a package was indexed at a time.
    pub(super) fn was_indexed(&self, package: &[u8], at_ns: u64) -> bool {
        let changes = self.history.get(package).into_iter().flatten();
        changes.rev().find(|(since_ns, _)| *since_ns <= at_ns).is_some_and(|(_, is_in)| *is_in)
    }
}
