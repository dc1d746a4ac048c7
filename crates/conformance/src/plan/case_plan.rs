//! The plan of one case under one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use driver::moves::{Move, Slot};

use crate::case::{Allowed, CROWD, Case};
use crate::dialect::Dialect;
use crate::plan::action::{Action, CLEANUP, ENDS_WITHIN};
use crate::plan::writer::{Writer, cleanup_actions};
use crate::resources::ResourceLimit;
use crate::template::Names;

/// The time that a target may take to release the resources of clients that have disconnected: some servers close such
/// connections once every few seconds.
const RELEASE_TIME_MAX: Duration = Duration::from_secs(6);

/// A condition under which actions are skipped, or what a script notes at that place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition {
    /// Every reply to the cleanup connection was this one.
    AllCleanupReplies(&'static [u8]),
    /// A timer starts. It is never met.
    TimerStarts,
    /// So much time has passed since then.
    IsLate(Duration),
    /// The samples so far decide whether memory grows.
    SamplesDecide,
}

/// The moves and the expected replies of a case under one seed.
#[derive(Debug)]
pub struct CasePlan {
    /// The case.
    pub case: &'static Case,
    /// The dialect of its protocol.
    pub dialect: &'static Dialect,
    actions: Vec<Action>,
    /// The index at which the case itself begins, after the first cleanup.
    main_at: usize,
    /// The index at which the case ends, before the second cleanup.
    main_end: usize,
    /// The index of the cleanup after a failure, which removes all names that the case may have left.
    cleanup_at: usize,
    /// The expected replies by slot and by the number of times that the slot was opened before.
    expectations: BTreeMap<(Slot, usize), Vec<Allowed>>,
    /// The number of those before the first one whose request may be skipped, where there is one.
    certain: BTreeMap<(Slot, usize), usize>,
}

impl CasePlan {
    /// Returns the plan of a case. `stall_limit` is the time for which the target may keep a stalled client.
    #[must_use]
    pub fn new(dialect: &'static Dialect, case: &'static Case, seed: u64, stall_limit: Duration) -> Self {
        let names = Names::draw(seed, case.id);
        let mut writer = Writer::new(dialect, &names, stall_limit);
        writer.write_all(case.steps);
        let Writer { actions: mut main, expectations, certain, packages, crowd_packages, .. } = writer;
        await_release(&mut main, case.resource_limit);
        let clean_up = |names: &[&[u8]]| cleanup_actions((dialect.clean_up)(names));
        let mut actions = clean_up(&packages.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let main_at = actions.len();
        actions.extend(main);
        let own: Vec<&[u8]> = packages.iter().map(Vec::as_slice).collect();
        let all: Vec<&[u8]> = own.iter().copied().chain(crowd_packages.iter().map(Vec::as_slice)).collect();
        let main_end = actions.len();
        // A crowd removes its own packages concurrently, unless the case fails.
        actions.push(Action::Move(Move::CloseAll));
        actions.extend(clean_up(&own));
        actions.push(Action::Move(Move::Done));
        let cleanup_at = actions.len();
        actions.push(Action::Move(Move::CloseAll));
        actions.extend(clean_up(&all));
        Self { case, dialect, actions, main_at, main_end, cleanup_at, expectations, certain }
    }

    /// Returns the expected replies on a slot that was opened `opened_before` times before.
    #[must_use]
    pub fn expected(&self, slot: Slot, opened_before: usize) -> &[Allowed] {
        self.expectations.get(&(slot, opened_before)).map_or(&[], Vec::as_slice)
    }

    /// Returns whether the request of this expected reply may be skipped, as the target is slow.
    #[must_use]
    pub(crate) fn is_optional(&self, slot: Slot, opened_before: usize, reply: usize) -> bool {
        self.certain.get(&(slot, opened_before)).is_some_and(|certain| reply >= *certain)
    }

    /// Returns the condition at an index under which actions are skipped, and their number.
    pub(crate) fn skip_at(&self, at: usize) -> Option<(Condition, usize)> {
        match self.actions.get(at)? {
            Action::SkipIfAll(reply, count) => Some((Condition::AllCleanupReplies(reply), *count)),
            Action::StartTimer => Some((Condition::TimerStarts, 0)),
            Action::SkipIfLate(limit, count) => Some((Condition::IsLate(*limit), *count)),
            Action::SkipIfDecided(count) => Some((Condition::SamplesDecide, *count)),
            _ => None,
        }
    }

    /// Returns the move at an index, if there is one.
    pub(crate) fn move_at(&self, at: usize) -> Option<Move<'_>> {
        Some(match self.actions.get(at)? {
            Action::SkipIfAll(..)
            | Action::StartTimer
            | Action::SkipIfLate(..)
            | Action::SkipIfDecided(_) => return None,
            Action::Move(simple) => *simple,
            Action::Send(slot, bytes) => Move::Send(*slot, bytes),
            Action::Flood(slot, bytes, bytes_max) => Move::Flood(*slot, bytes, *bytes_max),
            Action::Await(slot, _) => Move::Await(*slot, 1),
        })
    }

