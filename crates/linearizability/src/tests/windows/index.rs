//! The simulated server's index, which may be made to look and to act apart, and remembers what was.

use std::collections::{BTreeMap, BTreeSet};

use protocol::index::wire::{Command, Request};

type Name = Vec<u8>;

#[derive(Debug, Default)]
pub(super) struct Index {
    lists: BTreeMap<Name, BTreeSet<Name>>,
    /// Of each package, since when it was in or out, the latest last.
    history: BTreeMap<Name, Vec<(u64, bool)>>,
}

impl Index {
    /// Whether a request is to be answered `OK` now.
    pub(super) fn may(&self, request: &Request<'_>) -> bool {
        match request.command {
            Command::Index => request.dependencies().all(|name| self.is_in(name)),
            Command::Remove => {
                let needs_it = |(name, list): (&Name, &BTreeSet<Name>)| {
                    name != request.package && list.contains(request.package)
                };
                !self.lists.iter().any(needs_it)
            }
            Command::Query => self.is_in(request.package),
        }
    }

    /// What a request does that is answered `OK`.
    pub(super) fn carry_out(&mut self, request: &Request<'_>, now_ns: u64) {
        match request.command {
            Command::Index => {
                let list: Vec<&[u8]> = request.dependencies().collect();
                self.let_in(request.package, &list, now_ns);
            }
            Command::Remove => self.let_out(request.package, now_ns),
            Command::Query => {}
        }
    }

    pub(super) fn let_in(&mut self, package: &[u8], list: &[&[u8]], now_ns: u64) {
        self.lists.insert(package.to_vec(), list.iter().map(|name| name.to_vec()).collect());
        self.history.entry(package.to_vec()).or_default().push((now_ns, true));
    }

    pub(super) fn let_out(&mut self, package: &[u8], now_ns: u64) {
        self.lists.remove(package);
        self.history.entry(package.to_vec()).or_default().push((now_ns, false));
    }

    pub(super) fn is_in(&self, package: &[u8]) -> bool {
        self.lists.contains_key(package)
    }

    /// Whether it was in at that moment.
    pub(super) fn was_in(&self, package: &[u8], at_ns: u64) -> bool {
        let changes = self.history.get(package).into_iter().flatten();
        changes.rev().find(|(since_ns, _)| *since_ns <= at_ns).is_some_and(|(_, is_in)| *is_in)
    }
}
