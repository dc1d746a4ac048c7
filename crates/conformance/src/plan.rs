//! A case under one seed: all that its client does, move by move, and what has to come of it.
//!
//! Before the case its own names are made to be forgotten, and after it again, by a connection of their own whose
//! replies are not judged: an earlier run that was broken off may have left them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::case::{Allowed, CROWD, Case, Step};
use crate::dialect::{CleanupStep, Dialect, Unasked};
use crate::template::Names;
use driver::moves::Move;
use driver::moves::Slot;
use driver::moves::Source;

/// The connection that takes out names; it is no part of the case.
pub const CLEANUP: Slot = Slot::MAX;

/// How soon a target ends a connection that it has to end.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// How many of a crowd connect before they ask: a backlog of five holds them.
const JOIN_AT_ONCE: Slot = 5;

/// What a case does and expects under one seed.
#[derive(Debug)]
pub struct CasePlan {
    /// The case.
    pub case: &'static Case,
    /// The wire of its protocol.
    pub dialect: &'static Dialect,
    actions: Vec<Action>,
    /// Where the case itself begins; before it names are taken out.
    main_at: usize,
    /// Where it is over, if all went well, and its names are taken out again.
    main_end: usize,
    /// Where it goes on after trouble: there all names are taken out that it could have left.
    cleanup_at: usize,
    /// By slot and by how often the slot had been opened before.
    expectations: BTreeMap<(Slot, usize), Vec<Allowed>>,
}

/// A move that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Move(Simple),
    Send(Slot, Vec<u8>),
    Flood(Slot, Vec<u8>, usize),
    /// Awaits one reply; whether the connection may end instead.
    Await(Slot, bool),
    /// Leaves out so many actions if every reply to the one who cleans up was this one.
    SkipIfAll(&'static [u8], usize),
}

/// A move without bytes.
type Simple = Move<'static>;

impl CasePlan {
    /// Plans a case. `stall_limit` is how long the target may keep a client that stalls.
    #[must_use]
    pub fn new(dialect: &'static Dialect, case: &'static Case, seed: u64, stall_limit: Duration) -> Self {
        let names = Names::draw(seed, case.id);
        let mut writer = Writer::new(dialect, &names, stall_limit);
        writer.write_all(case.steps);
        let Writer { actions: main, expectations, packages, crowd_packages, .. } = writer;
        let clean_up = |names: &[&[u8]]| written((dialect.clean_up)(names));
        let mut actions = clean_up(&packages.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let main_at = actions.len();
        actions.extend(main);
        let own: Vec<&[u8]> = packages.iter().map(Vec::as_slice).collect();
        let all: Vec<&[u8]> = own.iter().copied().chain(crowd_packages.iter().map(Vec::as_slice)).collect();
        let main_end = actions.len();
        // A crowd takes its packages out itself, all at once, unless something goes wrong.
        actions.push(Action::Move(Move::CloseAll));
        actions.extend(clean_up(&own));
        actions.push(Action::Move(Move::Done));
        let cleanup_at = actions.len();
        actions.push(Action::Move(Move::CloseAll));
        actions.extend(clean_up(&all));
        Self { case, dialect, actions, main_at, main_end, cleanup_at, expectations }
    }

    /// What has to come on a slot that was opened `opened_before` times before, reply by reply.
    #[must_use]
    pub fn expected(&self, slot: Slot, opened_before: usize) -> &[Allowed] {
        self.expectations.get(&(slot, opened_before)).map_or(&[], Vec::as_slice)
    }

    /// How many actions are left out after a place, and which reply the one who cleans up has to have got each time.
    pub(crate) fn skip_at(&self, at: usize) -> Option<(&'static [u8], usize)> {
        match self.actions.get(at)? {
            Action::SkipIfAll(reply, count) => Some((reply, *count)),
            _ => None,
        }
    }

    /// The move at a place, if there is one.
    pub(crate) fn move_at(&self, at: usize) -> Option<Move<'_>> {
        Some(match self.actions.get(at)? {
            Action::SkipIfAll(..) => return None,
            Action::Move(simple) => *simple,
            Action::Send(slot, bytes) => Move::Send(*slot, bytes),
            Action::Flood(slot, bytes, bytes_max) => Move::Flood(*slot, bytes, *bytes_max),
            Action::Await(slot, _) => Move::Await(*slot, 1),
        })
    }

