//! Counts of dependents that are read in one step and written in another.

use std::collections::BTreeSet;

use super::pause::pause;
use crate::index::grammar::Request;
use crate::index::names::Name;
use crate::index::race_state::RaceState;
use crate::index::replies::Reply;
use crate::index::sharing::SharedIndex;

impl RaceState {
    fn dependent_count(&self, package: &Name) -> u64 {
        self.dependents.get(package).copied().unwrap_or(0)
    }

    fn decrement_count(&mut self, package: Name) {
        let count = self.dependent_count(&package).saturating_sub(1);
        self.dependents.insert(package, count);
    }
}

impl SharedIndex {
    /// If two packages list a third concurrently, only one of them is counted.
    pub(super) fn count_dependents_separately(&self, request: &Request) -> Reply {
        let package = &request.package;
        // S6: a package is not its own dependent.
        let listed: BTreeSet<&Name> = request.list.iter().filter(|name| *name != package).collect();
        let counts: Vec<u64> = {
            let state = self.lock();
            listed.iter().map(|name| state.races.dependent_count(name)).collect()
        };
        pause();
        let mut state = self.lock();
        let old_list = state.index.packages.list_of(package).cloned().unwrap_or_default();
        let reply = state.index.answer(request);
        if reply != Reply::Ok {
            return reply;
        }
        for (name, count) in listed.iter().zip(counts) {
            if !old_list.contains(*name) {
                state.races.dependents.insert((*name).clone(), count + 1);
            }
        }
        for name in old_list {
            if name != *package && !listed.contains(&name) {
                state.races.decrement_count(name);
            }
        }
        reply
    }

    pub(super) fn remove_by_count(&self, request: &Request) -> Reply {
        let mut state = self.lock();
        if state.races.dependent_count(&request.package) > 0 {
            return Reply::Fail;
        }
        for name in state.index.packages.delete(&request.package).unwrap_or_default() {
            if name != request.package {
                state.races.decrement_count(name);
            }
        }
        Reply::Ok
    }
}
