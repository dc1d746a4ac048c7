//! The index that all connections share, behind one lock, and defects in how it is shared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::catalogue::{Defect, Defects};
use super::grammar::{Command, Request};
use super::names::Name;
use super::race_state::RaceState;
use super::replies::Reply;
use super::rules::Index;
use crate::lifecycle::ClientNumber;

/// The time for which a connection remembers that a package is not indexed.
const ABSENCE_REMEMBERED: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct SharedIndex {
    pub(super) defects: Defects,
    state: Mutex<State>,
    /// The lock that serializes the changes of races that change the index in several steps.
    turn: Mutex<()>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) index: Index,
    /// Changes that other clients do not see yet, by the client that made them. Only a defect needs this.
    unpublished: BTreeMap<ClientNumber, Change>,
    /// State of races.
    pub(super) races: RaceState,
}

#[derive(Debug)]
struct Change {
    package: Name,
    was_indexed: bool,
}

/// The state of one connection: its number, and a private view of the index if a defect requires one.
#[derive(Debug)]
pub(super) struct View {
    client: ClientNumber,
    own_index: Option<Index>,
    pub(super) seen: BTreeSet<Name>,
    /// The number of changes when `seen` was refreshed.
    pub(super) seen_change_count: u64,
    /// The packages that this client has indexed.
    indexed: BTreeSet<Name>,
    /// The package that this client's latest request has indexed.
    uncommitted: Option<Name>,
    /// The packages that were not indexed when this client asked for them, and the times of its requests.
    absent: BTreeMap<Name, Instant>,
}

impl View {
    pub(super) fn client(&self) -> ClientNumber {
        self.client
    }
}

impl SharedIndex {
    pub(super) fn new(defects: Defects) -> Self {
        let state =
            State { index: Index::new(defects), unpublished: BTreeMap::new(), races: RaceState::default() };
        Self { defects, state: Mutex::new(state), turn: Mutex::new(()) }
    }

    /// Creates the view of a new connection.
    pub(super) fn open_view(&self, client: ClientNumber) -> View {
        let own_index = self.defects.has(Defect::StatePerConnection).then(|| Index::new(self.defects));
        let seen = if self.defects.has(Defect::SnapshotPerConnection) {
            self.lock().index.packages.names()
        } else {
            BTreeSet::new()
        };
        View {
            client,
            own_index,
            seen,
            seen_change_count: 0,
            indexed: BTreeSet::new(),
            uncommitted: None,
            absent: BTreeMap::new(),
        }
    }

    /// Ends the view of a connection. `is_lost` states that the connection was reset.
    pub(super) fn close_view(&self, view: &View, is_lost: bool) {
        match self.defects.get() {
            Some(Defect::IndexVisibleAfterNextRequest) => {
                self.lock().unpublished.remove(&view.client);
            }
            Some(Defect::PackagesOfALostClientGo) if is_lost => {
                let mut state = self.lock();
                for package in &view.indexed {
                    state.index.remove_package(package);
                }
            }
            Some(Defect::LastIndexRolledBackAtClose) => {
                let mut state = self.lock();
                if let Some(package) = &view.uncommitted
                    && state.index.can_remove(package)
                {
                    state.index.remove_package(package);
                }
            }
            _ => {}
        }
    }

    pub(super) fn is_indexed(&self, package: &[u8]) -> bool {
        self.lock().index.packages.contains(package)
    }

    pub(super) fn answer_from_own_index(&self, view: &mut View, request: &Request) -> Reply {
        let defects = self.defects;
        view.own_index.get_or_insert_with(|| Index::new(defects)).answer(request)
    }

    pub(super) fn answer_from_snapshot(&self, view: &mut View, request: &Request) -> Reply {
        if request.command == Command::Query {
            return Reply::ok_if(view.seen.contains(&request.package));
        }
        let reply = self.lock().index.answer(request);
        note(&mut view.seen, request, reply);
        reply
    }

    pub(super) fn answer_and_note(&self, view: &mut View, request: &Request) -> Reply {
        let reply = self.lock().index.answer(request);
        note(&mut view.indexed, request, reply);
        reply
    }

    pub(super) fn answer_uncommitted(&self, view: &mut View, request: &Request) -> Reply {
        let mut state = self.lock();
        let was_indexed = state.index.packages.contains(&request.package);
        let reply = state.index.answer(request);
        let is_new = !was_indexed && state.index.packages.contains(&request.package);
        view.uncommitted = is_new.then(|| request.package.clone());
        reply
    }

    pub(super) fn answer_from_absences(&self, view: &mut View, request: &Request) -> Reply {
        let is_fresh = |since: &Instant| since.elapsed() < ABSENCE_REMEMBERED;
        if request.command == Command::Query && view.absent.get(&request.package).is_some_and(is_fresh) {
            return Reply::Fail;
        }
        let reply = self.lock().index.answer(request);
        match (request.command, reply) {
            (Command::Query, Reply::Fail) => {
                view.absent.insert(request.package.clone(), Instant::now());
            }
            _ => {
                view.absent.remove(&request.package);
            }
        }
        reply
    }

    pub(super) fn answer_late(&self, view: &View, request: &Request) -> Reply {
        let mut state = self.lock();
        state.unpublished.remove(&view.client);
        let package = &request.package;
        if request.command == Command::Query
            && let Some(change) = state.unpublished.values().find(|change| change.package == *package)
        {
            return Reply::ok_if(change.was_indexed);
        }
        let was_indexed = state.index.packages.contains(package);
        let reply = state.index.answer(request);
        if was_indexed != state.index.packages.contains(package) {
            state.unpublished.insert(view.client, Change { package: package.clone(), was_indexed });
        }
        reply
    }

    pub(super) fn take_turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Applies a client's successful change to a set of names.
pub(super) fn note(names: &mut BTreeSet<Name>, request: &Request, reply: Reply) {
    match (request.command, reply) {
        (Command::Index, Reply::Ok) => {
            names.insert(request.package.clone());
        }
        (Command::Remove, Reply::Ok) => {
            names.remove(&request.package);
        }
        _ => {}
    }
}