    /// The slot that a place's move is made on.
    pub(crate) fn slot_at(&self, at: usize) -> Option<Slot> {
        match self.actions.get(at)? {
            Action::Send(slot, _)
            | Action::Flood(slot, ..)
            | Action::Await(slot, _)
            | Action::Move(
                Move::EndSending(slot)
                | Move::Take(slot, _)
                | Move::AwaitEnd(slot, _)
                | Move::Close(slot)
                | Move::Reset(slot),
            ) => Some(*slot),
            Action::Move(_) | Action::SkipIfAll(..) => None,
        }
    }

    /// Where to go on after trouble at a place: with the next move where the connection may end, else with the
    /// clean-up, and if that was under way, nowhere.
    pub(crate) fn after_trouble(&self, at: usize) -> usize {
        let may_end = |at: usize| match self.actions.get(at) {
            Some(Action::Await(_, may_end)) => *may_end,
            Some(Action::Flood(..) | Action::Move(Move::AwaitEnd(..) | Move::Take(..))) => true,
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

    /// How long the case pauses of its own accord, or waits for a deadline of the target.
    pub(crate) fn pauses_ns(&self) -> u64 {
        let pauses = self.actions.iter().map(|action| match action {
            Action::Move(Move::Pause(pause)) => *pause,
            Action::Move(Move::AwaitEnd(_, limit)) if *limit != ENDS_WITHIN => *limit,
            _ => Duration::ZERO,
        });
        u64::try_from(pauses.sum::<Duration>().as_nanos()).unwrap_or(u64::MAX)
    }

    /// All bytes that the case sends if every reply is the one hoped for: what a hash of the plan is made of.
    pub fn bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.actions.iter().filter_map(|action| match action {
            Action::Send(_, bytes) | Action::Flood(_, bytes, _) => Some(bytes.as_slice()),
            _ => None,
        })
    }
}

/// The connections that a case has open at the same time at the most.
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

/// A clean-up as actions, on a connection of its own.
fn written(cleaning: Vec<CleanupStep>) -> Vec<Action> {
    if cleaning.is_empty() {
        return Vec::new();
    }
    let mut actions = vec![Action::Move(Move::Open(CLEANUP))];
    for part in cleaning {
        match part {
            CleanupStep::Ask(bytes) => {
                actions.push(Action::Send(CLEANUP, bytes));
                actions.push(Action::Await(CLEANUP, false));
            }
            // Each that is left out is a sending and its reply.
            CleanupStep::SkipIfAll(reply, count) => actions.push(Action::SkipIfAll(reply, 2 * count)),
        }
    }
    actions.push(Action::Move(Move::Close(CLEANUP)));
    actions
}

/// Writes steps out as moves.
struct Writer<'n> {
    dialect: &'static Dialect,
    names: &'n Names,
    stall_limit: Duration,
    actions: Vec<Action>,
    expectations: BTreeMap<(Slot, usize), Vec<Allowed>>,
    /// The slots that are open, and how often each was opened before.
    open: BTreeSet<Slot>,
    opened: BTreeMap<Slot, usize>,
    /// The packages that the case may put into the index.
    packages: BTreeSet<Vec<u8>>,
    /// The same of its crowds, which are many and depend on nothing: they are taken out afterwards only.
    crowd_packages: BTreeSet<Vec<u8>>,
    crowd: Slot,
}

impl<'n> Writer<'n> {
    fn new(dialect: &'static Dialect, names: &'n Names, stall_limit: Duration) -> Self {
        Self {
            dialect,
            names,
            stall_limit,
            actions: Vec::new(),
            expectations: BTreeMap::new(),
            open: BTreeSet::new(),
            opened: BTreeMap::new(),
            packages: BTreeSet::new(),
            crowd_packages: BTreeSet::new(),
            crowd: 0,
        }
    }

