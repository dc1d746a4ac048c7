//! Changes that check the index in one step and take effect in another.

use super::pause::{pause, pause_briefly, pause_long};
use crate::index::grammar::{Command, Request};
use crate::index::names::Name;
use crate::index::replies::Reply;
use crate::index::sharing::SharedIndex;

impl SharedIndex {
    pub(super) fn check_then_act(&self, request: &Request) -> Reply {
        if !self.lock().index.can_apply(request) {
            return Reply::Fail;
        }
        pause();
        self.lock().index.apply(request);
        Reply::Ok
    }

    /// Every effect is correct, but the reply is that of an earlier moment.
    pub(super) fn check_twice(&self, request: &Request) -> Reply {
        let reply = Reply::ok_if(self.lock().index.can_apply(request));
        pause();
        self.lock().index.answer(request);
        reply
    }

    /// Checks two shards under separate locks, so that the two checks see different moments.
    pub(super) fn check_other_shard_first(&self, request: &Request) -> Reply {
        let package = &request.package;
        let (near, far): (Vec<Name>, Vec<Name>) =
            request.list.iter().cloned().partition(|name| shard_of(name) == shard_of(package));
        if !self.lock().index.can_index(package, &far) {
            return Reply::Fail;
        }
        pause_long();
        let mut state = self.lock();
        let is_allowed = state.index.can_index(package, &near);
        if is_allowed {
            state.index.insert(package, &request.list);
        }
        Reply::ok_if(is_allowed)
    }

    /// An incomplete optimistic commit: it compares the version of the package, but not those of its dependencies.
    pub(super) fn commit_with_incomplete_check(&self, request: &Request) -> Reply {
        if request.command == Command::Query {
            return self.lock().index.answer(request);
        }
        let package = &request.package;
        // A retry means that another client has made progress.
        loop {
            let (version, is_allowed) = {
                let state = self.lock();
                (state.races.versions.get(package).copied(), state.index.can_apply(request))
            };
            pause();
            let mut state = self.lock();
            if state.races.versions.get(package).copied() != version {
                continue;
            }
            if is_allowed {
                *state.races.versions.entry(package.clone()).or_default() += 1;
                state.index.apply(request);
            }
            return Reply::ok_if(is_allowed);
        }
    }

    /// Removes the edges of a list that another update may already have replaced.
    pub(super) fn update_stale_edges(&self, request: &Request) -> Reply {
        let package = &request.package;
        let Some(old_list) = self.lock().index.packages.list_of(package).cloned() else {
            return self.lock().index.answer(request);
        };
        pause();
        let mut state = self.lock();
        if !state.index.packages.contains(package) {
            return state.index.answer(request);
        }
        let is_allowed = state.index.can_apply(request);
        if is_allowed {
            state.index.packages.set_list(package, &request.list);
            state.index.packages.move_edges(package, &old_list, &request.list);
        }
        Reply::ok_if(is_allowed)
    }

    /// Stores the list first and the reverse edges in a second step.
    pub(super) fn store_edges_separately(&self, request: &Request) -> Reply {
        let package = &request.package;
        let old_list = {
            let mut state = self.lock();
            if !state.index.can_apply(request) {
                return Reply::Fail;
            }
            state.index.packages.set_list(package, &request.list)
        };
        pause();
        self.lock().index.packages.move_edges(package, &old_list, &request.list);
        Reply::Ok
    }

    /// Serializes changes, but QUERY sees a change that is rolled back.
    pub(super) fn index_then_check(&self, request: &Request) -> Reply {
        let _turn = (request.command != Command::Query).then(|| self.take_turn());
        let mut state = self.lock();
        if request.command != Command::Index || state.index.can_apply(request) {
            return state.index.answer(request);
        }
        let package = &request.package;
        let old_list = state.index.packages.list_of(package).cloned();
        state.index.packages.put(package, &request.list);
        drop(state);
        pause_briefly();
        let mut state = self.lock();
        match old_list {
            Some(list) => state.index.packages.put(package, &Vec::from_iter(list)),
            None => drop(state.index.packages.delete(package)),
        }
        Reply::Fail
    }

    /// Serializes changes, but QUERY does not find a package during its update.
    pub(super) fn remove_then_index(&self, request: &Request) -> Reply {
        let _turn = (request.command != Command::Query).then(|| self.take_turn());
        let mut state = self.lock();
        let is_update = request.command == Command::Index && state.index.packages.contains(&request.package);
        if !is_update || !state.index.can_apply(request) {
            return state.index.answer(request);
        }
        state.index.remove_package(&request.package);
        drop(state);
        pause_briefly();
        self.lock().index.apply(request);
        Reply::Ok
    }
}

/// Assigns each name to one of two shards.
fn shard_of(name: &[u8]) -> u8 {
    name.last().map_or(0, |byte| byte % 2)
}
