//! Runs cases against a target, batch after batch, and comes to a result for each, whatever becomes of the target.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use protocol::Framing;
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::Suite;
use super::case::Case;
use super::dialect::Dialect;
use super::judge::{CaseJudge, Sign, State};
use super::plan::CasePlan;
use super::results::{Loss, Results};
use super::schedule::{Batch, Next, Schedule};
use super::script::CaseScript;
use crate::bounds::Bounds;
use crate::drive::{Ending, Limits, OPENINGS_AT_ONCE_GENTLE, drive};
use crate::history::{Event, Header, VERSION, What};
use crate::listening::Listening;
use crate::pairing::{Pairing, Replied, Seen};

use crate::targets::Target;
use crate::verdict::{Verdict, hex, printable};

/// What decides how cases are run.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Decides the names.
    pub seed: u64,
    /// How long a reply may take.
    pub reply_timeout: Duration,
    /// How long the target may keep a client that stalls.
    pub stall_limit: Duration,
    /// How long a case may take before it is given up as too much for a slow target, if there is such a limit.
    pub case_timeout: Option<Duration>,
}

/// A target that is lost more often than this is not started again.
const LOSSES_MAX: usize = 12;

/// How many new clients in a row may be hung up on before the target is called lost.
const HANG_UPS_MAX: u32 = 3;

/// How long after a loss it is looked whether the target's process has ended.
const DEATH_PATIENCE: Duration = Duration::from_millis(300);

/// Runs these cases.
pub async fn run(
    suite: Suite,
    cases: Vec<&'static Case>,
    terms: Terms,
    target: &mut Target,
    listening: &Listening,
    bounds: &mut Bounds,
    results: &mut Results,
) {
    let mut schedule = Schedule::new(suite, cases);
    loop {
        let decided = results.cases.iter().map(|(id, result)| (*id, result.verdict)).collect();
        match schedule.next(&decided, results.is_slow()) {
            Next::Done => return,
            Next::NotRun(cases, cause) => results.leave_out(&cases, Verdict::NotRun, &cause),
            Next::Run(batch) => {
                let ran = run_batch(suite, &batch, terms, target, listening, bounds, results).await;
                results.requests += ran.requests;
                let fate = settle(ran, &batch, &mut schedule, results);
                let Fate::Lost(mut loss) = fate else {
                    if let Fate::Over(cause) = fate {
                        return results.leave_out(&schedule.give_up(), Verdict::Unknown, &cause);
                    }
                    continue;
                };
                if let Some(ended) = target.ended(DEATH_PATIENCE).await {
                    loss.how = format!("{}; the process ended: {ended}", loss.how);
                }
                results.losses.push(loss);
                let revived = tokio::select! {
                    revived = target.revive() => revived.map_err(|error| error.to_string()),
                    _ = bounds.reached() => Err("no time was left to wait for it".to_owned()),
                };
                let cause = match revived {
                    Ok(()) if results.losses.len() < LOSSES_MAX => continue,
                    Ok(()) => format!("the target was lost {LOSSES_MAX} times"),
                    Err(error) => format!("the target was lost, and is not back: {error}"),
                };
                return results.leave_out(&schedule.give_up(), Verdict::NotRun, &cause);
            }
        }
    }
}

/// How a batch was left.
struct Ran {
    judges: Vec<CaseJudge>,
    sign: Option<Sign>,
    ending: Ending,
    requests: u64,
}

