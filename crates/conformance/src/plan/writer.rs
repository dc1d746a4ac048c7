//! Expands the steps of a case into actions.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use driver::moves::{Move, Slot, Source};

use crate::case::{Allowed, CROWD, Step};
use crate::dialect::{CleanupStep, Dialect, UnsolicitedPolicy};
use crate::plan::action::{Action, CLEANUP, ENDS_WITHIN, Simple};
use crate::template::Names;

/// The number of members of a crowd that connect before they send: a backlog of five holds them.
const JOIN_AT_ONCE: Slot = 5;

/// Returns the actions of a cleanup, on a separate connection.
pub(super) fn cleanup_actions(steps: Vec<CleanupStep>) -> Vec<Action> {
    if steps.is_empty() {
        return Vec::new();
    }
    let mut actions = vec![Action::Move(Move::Open(CLEANUP))];
    for part in steps {
        match part {
            CleanupStep::Ask(bytes) => {
                actions.push(Action::Send(CLEANUP, bytes.into()));
                actions.push(Action::Await(CLEANUP, false));
            }
            // Each skipped request consists of a send and a wait.
            CleanupStep::SkipIfAll(reply, count) => actions.push(Action::SkipIfAll(reply, 2 * count)),
        }
    }
    actions.push(Action::Move(Move::Close(CLEANUP)));
    actions
}

/// Expands steps into actions.
pub(super) struct Writer<'n> {
    dialect: &'static Dialect,
    names: &'n Names,
    stall_limit: Duration,
    pub(super) actions: Vec<Action>,
    pub(super) expectations: BTreeMap<(Slot, usize), Vec<Allowed>>,
    /// The number of these replies before the first one whose request may be skipped, where there is one.
    pub(super) certain: BTreeMap<(Slot, usize), usize>,
    /// Whether the steps that are being written may be skipped.
    may_skip: bool,
    /// The open slots, and the number of times that each slot was opened.
    open: BTreeSet<Slot>,
    opened: BTreeMap<Slot, usize>,
    /// The packages that the case may add to the index.
    pub(super) packages: BTreeSet<Vec<u8>>,
    /// The packages of its crowds. They are many and have no dependencies, so that they are removed only afterwards.
    pub(super) crowd_packages: BTreeSet<Vec<u8>>,
    crowd: Slot,
    last_of_crowd: Option<CrowdRequest>,
}

/// A request of a crowd with its number, or 0 if the bytes do not depend on it.
struct CrowdRequest {
    number: usize,
    template: Vec<u8>,
    bytes: Rc<[u8]>,
}

impl<'n> Writer<'n> {
    pub(super) fn new(dialect: &'static Dialect, names: &'n Names, stall_limit: Duration) -> Self {
        Self {
            dialect,
            names,
            stall_limit,
            actions: Vec::new(),
            expectations: BTreeMap::new(),
            certain: BTreeMap::new(),
            may_skip: false,
            open: BTreeSet::new(),
            opened: BTreeMap::new(),
            packages: BTreeSet::new(),
            crowd_packages: BTreeSet::new(),
            crowd: 0,
            last_of_crowd: None,
        }
    }

    pub(super) fn write_all(&mut self, steps: &[Step]) {
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
            Step::ConnectCrowd(count, source) => self.gather(count, source),
            Step::Send(slot, template) => self.send(slot, template),
            Step::SendTimes(slot, template, times) => {
                self.open(slot);
                let bytes = self.expand(template, 0);
                self.actions.push(Action::Send(slot, bytes.repeat(times).into()));
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
                let bytes = self.names.expand(template, 0).into();
                self.actions.push(Action::Flood(slot, bytes, bytes_max));
            }
            Step::AwaitFlood(slot, milliseconds) => {
                self.simple(Move::AwaitFlood(slot, Duration::from_millis(milliseconds)));
            }
            Step::AwaitEnd(slot) => self.simple(Move::AwaitEnd(slot, self.stall_limit)),
            Step::Ends(slot) => self.end(slot, Move::AwaitEnd(slot, ENDS_WITHIN)),
            Step::EndsWithReply(slot, allowed, milliseconds) => {
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
            Step::AllExpect(first, count, allowed) => {
                (CROWD + first..CROWD + first + count).for_each(|slot| self.expect(slot, allowed));
            }
            Step::CloseAll => {
                self.simple(Move::CloseAll);
                self.open.clear();
                self.crowd = 0;
            }
            Step::Repeat(count, steps) => (0..count).for_each(|_| self.write_all(steps)),
            Step::RepeatWithin(min, max, limit_ms, steps) => {
                self.write_within(min, max, Duration::from_millis(limit_ms), steps);
            }
            Step::IfFast(limit_ms, first, second) => {
                self.write_if_fast(Duration::from_millis(limit_ms), first, second);
            }
            Step::ReadSlowly(slot, bytes_max, pause_ms, times) => {
                for _ in 0..times {
                    self.simple(Move::ReadAvailable(slot, bytes_max));
                    self.simple(Move::Pause(Duration::from_millis(pause_ms)));
                }
            }
            Step::ResetCrowd(count) => {
                (CROWD..CROWD + count).for_each(|slot| self.end(slot, Move::Reset(slot)));
                self.crowd = self.crowd.saturating_sub(count);
            }
            Step::Act(act) => self.simple(Move::Act(act)),
            Step::Sample => self.simple(Move::Sample),
            Step::UntilDecided(steps) => self.write_until_decided(steps),
        }
    }

