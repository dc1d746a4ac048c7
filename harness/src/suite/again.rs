//! Judges the recorded history of a batch of cases again, without a target.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use super::Suite;
use super::judge::{CaseJudge, Sign, State};
use super::plan::CasePlan;
use super::run::{Watch, plan_sha256};
use crate::drive::Ending;
use crate::history::{Event, Header};
use crate::verdict::{Finding, Verdict};

/// The judges of a batch, with a recorded history instead of a target.
pub struct CasesAgain {
    suite: Suite,
    watch: Watch,
}

/// What a batch comes to.
#[derive(Debug)]
pub struct BatchAgain {
    /// Each of its cases, in order; and the target, if it was lost or is none.
    pub items: Vec<ItemAgain>,
    /// Whether the target has served anybody, in this batch or before.
    pub has_served: bool,
}

/// What a case comes to.
#[derive(Debug)]
pub struct ItemAgain {
    /// Its id.
    pub id: &'static str,
    /// Its verdict.
    pub verdict: Verdict,
    /// What it rests on.
    pub finding: Option<Finding>,
    /// Why it was not decided.
    pub cause: Option<String>,
}

impl CasesAgain {
    /// The judges of the cases that a header names. `has_served` says whether the target served anybody before.
    ///
    /// # Errors
    /// The header does not make the plan that it says, in words.
    pub fn new(suite: Suite, header: &Header, has_served: bool) -> Result<Self, String> {
        let option = |name: &str| header.options.get(name).map_or("", String::as_str);
        let seed = option("seed").parse().map_err(|_| "its header names no seed")?;
        let stall_limit = option("stall-limit").parse().unwrap_or(0.0);
        let stall_limit = Duration::try_from_secs_f64(stall_limit).unwrap_or_default();
        let mut plans = Vec::new();
        let mut ids = BTreeSet::new();
        for id in option("only").split(',').filter(|id| !id.is_empty()) {
            let case = suite.find(id).ok_or_else(|| format!("there is no case '{}'", id.escape_debug()))?;
            if !ids.insert(case.id) {
                return Err(format!("its header names {} twice", case.id));
            }
            plans.push(Rc::new(CasePlan::new(suite.dialect, case, seed, stall_limit)));
        }
        if plan_sha256(&plans) != header.plan_sha256 {
            return Err("its cases are not those of this kit".to_owned());
        }
        let judges = plans.into_iter().map(CaseJudge::new).collect();
        Ok(Self { suite, watch: Watch::new(suite.dialect, judges, has_served) })
    }

    /// Takes in an event.
    pub fn observe(&mut self, event: &Event<'_>) {
        // What follows the loss of the target decides nothing.
        if self.watch.sign.is_none() {
            let _ = self.watch.observe(event);
        }
    }

    /// Takes in how the batch ended, if the history says it.
    #[must_use]
    pub fn finish(self, ending: Option<Ending>) -> BatchAgain {
        let Watch { judges, sign, has_served, .. } = self.watch;
        let undecided = match (&sign, ending) {
            (Some(_), _) => (Verdict::NotRun, "the target was lost"),
            (None, None) => (Verdict::Unknown, "the history ends before it"),
            (None, Some(Ending::Interrupted)) => (Verdict::Unknown, "interrupted"),
            (None, Some(Ending::TimeOver)) => (Verdict::Unknown, "the time for the run was over"),
            (None, Some(_)) => (Verdict::Unknown, "it was given up: the target was lost, or too slow"),
        };
        let item = |judge: CaseJudge| {
            let id = judge.plan().case.id;
            if judge.state() != State::Done {
                let (verdict, cause) = undecided;
                return ItemAgain { id, verdict, finding: None, cause: Some(cause.to_owned()) };
            }
            let outcome = judge.outcome();
            ItemAgain { id, verdict: outcome.verdict, finding: outcome.finding, cause: outcome.cause }
        };
        let mut items: Vec<ItemAgain> = judges.into_iter().map(item).collect();
        if let Some(sign) = sign {
            let finding = found_of_target(self.suite, &sign);
            let (id, verdict) = (self.suite.alive, finding.verdict);
            items.push(ItemAgain { id, verdict, finding: Some(finding), cause: None });
        }
        BatchAgain { items, has_served }
    }
}

fn found_of_target(suite: Suite, sign: &Sign) -> Finding {
    if let Sign::Foreign(protocol) = sign {
        let summary = format!("the target speaks {protocol}, not {}", suite.spoken);
        return Finding::new(Verdict::Unreachable, &summary);
    }
    let mut finding =
        Finding { clause: Some(suite.alive_clause), ..Finding::new(Verdict::Fail, "the target was lost") };
    finding.came = Some(sign.how_lost().to_owned());
    finding.had_to_come = Some("a target that goes on serving".to_owned());
    finding
}