async fn run_batch(
    suite: Suite,
    batch: &Batch,
    terms: Terms,
    target: &mut Target,
    listening: &Listening,
    bounds: &mut Bounds,
    results: &mut Results,
) -> Ran {
    let plan =
        |case: &&'static Case| Rc::new(CasePlan::new(suite.dialect, case, terms.seed, terms.stall_limit));
    let plans: Vec<Rc<CasePlan>> = batch.cases.iter().map(plan).collect();
    let scripts = plans.iter().map(|plan| CaseScript::new(Rc::clone(plan))).collect();
    listening.begin(&header(suite, &plans, terms));
    let judges = plans.into_iter().map(CaseJudge::new).collect();
    let watch = Rc::new(RefCell::new(Watch::new(suite.dialect, judges, results.has_served)));
    let observer = {
        let (watch, listening) = (Rc::clone(&watch), listening.clone());
        move |event: &Event<'_>| {
            listening.hear(event);
            watch.borrow_mut().observe(event)
        }
    };
    let limits = Limits {
        reply_timeout: results.patience(terms.reply_timeout),
        reply_timeout_after_one: results.patience_after_one(terms.reply_timeout),
        clients_at_once_max: batch.at_once_max,
        openings_at_once_max: OPENINGS_AT_ONCE_GENTLE,
    };
    let framing = suite.dialect.framing;
    let (addr, process) = (target.addr(), target.process());
    let is_gone = Cell::new(false);
    let until = async {
        let given_up = async {
            match terms.case_timeout {
                Some(timeout) => sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ending = bounds.reached() => ending,
            () = given_up => Ending::Stopped,
            () = target.gone() => {
                is_gone.set(true);
                Ending::Stopped
            }
        }
    };
    let ending = drive(addr, scripts, framing, limits, process, observer, until).await;
    listening.end(ending);
    // The driver's tasks are gone, and with them their hold on the watch.
    let mut watch = watch.borrow_mut();
    results.has_served |= watch.has_served;
    results.has_timed_out |= watch.has_timed_out;
    results.slowest_reply_ns = results.slowest_reply_ns.max(watch.slowest_reply_ns);
    let Watch { judges, sign, requests, .. } = &mut *watch;
    let sign = sign.take().or(is_gone.get().then_some(Sign::Refuses));
    Ran { judges: std::mem::take(judges), sign, ending, requests: *requests }
}

/// The first line of the history of a batch.
fn header(suite: Suite, plans: &[Rc<CasePlan>], terms: Terms) -> Header {
    let ids: Vec<&str> = plans.iter().map(|plan| plan.case.id).collect();
    let options = BTreeMap::from([
        ("seed".to_owned(), terms.seed.to_string()),
        ("stall-limit".to_owned(), terms.stall_limit.as_secs_f64().to_string()),
        ("only".to_owned(), ids.join(",")),
    ]);
    let (workload, plan_sha256) = (suite.workload.to_owned(), plan_sha256(plans));
    Header { history: VERSION, workload, options, plan_sha256 }
}

/// The hash of the plan of a batch, in hex digits.
pub(super) fn plan_sha256(plans: &[Rc<CasePlan>]) -> String {
    let mut hash = Sha256::new();
    for plan in plans {
        plan.bytes().for_each(|bytes| hash.update(bytes));
    }
    hex(&hash.finalize())
}

/// All judges of a batch, and what their cases tell of the target.
pub(super) struct Watch {
    pairing: Pairing<Box<dyn Framing>>,
    pub(super) judges: Vec<CaseJudge>,
    pub(super) sign: Option<Sign>,
    hang_ups: u32,
    pub(super) has_served: bool,
    has_timed_out: bool,
    slowest_reply_ns: u64,
    requests: u64,
}

impl Watch {
    pub(super) fn new(dialect: &Dialect, judges: Vec<CaseJudge>, has_served: bool) -> Self {
        let pairing = Pairing::new(dialect.framing);
        Self {
            pairing,
            judges,
            sign: None,
            hang_ups: 0,
            has_served,
            has_timed_out: false,
            slowest_reply_ns: 0,
            requests: 0,
        }
    }