    fn write_all(&mut self, steps: &[Step]) {
        for step in steps {
            self.write(step);
        }
    }

    fn write(&mut self, step: &Step) {
        match *step {
            Step::Open(slot) => self.open(slot),
            Step::OpenAlternate(slot) => self.open_as(slot, Move::OpenAlternate(slot)),
            Step::OpenFrom(slot, source) => self.open_as(slot, Move::OpenFrom(slot, source)),
            Step::OpenMapped(slot) => self.open_as(slot, Move::OpenMapped(slot)),
            Step::Gather(count, source) => self.gather(count, source),
            Step::Send(slot, template) => self.send(slot, template),
            Step::SendTimes(slot, template, times) => {
                self.open(slot);
                let bytes = self.names.expand(template, 0);
                self.packages.extend((self.dialect.names_in)(&bytes));
                self.actions.push(Action::Send(slot, bytes.repeat(times)));
            }
            Step::ExpectTimes(slot, allowed, times) => (0..times).for_each(|_| self.expect(slot, allowed)),
            Step::SendCut(slot, template, part_bytes, pause_ms) => {
                self.send_cut(slot, template, part_bytes, pause_ms);
            }
            Step::Ask(slot, template, allowed) => {
                self.send(slot, template);
                self.expect(slot, allowed);
            }
            Step::Expect(slot, replies) => replies.iter().for_each(|&allowed| self.expect(slot, allowed)),
            Step::Pause(milliseconds) => self.simple(Move::Pause(Duration::from_millis(milliseconds))),
            Step::PauseForStallLimit => self.simple(Move::Pause(self.stall_limit)),
            Step::EndSending(slot) => self.simple(Move::EndSending(slot)),
            Step::Close(slot) => self.end(slot, Move::Close(slot)),
            Step::Reset(slot) => self.end(slot, Move::Reset(slot)),
            Step::Flood(slot, template, bytes_max) => {
                self.open_as(slot, Move::OpenNarrow(slot));
                let bytes = self.names.expand(template, 0);
                self.actions.push(Action::Flood(slot, bytes, bytes_max));
            }
            Step::AwaitEnd(slot) => self.simple(Move::AwaitEnd(slot, self.stall_limit)),
            Step::Ends(slot) => self.end(slot, Move::AwaitEnd(slot, ENDS_WITHIN)),
            Step::EndsSaying(slot, allowed, milliseconds) => {
                self.note_expected(slot, allowed);
                self.end(slot, Move::AwaitEnd(slot, Duration::from_millis(milliseconds)));
            }
            Step::AwaitEndWithin(slot, milliseconds) => {
                self.simple(Move::AwaitEnd(slot, Duration::from_millis(milliseconds)));
            }
            Step::Join(count, template, allowed) => self.join(count, template, allowed),
            Step::AllAsk(count, times, template, allowed) => self.all_ask(count, times, template, allowed),
            Step::AllSend(count, template) => {
                (CROWD..CROWD + count).for_each(|slot| self.send_crowd(slot, template, slot.into()));
            }
            Step::CloseAll => {
                self.simple(Move::CloseAll);
                self.open.clear();
                self.crowd = 0;
            }
            Step::Repeat(count, steps) => (0..count).for_each(|_| self.write_all(steps)),
            Step::TakeSlowly(slot, bytes_max, pause_ms, times) => {
                for _ in 0..times {
                    self.simple(Move::Take(slot, bytes_max));
                    self.simple(Move::Pause(Duration::from_millis(pause_ms)));
                }
            }
            Step::ResetCrowd(count) => {
                (CROWD..CROWD + count).for_each(|slot| self.end(slot, Move::Reset(slot)));
                self.crowd = self.crowd.saturating_sub(count);
            }
            Step::Act(act) => self.simple(Move::Act(act)),
            Step::Sample => self.simple(Move::Sample),
        }
    }