    /// Returns the slot of the move at an index, if it has one.
    pub(crate) fn slot_at(&self, at: usize) -> Option<Slot> {
        match self.actions.get(at)? {
            Action::Send(slot, _)
            | Action::Flood(slot, ..)
            | Action::Await(slot, _)
            | Action::Move(
                Move::EndSending(slot)
                | Move::AwaitFlood(slot, _)
                | Move::ReadAvailable(slot, _)
                | Move::AwaitEnd(slot, _)
                | Move::Close(slot)
                | Move::Reset(slot),
            ) => Some(*slot),
            Action::Move(_)
            | Action::SkipIfAll(..)
            | Action::StartTimer
            | Action::SkipIfLate(..)
            | Action::SkipIfDecided(_) => None,
        }
    }

    /// Returns whether the move at an index opens connections of a crowd, or sends or awaits something on one.
    pub(crate) fn is_of_crowd(&self, at: usize) -> bool {
        match self.actions.get(at) {
            Some(Action::Send(slot, _) | Action::Await(slot, _) | Action::Move(Move::OpenAll(slot, ..))) => {
                (CROWD..CLEANUP).contains(slot)
            }
            _ => false,
        }
    }

    /// Returns the index at which to continue after a failure at an index: the next move if the connection may be closed,
    /// else the cleanup, or the end if the cleanup itself failed.
    pub(crate) fn after_failure(&self, at: usize) -> usize {
        let may_end = |at: usize| match self.actions.get(at) {
            Some(Action::Await(_, may_end)) => *may_end,
            Some(
                Action::Flood(..)
                | Action::Move(Move::AwaitFlood(..) | Move::AwaitEnd(..) | Move::ReadAvailable(..)),
            ) => true,
            _ => false,
        };
        let is_send = matches!(self.actions.get(at), Some(Action::Send(..)));
        if at < self.main_at || at >= self.main_end {
            self.actions.len()
        } else if may_end(at) || is_send && may_end(at + 1) {
            at + 1
        } else {
            self.cleanup_at
        }
    }

    /// Returns the index of the cleanup that removes all names that the case may have left.
    pub(crate) const fn cleanup_at(&self) -> usize {
        self.cleanup_at
    }

    /// Returns the time, in nanoseconds, for which the case pauses or waits for a deadline of the target.
    pub(crate) fn pauses_ns(&self) -> u64 {
        let pauses = self.actions.iter().map(|action| match action {
            Action::Move(Move::Pause(pause) | Move::SampleSettled(_, pause)) => *pause,
            Action::Move(Move::AwaitEnd(_, limit)) if *limit != ENDS_WITHIN => *limit,
            _ => Duration::ZERO,
        });
        u64::try_from(pauses.sum::<Duration>().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Returns whether the case samples the target's process.
    pub(crate) fn samples(&self) -> bool {
        let is_sample =
            |action: &Action| matches!(action, Action::Move(Move::Sample | Move::SampleSettled(..)));
        self.actions.iter().any(is_sample)
    }

    /// Returns all bytes that the case sends if no reply fails. The hash of the plan is computed from them.
    pub fn bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.actions.iter().filter_map(|action| match action {
            Action::Send(_, bytes) | Action::Flood(_, bytes, _) => Some(&**bytes),
            _ => None,
        })
    }
}

/// Lets the last sample wait until the target has released the resources of its clients.
fn await_release(actions: &mut [Action], limit: ResourceLimit) {
    let ResourceLimit::GrowthPerRound { descriptors, threads, .. } = limit else { return };
    if let Some(last) = actions.iter_mut().rfind(|action| **action == Action::Move(Move::Sample)) {
        *last = Action::Move(Move::SampleSettled(descriptors.min(threads), RELEASE_TIME_MAX));
    }
}

/// Returns the largest number of connections that a case has open at the same time.
#[must_use]
pub fn connections_max(dialect: &'static Dialect, case: &'static Case) -> usize {
    let plan = CasePlan::new(dialect, case, 0, Duration::ZERO);
    let (mut open, mut most) = (BTreeSet::new(), 0);
    for action in &plan.actions {
        match action {
            Action::Move(
                Move::Open(slot)
                | Move::OpenNarrow(slot)
                | Move::OpenAlternate(slot)
                | Move::OpenMapped(slot)
                | Move::OpenFrom(slot, _),
            ) => _ = open.insert(*slot),
            Action::Move(Move::OpenAll(first, last, _)) => open.extend(*first..=*last),
            Action::Move(Move::Close(slot) | Move::Reset(slot)) => _ = open.remove(slot),
            Action::Move(Move::CloseAll) => open.clear(),
            _ => {}
        }
        most = most.max(open.len());
    }
    most
}