    /// Takes in an event; `Break` once the target is lost.
    pub(super) fn observe(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        let Self { pairing, judges, sign, hang_ups, has_served, has_timed_out, slowest_reply_ns, requests } =
            self;
        *has_timed_out |= matches!(event.event, What::TimedOut { .. });
        let Some(judge) = judges.get_mut(event.client as usize) else { return ControlFlow::Continue(()) };
        // The log first: what shows a fault is its last entry then.
        judge.note(event);
        pairing.observe(event, |seen| {
            if let Seen::Replied(Replied { sent_ns, replied_ns, .. }) = &seen {
                *requests += 1;
                *slowest_reply_ns = replied_ns.saturating_sub(*sent_ns).max(*slowest_reply_ns);
            }
            match judge.observe(&seen) {
                // A target that never served anybody is wrong from the start, and not lost.
                None => {}
                Some(Sign::HangsUp | Sign::Silent) if !*has_served => {}
                Some(Sign::Serves) => {
                    *hang_ups = 0;
                    *has_served = true;
                }
                Some(Sign::HangsUp) => {
                    *hang_ups += 1;
                    if *hang_ups == HANG_UPS_MAX {
                        *sign = Some(Sign::HangsUp);
                    }
                }
                Some(other) => *sign = Some(other),
            }
        });
        if sign.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// What becomes of a run after a batch.
enum Fate {
    GoesOn,
    /// Nothing can be decided any more, for this cause.
    Over(String),
    Lost(Loss),
}

/// Writes down what a batch decided, and what it did not.
fn settle(ran: Ran, batch: &Batch, schedule: &mut Schedule, results: &mut Results) -> Fate {
    let Ran { judges, sign, ending, .. } = ran;
    let (done, others): (Vec<CaseJudge>, Vec<CaseJudge>) =
        judges.into_iter().partition(|judge| judge.state() == State::Done);
    for judge in done {
        results.decide(judge);
    }
    let (under_way, not_begun): (Vec<CaseJudge>, Vec<CaseJudge>) =
        others.into_iter().partition(|judge| judge.state() == State::UnderWay);
    if let Some(Sign::Foreign(protocol)) = sign {
        results.speaks = Some(protocol);
        let cause = format!("the target speaks {protocol}");
        let cases: Vec<&'static Case> =
            under_way.iter().chain(&not_begun).map(|judge| judge.plan().case).collect();
        results.leave_out(&cases, Verdict::NotRun, &cause);
        results.leave_out(&schedule.give_up(), Verdict::NotRun, &cause);
        return Fate::GoesOn;
    }
    let Some(sign) = sign else {
        let undecided: Vec<&'static Case> =
            under_way.iter().chain(&not_begun).map(|judge| judge.plan().case).collect();
        let cause = match ending {
            Ending::Finished => return Fate::GoesOn,
            Ending::Stopped => {
                results.leave_out(&undecided, Verdict::NotRun, "the target is too slow for it");
                return Fate::GoesOn;
            }
            Ending::Interrupted => "interrupted",
            Ending::TimeOver => "the time for the run was over; --deadline allows more",
        };
        results.leave_out(&undecided, Verdict::Unknown, cause);
        return Fate::Over(cause.to_owned());
    };
    let how = sign.how_lost();
    let loss = Loss {
        how: how.to_owned(),
        during: under_way.iter().map(|judge| judge.plan().case.id).collect(),
        last_sent: under_way.iter().filter_map(CaseJudge::last_sent).collect(),
    };
    let (suspects, others): (Vec<&'static Case>, Vec<&'static Case>) = (
        under_way.iter().map(|judge| judge.plan().case).collect(),
        not_begun.iter().map(|judge| judge.plan().case).collect(),
    );
    if batch.at_once_max == 1 {
        for judge in under_way {
            results.blame(judge, how);
        }
        schedule.give_back(Vec::new(), others);
    } else {
        schedule.give_back(suspects, others);
    }
    Fate::Lost(loss)
}

impl Sign {
    /// How it showed that the target was lost.
    pub(super) fn how_lost(&self) -> &'static str {
        match self {
            Self::Refuses => "it took connections before, and takes none now",
            Self::Silent => "a new client with a plain request got no reply",
            _ => "new clients with plain requests were hung up on",
        }
    }
}

impl CaseJudge {
    /// The last bytes that the case has sent, printable, with its id.
    pub(super) fn last_sent(&self) -> Option<String> {
        let (_, bytes) = self.wire().sent().last()?;
        Some(format!("{} in {}", printable(bytes), self.plan().case.id))
    }
}
