//! Runs cases against a target, batch after batch, and comes to a result for each, whatever becomes of the target.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use crate::batch::{BatchJudge, header};
use crate::case::Case;
use crate::judge::{CaseJudge, Sign, State};
use crate::plan::CasePlan;
use crate::results::{Loss, Results};
use crate::schedule::{Batch, Next, Schedule};
use crate::script::CaseScript;
use crate::suite::Suite;
use crate::workload::Judge;
use driver::drive::Limits;
use driver::drive::OPENINGS_AT_ONCE_GENTLE;
use driver::drive::drive;
use driver::exchanges::ExchangeReader;
use driver::history::Ending;
use driver::history::Event;
use driver::recorder::Recorder;
use driver::run_limits::RunLimits;

use protocol::text::printable;
use target::Target;
use verdict::Verdict;

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

/// How long after a loss it is looked whether the target's process has ended.
const DEATH_PATIENCE: Duration = Duration::from_millis(300);

/// Runs these cases.
pub async fn run(
    suite: Suite,
    cases: Vec<&'static Case>,
    terms: Terms,
    target: &mut Target,
    recorder: &Recorder,
    bounds: &mut RunLimits,
    results: &mut Results,
) {
    let mut schedule = Schedule::new(suite, cases);
    loop {
        let decided = results.cases.iter().map(|(id, result)| (*id, result.verdict)).collect();
        match schedule.next(&decided, results.is_slow()) {
            Next::Done => return,
            Next::NotRun(cases, cause) => results.leave_out(&cases, Verdict::NotRun, &cause),
            Next::Run(batch) => {
                let ran = run_batch(suite, &batch, terms, target, recorder, bounds, results).await;
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
    recorder: &Recorder,
    bounds: &mut RunLimits,
    results: &mut Results,
) -> Ran {
    let plan =
        |case: &&'static Case| Rc::new(CasePlan::new(suite.dialect, case, terms.seed, terms.stall_limit));
    let plans: Vec<Rc<CasePlan>> = batch.cases.iter().map(plan).collect();
    let scripts = plans.iter().map(|plan| CaseScript::new(Rc::clone(plan))).collect();
    recorder.begin(&header(suite, &plans, terms.seed, terms.stall_limit, results.has_served));
    let judge = BatchJudge::new(suite, plans, results.has_served);
    let watch = Rc::new(RefCell::new((ExchangeReader::new(suite.dialect.framing), judge)));
    let observer = {
        let (watch, recorder) = (Rc::clone(&watch), recorder.clone());
        move |event: &Event<'_>| {
            recorder.record(event);
            let (reader, judge) = &mut *watch.borrow_mut();
            judge.observe_event(event);
            reader.observe(event, |observation| judge.observe(&observation));
            if judge.sign().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
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
    recorder.end(ending);
    // The driver's tasks are gone, and with them their hold on the watch.
    let (_, judge) = &mut *watch.borrow_mut();
    let judge = std::mem::replace(judge, BatchJudge::new(suite, Vec::new(), false));
    results.has_served |= judge.has_served();
    results.has_timed_out |= judge.has_timed_out();
    results.slowest_reply_ns = results.slowest_reply_ns.max(judge.slowest_reply_ns());
    let requests = judge.requests();
    let (judges, sign) = judge.into_parts();
    let sign = sign.or(is_gone.get().then_some(Sign::Refuses));
    Ran { judges, sign, ending, requests }
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
    pub(crate) fn how_lost(&self) -> &'static str {
        match self {
            Self::Refuses => "it took connections before, and takes none now",
            Self::Silent => "a new client with a plain request got no reply",
            _ => "new clients with plain requests were hung up on",
        }
    }
}

impl CaseJudge {
    /// The last bytes that the case has sent, printable, with its id.
    pub(crate) fn last_sent(&self) -> Option<String> {
        let (_, bytes) = self.wire().sent().last()?;
        Some(format!("{} in {}", printable(bytes), self.plan().case.id))
    }
}
