//! The order of cases: chooses the next batch from the verdicts so far.
//!
//! First the case runs without which nothing can be judged. Then all cases with one connection run concurrently. Then
//! a
//! case decides whether several clients are served at the same time; if so, cases with several connections follow.
//! Cases
//! that may end the target or open a hundred connections run last, one by one.

use std::collections::{BTreeMap, BTreeSet};

use verdict::Verdict;

use crate::case::{Case, Runs, Step};
use crate::messages;
use crate::plan::connections_max;
use crate::suite::Suite;

/// The number of cases with one connection that run concurrently.
const SINGLE_CONNECTION_CASES_MAX: usize = 16;

/// The number of cases with several connections that run concurrently.
const MULTI_CONNECTION_CASES_MAX: usize = 4;

/// A batch of cases that run concurrently.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// The cases, in the order in which they begin.
    pub(crate) cases: Vec<&'static Case>,
    /// The number of cases that run at the same time.
    pub(crate) at_once_max: usize,
}

/// Returns whether a case has a crowd of clients, fills the buffers of the target, or depends on its settings. Such
/// cases run last and one by one: a target that does not survive them has been judged in everything else, and
/// concurrent cases would be disturbed.
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

/// The remaining cases.
#[derive(Debug)]
pub(crate) struct Schedule {
    suite: Suite,
    pending: Vec<&'static Case>,
    /// The cases that were running when the target was lost. They run alone when they are repeated.
    suspects: BTreeSet<&'static str>,
}

/// The next action.
#[derive(Debug)]
pub(crate) enum Next {
    /// Run this batch.
    Run(Batch),
    /// These cases are not run, for this cause.
    NotRun(Vec<&'static Case>, String),
    /// No case remains.
    Done,
}

impl Schedule {
    /// Returns a schedule of these cases.
    #[must_use]
    pub(crate) fn new(suite: Suite, cases: Vec<&'static Case>) -> Self {
        Self { suite, pending: cases, suspects: BTreeSet::new() }
    }

    /// Returns the next action, given the verdicts so far. On a slow target, cases that may end it run concurrently
    /// too; they are repeated alone only if the target is lost.
    pub(crate) fn next(&mut self, decided: &BTreeMap<&'static str, Verdict>, is_slow: bool) -> Next {
        if self.pending.is_empty() {
            return Next::Done;
        }
        let dialect = self.suite.dialect;
        let failed = |id: &str| decided.get(id).is_some_and(|verdict| *verdict > Verdict::Warn);
        if failed(self.suite.first) {
            let cause = messages::first_case_failed(self.suite.first);
            return Next::NotRun(std::mem::take(&mut self.pending), cause);
        }
        if let Some(gate) = self.suite.failed_gate(failed) {
            let (multi_connection, rest) = self.split(|case| connections_max(dialect, case) > 1);
            if !multi_connection.is_empty() {
                self.pending = rest;
                let cause = messages::gate_failed(gate);
                return Next::NotRun(multi_connection, cause);
            }
        }
        let Suite { opening, first, gates, .. } = self.suite;
        let suspects = self.suspects.clone();
        let is_plain = |case: &'static Case| !case.is_alone && !suspects.contains(case.id);
        // A slow target is mostly waiting, so that more cases can run concurrently.
        let times = if is_slow { 2 } else { 1 };
        self.take(|case| case.id == opening, 1)
            .or_else(|| self.take(|case| case.id == first, 1))
            .or_else(|| {
                self.take(
                    |case| is_plain(case) && connections_max(dialect, case) == 1,
                    times * SINGLE_CONNECTION_CASES_MAX,
                )
            })
            .or_else(|| self.take(|case| suspects.contains(case.id), 1))
            .or_else(|| gates.iter().find_map(|gate| self.take(|case| case.id == *gate, 1)))
            .or_else(|| self.take(is_plain, times * MULTI_CONNECTION_CASES_MAX))
            .or_else(|| {
                let at_once_max = if is_slow { MULTI_CONNECTION_CASES_MAX } else { 1 };
                self.take(|case| !is_heavy(case) && !suspects.contains(case.id), at_once_max)
            })
            .or_else(|| self.take(|_| true, 1))
            .map_or(Next::Done, Next::Run)
    }

    /// Returns whether a case was running at an earlier loss of the target. It runs alone then.
    pub(crate) fn is_suspect(&self, case: &Case) -> bool {
        self.suspects.contains(case.id)
    }

    /// Returns cases without a verdict to the schedule; `suspects` run alone the next time.
    pub(crate) fn requeue(&mut self, suspects: Vec<&'static Case>, others: Vec<&'static Case>) {
        self.suspects.extend(suspects.iter().map(|case| case.id));
        self.pending.extend(suspects);
        self.pending.extend(others);
    }

    /// Removes and returns all remaining cases.
    pub(crate) fn drain(&mut self) -> Vec<&'static Case> {
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