    fn simple(&mut self, simple: Simple) {
        self.actions.push(Action::Move(simple));
    }

    fn open(&mut self, slot: Slot) {
        let own = self.own_source();
        self.open_as(slot, if own == Source::Any { Move::Open(slot) } else { Move::OpenFrom(slot, own) });
    }

    /// Where the case comes from.
    fn own_source(&self) -> Source {
        if self.dialect.has_own_address { self.names.own_source() } else { Source::Any }
    }

    fn open_as(&mut self, slot: Slot, how: Simple) {
        if self.open.insert(slot) {
            *self.opened.entry(slot).or_default() += 1;
            self.simple(how);
        }
    }

    fn open_all(&mut self, slots: &[Slot], source: Source) {
        for &slot in slots {
            self.open.insert(slot);
            *self.opened.entry(slot).or_default() += 1;
        }
        if let [first, .., last] | [first @ last] = *slots {
            self.simple(Move::OpenAll(first, last, source));
        }
    }

    /// Connections of a crowd that say nothing yet.
    fn gather(&mut self, count: Slot, source: Source) {
        let first = CROWD + self.crowd;
        self.crowd += count;
        let source = if source == Source::Any { self.own_source() } else { source };
        let slots: Vec<Slot> = (first..first + count).collect();
        for group in slots.chunks(JOIN_AT_ONCE.into()) {
            self.open_all(group, source);
        }
    }

    fn end(&mut self, slot: Slot, how: Simple) {
        self.simple(how);
        self.open.remove(&slot);
    }

    fn send(&mut self, slot: Slot, template: &[u8]) {
        self.open(slot);
        let bytes = self.names.expand(template, 0);
        self.packages.extend((self.dialect.names_in)(&bytes));
        self.actions.push(Action::Send(slot, bytes));
    }

    fn send_cut(&mut self, slot: Slot, template: &[u8], part_bytes: usize, pause_ms: u64) {
        self.open(slot);
        let bytes = self.names.expand(template, 0);
        self.packages.extend((self.dialect.names_in)(&bytes));
        for (number, part) in bytes.chunks(part_bytes).enumerate() {
            if number > 0 && pause_ms > 0 {
                self.simple(Move::Pause(Duration::from_millis(pause_ms)));
            }
            self.actions.push(Action::Send(slot, part.to_vec()));
        }
    }

    fn expect(&mut self, slot: Slot, allowed: Allowed) {
        self.note_expected(slot, allowed);
        // What may be said unasked may have come before it was asked for, and the end with it.
        let may_end = allowed.may_end() || self.dialect.unasked == Unasked::WhatIsExpected;
        self.actions.push(Action::Await(slot, may_end));
    }

    fn note_expected(&mut self, slot: Slot, allowed: Allowed) {
        let opened_before = self.opened.get(&slot).map_or(0, |times| times - 1);
        self.expectations.entry((slot, opened_before)).or_default().push(allowed);
    }

    fn send_crowd(&mut self, slot: Slot, template: &[u8], number: usize) {
        let bytes = self.names.expand(template, number);
        self.crowd_packages.extend((self.dialect.names_in)(&bytes));
        self.actions.push(Action::Send(slot, bytes));
    }

    fn join(&mut self, count: Slot, template: &[u8], allowed: Allowed) {
        let first = CROWD + self.crowd;
        self.crowd += count;
        let slots: Vec<Slot> = (first..first + count).collect();
        for group in slots.chunks(JOIN_AT_ONCE.into()) {
            self.open_all(group, self.own_source());
            for &slot in group {
                self.send_crowd(slot, template, slot.into());
            }
            for &slot in group {
                self.expect(slot, allowed);
            }
        }
    }

    fn all_ask(&mut self, count: Slot, times: usize, template: &[u8], allowed: Allowed) {
        for round in 0..times {
            for slot in 0..count {
                let number = round * usize::from(count) + usize::from(slot);
                self.send_crowd(CROWD + slot, template, number);
            }
            (CROWD..CROWD + count).for_each(|slot| self.expect(slot, allowed));
        }
    }
}