    /// Writes steps, with a condition after each sample in them.
    fn write_until_decided(&mut self, steps: &[Step]) {
        let begin = self.actions.len();
        self.write_all(steps);
        let written = self.actions.split_off(begin);
        for action in written {
            let is_sample = action == Action::Move(Move::Sample);
            self.actions.push(action);
            if is_sample {
                self.actions.push(Action::SkipIfDecided(0));
            }
        }
        let end = self.actions.len();
        for (at, action) in self.actions.iter_mut().enumerate().skip(begin) {
            if let Action::SkipIfDecided(count) = action {
                *count = end - at - 1;
            }
        }
    }

    /// Writes repetitions, with a condition before each that need not be made.
    fn write_within(&mut self, min: usize, max: usize, limit: Duration, steps: &[Step]) {
        self.simple(Move::ReadClock);
        self.actions.push(Action::StartTimer);
        let mut conditions = Vec::new();
        for repetition in 0..max {
            if repetition >= min {
                self.simple(Move::ReadClock);
                conditions.push(self.actions.len());
                self.actions.push(Action::SkipIfLate(limit, 0));
                self.may_skip = true;
            }
            self.write_all(steps);
        }
        self.may_skip = false;
        let end = self.actions.len();
        for at in conditions {
            self.actions[at] = Action::SkipIfLate(limit, end - at - 1);
        }
    }

    /// Writes steps, and others that are skipped if the first ones took longer.
    fn write_if_fast(&mut self, limit: Duration, first: &[Step], second: &[Step]) {
        self.simple(Move::ReadClock);
        self.actions.push(Action::StartTimer);
        self.write_all(first);
        self.simple(Move::ReadClock);
        let condition = self.actions.len();
        self.actions.push(Action::SkipIfLate(limit, 0));
        self.may_skip = true;
        self.write_all(second);
        self.may_skip = false;
        self.actions[condition] = Action::SkipIfLate(limit, self.actions.len() - condition - 1);
    }

    fn simple(&mut self, simple: Simple) {
        self.actions.push(Action::Move(simple));
    }

    fn open(&mut self, slot: Slot) {
        let own = self.own_source();
        self.open_as(slot, if own == Source::Any { Move::Open(slot) } else { Move::OpenFrom(slot, own) });
    }

    /// Returns the source address of the case.
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

    /// Opens connections of a crowd that send nothing yet.
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
        let bytes = self.expand(template, 0);
        self.actions.push(Action::Send(slot, bytes));
    }

    fn send_cut(&mut self, slot: Slot, template: &[u8], part_bytes: usize, pause_ms: u64) {
        self.open(slot);
        let bytes = self.expand(template, 0);
        for (number, part) in bytes.chunks(part_bytes).enumerate() {
            if number > 0 && pause_ms > 0 {
                self.simple(Move::Pause(Duration::from_millis(pause_ms)));
            }
            self.actions.push(Action::Send(slot, part.into()));
        }
    }

    fn expect(&mut self, slot: Slot, allowed: Allowed) {
        self.note_expected(slot, allowed);
        // A reply that the server may send in advance may have arrived before the wait, and the close with it.
        let may_end = allowed.may_end() || self.dialect.unsolicited == UnsolicitedPolicy::NextExpected;
        self.actions.push(Action::Await(slot, may_end));
    }

    fn note_expected(&mut self, slot: Slot, allowed: Allowed) {
        let opened_before = self.opened.get(&slot).map_or(0, |times| times - 1);
        let expected = self.expectations.entry((slot, opened_before)).or_default();
        if self.may_skip {
            self.certain.entry((slot, opened_before)).or_insert(expected.len());
        }
        expected.push(allowed);
    }

    /// Returns the bytes of a template, whose packages the case may add to the index.
    fn expand(&mut self, template: &[u8], number: usize) -> Rc<[u8]> {
        let bytes = self.names.expand(template, number);
        self.packages.extend((self.dialect.names_in)(&bytes));
        bytes.into()
    }

    /// Returns the bytes of a template for the request of a crowd with this number. Requests that do not depend on the number share
    /// their bytes.
    fn expand_for_crowd(&mut self, template: &[u8], number: usize) -> Rc<[u8]> {
        let number = if Names::depends_on_number(template) { number } else { 0 };
        let last = self.last_of_crowd.as_ref();
        if let Some(last) = last.filter(|last| last.number == number && last.template == template) {
            return Rc::clone(&last.bytes);
        }
        let bytes: Rc<[u8]> = self.names.expand(template, number).into();
        self.crowd_packages.extend((self.dialect.names_in)(&bytes));
        self.last_of_crowd =
            Some(CrowdRequest { number, template: template.to_vec(), bytes: Rc::clone(&bytes) });
        bytes
    }

    fn send_crowd(&mut self, slot: Slot, template: &[u8], number: usize) {
        let bytes = self.expand_for_crowd(template, number);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::ANY;
    use crate::dialects::index::DIALECT;

    #[test]
    fn equal_requests_of_a_crowd_share_their_bytes() {
        let names = Names::draw(1, "case");
        let mut writer = Writer::new(&DIALECT, &names, Duration::ZERO);
        writer.write_all(&[
            Step::AllAsk(4, 100, b"LIZARD|{a}|{x*60000}\n", ANY),
            Step::AllAsk(2, 1, b"QUERY|{n}|\n", ANY),
        ]);
        let sent: Vec<&Rc<[u8]>> = writer
            .actions
            .iter()
            .filter_map(|action| match action {
                Action::Send(_, bytes) => Some(bytes),
                _ => None,
            })
            .collect();
        assert!(sent[..400].iter().all(|bytes| Rc::ptr_eq(bytes, sent[0])));
        assert_eq!([&**sent[400], &**sent[401]], [b"QUERY|0|\n".as_slice(), b"QUERY|1|\n"]);
    }
}
