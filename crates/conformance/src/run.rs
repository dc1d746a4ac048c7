//! Runs cases against a target, batch by batch, and records a result for each, even if the target ends.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use driver::drive::{Limits, NoProcess, drive};
use driver::exchanges::ExchangeReader;
use driver::history::{Ending, Event};
use driver::recorder::Recorder;
use driver::run_limits::RunLimits;
use protocol::Framing;
use target::Target;
use verdict::Verdict;

use crate::batch::{BatchJudge, header};
use crate::case::Case;
use crate::judge::{CaseJudge, CaseState, TargetStatus};
use crate::messages;
use crate::plan::CasePlan;
use crate::results::{Loss, Results};
use crate::schedule::{Batch, Next, Schedule};
use crate::script::CaseScript;
use crate::suite::Suite;
use crate::workload::Judge;

/// The settings of a run of cases.
#[derive(Clone, Copy, Debug)]
pub struct RunSettings {
    /// The seed of the names.
    pub seed: u64,
    /// The time that a reply may take.
    pub reply_timeout: Duration,
    /// The time for which the target may keep a stalled client.
    pub stall_limit: Duration,
    /// The time after which a batch is abandoned because the target is too slow, if there is such a limit. It is longer
    /// than `reply_timeout`, so that a missing reply is found first.
    pub case_timeout: Option<Duration>,
}

/// The number of losses after which the target is not restarted.
const LOSSES_MAX: usize = 20;

/// The time in which the end of the target's process is expected after a loss.
const PROCESS_END_TIMEOUT: Duration = Duration::from_millis(300);

/// Runs cases and records their results.
pub async fn run(
    suite: Suite,
    cases: Vec<&'static Case>,
    settings: RunSettings,
    target: &mut Target,
    recorder: &Recorder,
    limits_of_run: &mut RunLimits,
    results: &mut Results,
) {
    let mut schedule = Schedule::new(suite, cases);
    let mut losses = 0;
    loop {
        let decided = results.cases.iter().map(|(id, result)| (*id, result.verdict)).collect();
        match schedule.next(&decided, results.is_slow()) {
            Next::Done => return,
            Next::NotRun(cases, cause) => results.record_without(&cases, Verdict::NotRun, &cause),
            Next::Run(batch) => {
                let end = run_batch(suite, &batch, settings, target, recorder, limits_of_run, results).await;
                results.requests += end.requests;
                let has_process = target.is_started();
                let continuation = settle(end, &batch, has_process, &mut schedule, results);
                let Continuation::Lost { mut loss, uncontrolled } = continuation else {
                    if let Continuation::Over(cause) = continuation {
                        return results.record_without(&schedule.drain(), Verdict::Unknown, &cause);
                    }
                    continue;
                };
                if let Some(ended) = target.ended(PROCESS_END_TIMEOUT).await {
                    loss.how = messages::process_ended(&loss.how, &ended);
                }
                losses += 1;
                // The second attempt of a case that ended the target before is not another loss.
                results.losses.retain(|earlier| earlier.during != loss.during);
                results.losses.push(loss);
                let mut revived = revive(target, limits_of_run).await;
                if let Some((judge, how)) = uncontrolled.map(|uncontrolled| *uncontrolled) {
                    let control = judge.plan().case.control.filter(|_| revived.is_ok());
                    let mut has_survived = false;
                    if let Some(case) = control {
                        let batch = Batch { cases: vec![case], at_once_max: 1 };
                        // The history names a case only, so the control is not part of it.
                        let unrecorded = Recorder::default();
                        let end =
                            run_batch(suite, &batch, settings, target, &unrecorded, limits_of_run, results)
                                .await;
                        results.requests += end.requests;
                        has_survived = end.status.is_none();
                    }
                    results.record_loss(judge, &how, has_survived);
                    if control.is_some() && !has_survived {
                        revived = revive(target, limits_of_run).await;
                    }
                }
                let cause = match revived {
                    Ok(()) if losses < LOSSES_MAX => continue,
                    Ok(()) => messages::lost_too_often(LOSSES_MAX),
                    Err(error) => messages::not_restored(&error),
                };
                return results.record_without(&schedule.drain(), Verdict::NotRun, &cause);
            }
        }
    }
}

