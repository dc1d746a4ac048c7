//! QUERY reads from a copy of the index that is not kept up to date correctly.

use std::sync::Arc;

use super::pause::{pause, pause_briefly, pause_long};
use crate::index::grammar::{Command, Request};
use crate::index::replies::Reply;
use crate::index::sharing::{SharedIndex, View, note};

impl SharedIndex {
    /// A change removes the cache entry, but a QUERY that began before the change may store its result afterwards.
    pub(super) fn answer_by_cache(&self, request: &Request) -> Reply {
        let package = &request.package;
        let mut state = self.lock();
        if request.command != Command::Query {
            state.races.cache.remove(package);
            return state.index.answer(request);
        }
        if let Some(&is_indexed) = state.races.cache.get(package) {
            return Reply::ok_if(is_indexed);
        }
        let is_indexed = state.index.packages.contains(package);
        drop(state);
        pause();
        self.lock().races.cache.insert(package.clone(), is_indexed);
        Reply::ok_if(is_indexed)
    }

    /// A QUERY shares the result of one that is in progress for the same package. That result may be stale.
    pub(super) fn join_query(&self, request: &Request) -> Reply {
        let package = &request.package;
        let query = Arc::clone(self.lock().races.queries.entry(package.clone()).or_default());
        let is_indexed = *query.get_or_init(|| {
            let is_indexed = self.is_indexed(package);
            pause_long();
            is_indexed
        });
        let mut state = self.lock();
        if state.races.queries.get(package).is_some_and(|other| Arc::ptr_eq(other, &query)) {
            state.races.queries.remove(package);
        }
        Reply::ok_if(is_indexed)
    }

    /// Changes are published after they took effect. Two concurrent changes may be published in the wrong order.
    pub(super) fn publish_separately(&self, request: &Request) -> Reply {
        if request.command == Command::Query {
            return Reply::ok_if(self.lock().races.published.contains(&request.package));
        }
        let reply = self.lock().index.answer(request);
        if request.command == Command::Index && reply == Reply::Ok {
            // Publishing a new package takes longer than publishing a removal.
            pause();
        }
        note(&mut self.lock().races.published, request, reply);
        reply
    }

    /// Each connection has its own copy. QUERY refreshes it, except while other clients change the index.
    pub(super) fn answer_by_copy(&self, view: &mut View, request: &Request) -> Reply {
        let mut state = self.lock();
        if request.command == Command::Query {
            if state.races.changes_under_way == 0 && view.seen_change_count != state.races.change_count {
                view.seen = state.index.packages.names();
                view.seen_change_count = state.races.change_count;
            }
            return Reply::ok_if(view.seen.contains(&request.package));
        }
        state.races.changes_under_way += 1;
        drop(state);
        pause_briefly();
        let mut state = self.lock();
        state.races.changes_under_way -= 1;
        state.races.change_count += 1;
        let reply = state.index.answer(request);
        note(&mut view.seen, request, reply);
        reply
    }
}
