//! Which cases run beside which, and when: from what is decided to what is next.
//!
//! First the one case without which nothing can be judged; then all that have one connection at a time, side by
//! side; then whether two clients are served at the same time, and if so what takes several; at the end, one by one,
//! what could end the target or takes a hundred connections.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::{Case, Runs, Step};
use crate::plan::connections_max;
use crate::suite::Suite;
use verdict::Verdict;

/// How many cases with one connection run side by side.
const SINGLES_AT_ONCE: usize = 16;

/// How many cases with several connections run side by side.
const SEVERALS_AT_ONCE: usize = 4;

/// Cases that run side by side.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The cases, in the order in which they begin.
    pub cases: Vec<&'static Case>,
    /// How many are under way at any moment.
    pub at_once_max: usize,
}

/// Whether a case has a crowd of clients, fills the target's buffers, or is about the target's settings: these come last and
/// one by one, for a target that does not survive them has been judged in all else then, and others would not bear them.
fn is_heavy(case: &Case) -> bool {
    const MANY_BYTES: usize = 4 << 20;
    let is_about_settings = matches!(case.runs, Runs::WithSettings(_));
    is_about_settings
        || case.steps.iter().any(|step| match step {
            Step::Join(..) => true,
            Step::Flood(_, _, bytes_max) => *bytes_max >= MANY_BYTES,
            _ => false,
        })
}

/// What is left to do.
#[derive(Debug)]
pub struct Schedule {
    suite: Suite,
    pending: Vec<&'static Case>,
    /// Those during which the target was lost: they run alone when they run again.
    suspects: BTreeSet<&'static str>,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// These.
    Run(Batch),
    /// None of these will be run, for this cause.
    NotRun(Vec<&'static Case>, String),
    /// Nothing is left.
    Done,
}

impl Schedule {
    /// All of these are to be run.
    #[must_use]
    pub fn new(suite: Suite, cases: Vec<&'static Case>) -> Self {
        Self { suite, pending: cases, suspects: BTreeSet::new() }
    }

    /// What comes next, given the verdicts so far. Of a slow target what could end it runs side by side too: whose fault
    /// it was is found out only if it does.
    pub fn next(&mut self, decided: &BTreeMap<&'static str, Verdict>, is_slow: bool) -> Next {
        if self.pending.is_empty() {
            return Next::Done;
        }
        let dialect = self.suite.dialect;
        let is_lost = |id: &str| decided.get(id).is_some_and(|verdict| *verdict > Verdict::Warn);
        if is_lost(self.suite.first) {
            let cause = format!("{} was not passed, and without it nothing can be judged", self.suite.first);
            return Next::NotRun(std::mem::take(&mut self.pending), cause);
        }
        if let Some(gate) = self.suite.gates.iter().find(|gate| is_lost(gate)) {
            let (severals, rest) = self.split(|case| connections_max(dialect, case) > 1);
            if !severals.is_empty() {
                self.pending = rest;
                let cause = format!("{gate} was not passed, and this takes several clients at once");
                return Next::NotRun(severals, cause);
            }
        }
        let Suite { opening, first, gates, .. } = self.suite;
        let suspects = self.suspects.clone();
        let is_plain = |case: &'static Case| !case.is_alone && !suspects.contains(case.id);
        // Most of a slow target's time is spent waiting, which cases can do together.
        let times = if is_slow { 2 } else { 1 };
        self.take(|case| case.id == opening, 1)
            .or_else(|| self.take(|case| case.id == first, 1))
            .or_else(|| {
                self.take(
                    |case| is_plain(case) && connections_max(dialect, case) == 1,
                    times * SINGLES_AT_ONCE,
                )
            })
            .or_else(|| self.take(|case| suspects.contains(case.id), 1))
            .or_else(|| gates.iter().find_map(|gate| self.take(|case| case.id == *gate, 1)))
            .or_else(|| self.take(is_plain, times * SEVERALS_AT_ONCE))
            .or_else(|| {
                let at_once_max = if is_slow { SEVERALS_AT_ONCE } else { 1 };
                self.take(|case| !is_heavy(case) && !suspects.contains(case.id), at_once_max)
            })
            .or_else(|| self.take(|_| true, 1))
            .map_or(Next::Done, Next::Run)
    }

    /// Gives back cases that were not decided; `suspects` run alone the next time.
    pub fn give_back(&mut self, suspects: Vec<&'static Case>, others: Vec<&'static Case>) {
        self.suspects.extend(suspects.iter().map(|case| case.id));
        self.pending.extend(suspects);
        self.pending.extend(others);
    }

    /// Gives up what is left.
    pub fn give_up(&mut self) -> Vec<&'static Case> {
        std::mem::take(&mut self.pending)
    }

    fn take(&mut self, wanted: impl Fn(&'static Case) -> bool, at_once_max: usize) -> Option<Batch> {
        let (cases, rest) = self.split(wanted);
        self.pending = rest;
        (!cases.is_empty()).then_some(Batch { cases, at_once_max })
    }

    fn split(&self, wanted: impl Fn(&'static Case) -> bool) -> (Vec<&'static Case>, Vec<&'static Case>) {
        self.pending.iter().copied().partition(|case| wanted(case))
    }
}