/// Restores a target that was lost.
async fn revive(target: &mut Target, limits_of_run: &mut RunLimits) -> Result<(), String> {
    tokio::select! {
        revived = target.revive() => revived.map_err(|error| error.to_string()),
        _ = limits_of_run.reached() => Err(messages::NO_TIME_TO_RESTART.to_owned()),
    }
}

/// The state at the end of a batch.
struct BatchEnd {
    judges: Vec<CaseJudge>,
    status: Option<TargetStatus>,
    ending: Ending,
    requests: u64,
}

async fn run_batch(
    suite: Suite,
    batch: &Batch,
    settings: RunSettings,
    target: &mut Target,
    recorder: &Recorder,
    limits_of_run: &mut RunLimits,
    results: &mut Results,
) -> BatchEnd {
    let plan = |case: &&'static Case| {
        Rc::new(CasePlan::new(suite.dialect, case, settings.seed, settings.stall_limit))
    };
    let plans: Vec<Rc<CasePlan>> = batch.cases.iter().map(plan).collect();
    let scripts = plans.iter().map(|plan| CaseScript::new(Rc::clone(plan))).collect();
    recorder.begin(&header(suite, &plans, settings.seed, settings.stall_limit, results.has_served));
    let judge = BatchJudge::new(suite, plans.clone(), results.has_served);
    let watch = Rc::new(RefCell::new((ExchangeReader::new(suite.dialect.framing), judge)));
    let observer = {
        let (watch, recorder) = (Rc::clone(&watch), recorder.clone());
        move |event: &Event<'_>| {
            recorder.record(event);
            let (reader, judge) = &mut *watch.borrow_mut();
            judge.observe_event(event);
            reader.observe(event, |observation| judge.observe(&observation));
            if judge.status().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    };
    let limits = Limits {
        reply_timeout_after_one: results.reply_timeout_after_one(settings.reply_timeout),
        clients_at_once_max: batch.at_once_max,
        ..Limits::gentle(results.reply_timeout(settings.reply_timeout))
    };
    let framing = suite.dialect.framing;
    let (addr, process) = (target.addr(), target.process());
    let has_ended = Cell::new(false);
    let is_abandoned = Cell::new(false);
    let until = async {
        let abandoned = async {
            match settings.case_timeout {
                Some(timeout) => sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ending = limits_of_run.reached() => ending,
            () = abandoned => {
                is_abandoned.set(true);
                Ending::Stopped
            }
            () = target.wait_for_container_end() => {
                has_ended.set(true);
                Ending::Stopped
            }
        }
    };
    let ending = drive(addr, scripts, framing, limits, process, observer, until).await;
    recorder.end(ending);
    if let (true, Some(timeout)) = (is_abandoned.get(), settings.case_timeout) {
        remove_names(addr, framing, &plans, limits, timeout, limits_of_run).await;
    }
    // The tasks of the driver are gone, so that this is the only reference to the judge.
    let judge = std::mem::replace(&mut watch.borrow_mut().1, BatchJudge::new(suite, Vec::new(), false));
    results.has_served |= judge.has_served();
    results.has_timed_out |= judge.has_timed_out();
    results.slowest_reply_ns = results.slowest_reply_ns.max(judge.slowest_reply_ns());
    let requests = judge.requests();
    let (judges, status) = judge.into_parts();
    let mut status = status.or(has_ended.get().then_some(TargetStatus::RefusesConnections));
    let is_lost_possibly = status.is_none()
        && ending == Ending::Finished
        && results.has_served
        && judges.iter().any(CaseJudge::is_explained_by_loss);
    if is_lost_possibly && !target.answers(suite.dialect.plain_request, limits.reply_timeout).await {
        status = Some(TargetStatus::ClosesConnections);
    }
    BatchEnd { judges, status, ending, requests }
}

/// Removes the names of abandoned cases, so that later cases and workloads find no packages of them. Nothing is judged.
async fn remove_names(
    addr: SocketAddr,
    framing: fn(usize) -> Box<dyn Framing>,
    plans: &[Rc<CasePlan>],
    limits: Limits,
    timeout: Duration,
    limits_of_run: &mut RunLimits,
) {
    let scripts = plans.iter().map(|plan| CaseScript::cleanup(Rc::clone(plan))).collect();
    let until = async {
        tokio::select! {
            ending = limits_of_run.reached() => ending,
            () = sleep(timeout) => Ending::TimeOver,
        }
    };
    let ignore = |_: &Event<'_>| ControlFlow::Continue(());
    drive(addr, scripts, framing, limits, Box::new(NoProcess), ignore, until).await;
}

