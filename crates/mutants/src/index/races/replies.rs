//! Replies that are sent too early or to the wrong client.

use std::mem;

use super::pause::pause_briefly;
use crate::index::grammar::{Command, Request};
use crate::index::replies::Reply;
use crate::index::sharing::SharedIndex;

impl SharedIndex {
    /// INDEX without dependencies cannot fail. If changes are in progress, it is acknowledged at once, and the last
    /// of them applies it.
    pub(super) fn acknowledge_early(&self, request: &Request) -> Reply {
        let mut state = self.lock();
        if request.command == Command::Query {
            return state.index.answer(request);
        }
        let is_sure = request.command == Command::Index && request.list.is_empty();
        if is_sure && state.races.changes_under_way > 0 {
            state.races.queue.push(request.package.clone());
            return Reply::Ok;
        }
        state.races.changes_under_way += 1;
        drop(state);
        pause_briefly();
        let mut state = self.lock();
        state.races.changes_under_way -= 1;
        let reply = state.index.answer(request);
        if state.races.changes_under_way == 0 {
            for package in mem::take(&mut state.races.queue) {
                state.index.insert(&package, &[]);
            }
        }
        reply
    }

    /// All connections share the place in which a reply waits to be sent.
    pub(super) fn answer_by_slot(&self, request: &Request) -> Reply {
        let mut state = self.lock();
        let reply = state.index.answer(request);
        state.races.slot = Some(reply);
        drop(state);
        pause_briefly();
        self.lock().races.slot.unwrap_or(reply)
    }
}
