//! The client of one case: makes the moves of its plan in order.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::plan::{CasePlan, JANITOR};
use crate::moves::{Came, Move, Script, Slot};

/// A case under way.
#[derive(Debug)]
pub struct CaseScript {
    plan: Rc<CasePlan>,
    /// The move that is made next.
    at: usize,
    /// The connections that the target has ended, as it may; what is planned for them is left out.
    lost: BTreeSet<Slot>,
    /// Whether no name had to be taken out so far.
    is_all_ok: bool,
}

impl CaseScript {
    /// A client that has not begun.
    #[must_use]
    pub fn new(plan: Rc<CasePlan>) -> Self {
        Self { plan, at: 0, lost: BTreeSet::new(), is_all_ok: true }
    }
}

impl Script for CaseScript {
    fn next(&mut self, came: Came<'_>) -> Move<'_> {
        if came == Came::Trouble {
            let made = self.at - 1;
            self.lost.extend(self.plan.slot_at(made));
            self.at = self.plan.after_trouble(made);
        }
        if let Came::Replies([reply]) = came
            && self.plan.slot_at(self.at - 1) == Some(JANITOR)
        {
            self.is_all_ok &= reply == b"OK";
        }
        if let Some(count) = self.plan.skip_at(self.at) {
            self.at += 1 + if self.is_all_ok { count } else { 0 };
            self.is_all_ok = true;
        }
        while self.plan.slot_at(self.at).is_some_and(|slot| self.lost.contains(&slot)) {
            self.at += 1;
        }
        let at = self.at;
        self.at += 1;
        self.plan.move_at(at).unwrap_or(Move::Done)
    }
}