/// The continuation of a run after a batch.
enum Continuation {
    Continue,
    /// Nothing further can be decided, for this cause.
    Over(String),
    Lost {
        loss: Loss,
        /// The case that ended the target, if its control decides whether it is the reason, and how the target was lost.
        uncontrolled: Option<Box<(CaseJudge, String)>>,
    },
}

/// Records the results of a batch, and requeues the cases without one. `has_process` says whether a lost target is started
/// again.
fn settle(
    end: BatchEnd,
    batch: &Batch,
    has_process: bool,
    schedule: &mut Schedule,
    results: &mut Results,
) -> Continuation {
    let BatchEnd { judges, status, ending, .. } = end;
    let (done, others): (Vec<CaseJudge>, Vec<CaseJudge>) =
        judges.into_iter().partition(|judge| judge.state() == CaseState::Done);
    let is_lost = status.as_ref().is_some_and(|status| !matches!(status, TargetStatus::OtherProtocol(_)));
    // A connection that ended shortly before the loss proves nothing about the case.
    let (explained, done): (Vec<CaseJudge>, Vec<CaseJudge>) =
        done.into_iter().partition(|judge| is_lost && judge.is_explained_by_loss());
    for judge in done {
        results.record(judge);
    }
    let (mut running, not_started): (Vec<CaseJudge>, Vec<CaseJudge>) =
        others.into_iter().partition(|judge| judge.state() == CaseState::Running);
    running.extend(explained);
    if let Some(TargetStatus::OtherProtocol(protocol)) = status {
        results.other_protocol = Some(protocol);
        let cause = messages::speaks_other_protocol(protocol);
        let cases: Vec<&'static Case> =
            running.iter().chain(&not_started).map(|judge| judge.plan().case).collect();
        results.record_without(&cases, Verdict::NotRun, &cause);
        results.record_without(&schedule.drain(), Verdict::NotRun, &cause);
        return Continuation::Continue;
    }
    let Some(status) = status else {
        let (found, running): (Vec<CaseJudge>, Vec<CaseJudge>) =
            running.into_iter().partition(CaseJudge::has_finding);
        for judge in found {
            results.record(judge);
        }
        let inconclusive: Vec<&'static Case> =
            running.iter().chain(&not_started).map(|judge| judge.plan().case).collect();
        let cause = match ending {
            Ending::Finished => return Continuation::Continue,
            Ending::Stopped => {
                results.record_without(&inconclusive, Verdict::Unknown, messages::TOO_SLOW);
                return Continuation::Continue;
            }
            Ending::Interrupted => messages::INTERRUPTED,
            Ending::TimeOver => messages::TIME_LIMIT_DEADLINE,
        };
        results.record_without(&inconclusive, Verdict::Unknown, cause);
        return Continuation::Over(cause.to_owned());
    };
    let how = status.evidence_of_loss();
    let loss = Loss {
        how: how.to_owned(),
        during: running.iter().map(|judge| judge.plan().case.id).collect(),
        last_sent: running.iter().filter_map(CaseJudge::last_sent).collect(),
    };
    schedule.requeue(Vec::new(), not_started.iter().map(|judge| judge.plan().case).collect());
    let mut uncontrolled = None;
    for judge in running {
        let case = judge.plan().case;
        // A target may end during a case for another reason. Only a case that ends it alone and again is the reason; a
        // target that is not started again leaves no second attempt.
        let is_only_attempt = !has_process && judge.state() == CaseState::Running;
        let is_reason = batch.at_once_max == 1 && (is_only_attempt || schedule.is_suspect(case));
        if is_reason && case.control.is_some() {
            uncontrolled = Some(Box::new((judge, how.to_owned())));
        } else if is_reason {
            results.record_loss(judge, how, true);
        } else {
            schedule.requeue(vec![case], Vec::new());
        }
    }
    Continuation::Lost { loss, uncontrolled }
}
