//! The script of one case: makes the moves of its plan in order.

use std::collections::BTreeSet;
use std::rc::Rc;

use driver::history::Sample;
use driver::moves::{Move, MoveResult, Script, Slot};

use crate::dialect::PayloadTemplate;
use crate::plan::{CLEANUP, CasePlan, Condition};
use crate::resources::are_decided;

/// The progress of one case.
#[derive(Debug)]
pub struct CaseScript {
    plan: Rc<CasePlan>,
    /// The index of the next move.
    at: usize,
    /// The slots whose connections the target has closed, as it may; their remaining moves are skipped.
    lost: BTreeSet<Slot>,
    /// Whether a member of a crowd has waited for a reply in vain. The others would wait as long, so they ask no more.
    has_waiting_crowd: bool,
    /// The distinct replies to the cleanup connection.
    cleanup_replies: BTreeSet<Vec<u8>>,
    /// The samples so far, each with its time in nanoseconds.
    samples: Vec<(u64, Sample)>,
    /// When the timer was started, and when the clock was last read, in nanoseconds since the run began.
    timed_from_ns: u64,
    clock_ns: u64,
    /// Fills placeholders that depend on received replies.
    payload_template: Option<Box<dyn PayloadTemplate>>,
    /// The bytes after filling.
    filled: Vec<u8>,
}

impl CaseScript {
    /// Returns a script at its beginning.
    #[must_use]
    pub fn new(plan: Rc<CasePlan>) -> Self {
        let payload_template = plan.dialect.payload_template.map(|payload_template| payload_template());
        let (lost, cleanup_replies) = (BTreeSet::new(), BTreeSet::new());
        Self {
            plan,
            at: 0,
            lost,
            has_waiting_crowd: false,
            cleanup_replies,
            samples: Vec::new(),
            timed_from_ns: 0,
            clock_ns: 0,
            payload_template,
            filled: Vec::new(),
        }
    }

    /// Returns a script that only removes the names of a case that was abandoned.
    #[must_use]
    pub fn cleanup(plan: Rc<CasePlan>) -> Self {
        let at = plan.cleanup_at();
        Self { at, ..Self::new(plan) }
    }
}

impl Script for CaseScript {
    fn next(&mut self, result: MoveResult<'_>) -> Move<'_> {
        if let MoveResult::Failed(has_waited) = result {
            let made = self.at - 1;
            self.has_waiting_crowd |= has_waited && self.plan.is_of_crowd(made);
            self.lost.extend(self.plan.slot_at(made));
            self.at = self.plan.after_failure(made);
        }
        if let MoveResult::Replies([reply]) = result
            && let Some(slot) = self.plan.slot_at(self.at - 1)
        {
            self.note(slot, reply);
        }
        if let MoveResult::Sampled(at_ns, sample) = result {
            self.samples.push((at_ns, sample));
        }
        if let MoveResult::Clock(now_ns) = result {
            self.clock_ns = now_ns;
        }
        if let Some((condition, count)) = self.plan.skip_at(self.at) {
            self.at += 1 + if self.is_met(condition) { count } else { 0 };
        }
        while self.is_skipped(self.at) {
            self.at += 1;
        }
        let at = self.at;
        self.at += 1;
        let next = self.plan.move_at(at).unwrap_or(Move::Done);
        match next {
            Move::Open(slot) | Move::OpenFrom(slot, _) => _ = self.lost.remove(&slot),
            Move::OpenAll(first, last, _) => self.lost.retain(|slot| !(first..=last).contains(slot)),
            _ => {}
        }
        match (next, &mut self.payload_template) {
            (Move::Send(slot, bytes), Some(payload_template)) => {
                self.filled.clear();
                if let Some(job) = payload_template.fill(slot, bytes, &mut self.filled) {
                    self.at = at;
                    return Move::Compute(job);
                }
                Move::Send(slot, &self.filled)
            }
            (other, _) => other,
        }
    }
}

impl CaseScript {
    fn is_skipped(&self, at: usize) -> bool {
        self.plan.slot_at(at).is_some_and(|slot| self.lost.contains(&slot))
            || self.has_waiting_crowd && self.plan.is_of_crowd(at)
    }

    fn is_met(&mut self, condition: Condition) -> bool {
        match condition {
            Condition::AllCleanupReplies(wanted) => {
                std::mem::take(&mut self.cleanup_replies).iter().all(|reply| reply == wanted)
            }
            Condition::TimerStarts => {
                self.timed_from_ns = self.clock_ns;
                false
            }
            Condition::IsLate(limit) => u128::from(self.clock_ns - self.timed_from_ns) > limit.as_nanos(),
            Condition::SamplesDecide => are_decided(&self.samples, self.plan.case.resource_limit),
        }
    }

    /// Records a reply. It may belong to an earlier client that this script continues.
    pub fn note(&mut self, slot: Slot, reply: &[u8]) {
        if slot == CLEANUP {
            self.cleanup_replies.insert(reply.to_vec());
        } else if let Some(payload_template) = &mut self.payload_template {
            payload_template.note(slot, reply);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::case::{ANY_OR_END, Case, Step, case};
    use crate::dialects::index::DIALECT;
    use protocol::index::clauses::A4;

    #[test]
    fn after_one_of_a_crowd_has_waited_in_vain_no_other_waits() {
        const CASE: Case =
            case("a", A4, "").steps(&[Step::Join(300, b"QUERY|{a}|\n", ANY_OR_END), Step::CloseAll]);
        let awaits = |failure: MoveResult<'static>| {
            let plan = Rc::new(CasePlan::new(&DIALECT, &CASE, 1, Duration::ZERO));
            let mut script = CaseScript::new(plan);
            let (mut result, mut count) = (MoveResult::Done, 0);
            loop {
                let next = script.next(result);
                let is_wait = matches!(next, Move::Await(slot, _) if slot != CLEANUP);
                count += usize::from(is_wait);
                result = if is_wait { failure } else { MoveResult::Done };
                if next == Move::CloseAll {
                    return count;
                }
            }
        };
        assert_eq!(awaits(MoveResult::Failed(false)), 300);
        assert_eq!(awaits(MoveResult::Failed(true)), 1);
    }

    #[test]
    fn a_slow_target_gets_fewer_repetitions() {
        const CASE: Case = case("a", A4, "").steps(&[
            Step::RepeatWithin(3, 9, 100, &[Step::Ask(1, b"QUERY|{a}|\n", ANY_OR_END)]),
            Step::Close(1),
        ]);
        let asked = |ask_ns: u64| {
            let plan = Rc::new(CasePlan::new(&DIALECT, &CASE, 1, Duration::ZERO));
            let mut script = CaseScript::new(plan);
            let (mut result, mut now_ns, mut count) = (MoveResult::Done, 0, 0);
            loop {
                let next = script.next(result);
                result = match next {
                    Move::ReadClock => MoveResult::Clock(now_ns),
                    _ => MoveResult::Done,
                };
                match next {
                    Move::Await(1, _) => (count, now_ns) = (count + 1, now_ns + ask_ns),
                    Move::Close(1) => return count,
                    Move::Done => panic!("the script ends with its last step"),
                    _ => {}
                }
            }
        };
        assert_eq!([1_000_000, 20_000_000, 30_000_000, 1_000_000_000].map(asked), [9, 6, 4, 3]);
    }
}
