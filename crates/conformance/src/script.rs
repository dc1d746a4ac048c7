//! The client of one case: makes the moves of its plan in order.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::dialect::PayloadTemplate;
use crate::plan::{CLEANUP, CasePlan};
use driver::moves::Move;
use driver::moves::MoveResult;
use driver::moves::Script;
use driver::moves::Slot;

/// A case under way.
#[derive(Debug)]
pub struct CaseScript {
    plan: Rc<CasePlan>,
    /// The move that is made next.
    at: usize,
    /// The connections that the target has ended, as it may; what is planned for them is left out.
    lost: BTreeSet<Slot>,
    /// The replies to the one who cleans up.
    cleaned: BTreeSet<Vec<u8>>,
    /// Fills what depends on what came.
    payload_template: Option<Box<dyn PayloadTemplate>>,
    /// What it filled last.
    filled: Vec<u8>,
}

impl CaseScript {
    /// A client that has not begun.
    #[must_use]
    pub fn new(plan: Rc<CasePlan>) -> Self {
        let payload_template = plan.dialect.payload_template.map(|payload_template| payload_template());
        let (lost, cleaned) = (BTreeSet::new(), BTreeSet::new());
        Self { plan, at: 0, lost, cleaned, payload_template, filled: Vec::new() }
    }
}

impl Script for CaseScript {
    fn next(&mut self, came: MoveResult<'_>) -> Move<'_> {
        if came == MoveResult::Failed {
            let made = self.at - 1;
            self.lost.extend(self.plan.slot_at(made));
            self.at = self.plan.after_trouble(made);
        }
        if let MoveResult::Replies([reply]) = came
            && let Some(slot) = self.plan.slot_at(self.at - 1)
        {
            self.note(slot, reply);
        }
        if let Some((wanted, count)) = self.plan.skip_at(self.at) {
            let is_all = self.cleaned.iter().all(|reply| reply == wanted);
            self.at += 1 + if is_all { count } else { 0 };
            self.cleaned.clear();
        }
        while self.plan.slot_at(self.at).is_some_and(|slot| self.lost.contains(&slot)) {
            self.at += 1;
        }
        let at = self.at;
        self.at += 1;
        let next = self.plan.move_at(at).unwrap_or(Move::Done);
        if let Move::Open(slot) | Move::OpenFrom(slot, _) = next {
            self.lost.remove(&slot);
        }
        match (next, &mut self.payload_template) {
            (Move::Send(slot, bytes), Some(payload_template)) => {
                self.filled.clear();
                payload_template.fill(slot, bytes, &mut self.filled);
                Move::Send(slot, &self.filled)
            }
            (other, _) => other,
        }
    }
}

impl CaseScript {
    /// Takes in a reply, which may be one to an earlier client that this one goes on for.
    pub fn note(&mut self, slot: Slot, reply: &[u8]) {
        if slot == CLEANUP {
            self.cleaned.insert(reply.to_vec());
        } else if let Some(payload_template) = &mut self.payload_template {
            payload_template.note(slot, reply);
        }
    }
}
