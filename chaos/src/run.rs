//! Runs the scenes of a schedule against a target. Every scene has an outcome, even if the target dies.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use conformance::plan::CasePlan;
use driver::drive::{Limits, Process, drive};
use driver::history::Ending;
use driver::history::Event;
use driver::history::EventKind;
use driver::history::Header;
use driver::history::Params;
use driver::history::VERSION;
use driver::recorder::Recorder;
use driver::run_limits::RunLimits;
use target::Choice;
use target::Error;
use target::Target;
use verdict::Verdict;

use crate::chaos_protocol::{ChaosProtocol, Invariant};
use crate::collect::known::Known;
use crate::collect::{Halt, RunCollector};
use crate::dependencies::Dependencies;
use crate::disk::Disk;
use crate::environment::Environment;
use crate::fault::Scene;
use crate::harm::Harm;
use crate::namespace::Obstacles;
use crate::outcome::{RunOutcome, SceneOutcome, Timeline};
use crate::progress::SceneBar;
use crate::relay::Relay;
use crate::schedule::Schedule;
use crate::scripts::{Client, Conductor, Planned, Timekeeper};
use crate::timing::{BYSTANDERS, CONDUCTOR, Part, QUIET, QUIET_AGAIN, QUIET_LATER, marked};
use crate::work::{Work, joined, works};

/// The terms of a run.
pub(crate) struct RunTerms {
    /// The timeout for a reply.
    pub(crate) reply_timeout: Duration,
    /// The chosen target.
    pub(crate) choice: Choice,
    /// Whether a violated SHOULD is a failure.
    pub(crate) is_strict: bool,
    /// The relays before the services that the target uses.
    pub(crate) dependencies: Rc<Dependencies>,
    /// The flags that decide the schedule, by name, for the history.
    pub(crate) options: Params,
    /// Whether the caller has set the time limit of the run.
    pub(crate) has_own_limit: bool,
    /// Whether faults of packets are wanted.
    pub(crate) has_packets: bool,
    /// What cannot be made in the namespaces of the run.
    pub(crate) obstacles: Obstacles,
    /// The disk of the target.
    pub(crate) disk: Rc<Disk>,
}

/// The number of losses after which the target is not started again.
const LOSSES_MAX: u32 = 8;

/// How often scenes are repeated whose only finding is slow replies, and those that are undecided: a busy machine is a reason for
/// both, but not every time. Undecided latency matters only if a violated SHOULD is a failure.
const SLOW_REPETITIONS_MAX: u32 = 2;
const REPETITIONS_MAX: u32 = 5;

/// The number of scenes in which clients wait in vain for the whole time that a reply may take, and how long they wait afterwards: the
/// target has that defect, and waits of 10 s would take the time of the run.
const LONG_WAITS_MAX: u32 = 2;
const SHORT_WAIT: Duration = Duration::from_secs(2);

/// The number of such scenes, of both kinds, after which the run ends.
const WAITS_MAX: u32 = 10;

/// The time after a loss within which the end of the target's process is noticed.
const EXIT_TIME_MAX: Duration = Duration::from_millis(300);

/// The causes for which further scenes are not run.
const GONE: &str = "the target is gone and could not be started again";
const LOST_TOO_OFTEN: &str = "the target was lost eight times";
const WAITED_TOO_OFTEN: &str = "clients have waited in vain in ten scenes";
const SERVES_NO_NEW_CLIENT: &str = "the target serves no new client";
const SERVES_TOO_FEW: &str = "the target does not serve the bystanders even without a fault";

/// How often a target is started until it is gone.
const STARTS_MAX: u32 = 3;

/// The limit on connections that are opened at the same time, above the size of any crowd.
const OPENINGS_AT_ONCE_MAX: u32 = 4096;

/// Runs a schedule until its end or the time limit. Calls `print` with each outcome once it is final.
pub(crate) async fn run(
    schedule: &Schedule,
    terms: &RunTerms,
    target: &mut Target,
    recorder: &Recorder,
    limits: &mut RunLimits,
    bar: &SceneBar,
    mut print: impl FnMut(&SceneOutcome),
) -> RunOutcome {
    let Schedule { protocol, seed, .. } = *schedule;
    let invariant = (protocol.invariant)();
    let mut runner = Runner {
        protocol,
        seed,
        terms,
        target,
        recorder,
        limits,
        bar,
        invariant,
        known: Known::default(),
        waits: 0,
        has_served: false,
        start_error: None,
    };
    let mut run = RunOutcome::default();
    let target = &runner.target;
    let (mut remaining, mut skipped) = works(schedule, target, terms);
    // Scenes to repeat, and the scene that the next sequel follows.
    let (mut repeatable, mut before_sequel) = (Vec::new(), None);
    let mut gone = None;
    while !remaining.is_empty() && runner.limits.reached_limit().is_none() {
        // The baseline decides how later scenes send lines.
        let is_baseline = remaining.front().is_some_and(|work| work.scene.fault.is_baseline);
        let count = if is_baseline { 1 } else { remaining.len() };
        let quiet = if run.timelines.is_empty() { QUIET } else { QUIET_LATER };
        let session = runner.run_session(&remaining.make_contiguous()[..count], quiet).await;
        let done = session.begun.min(remaining.len());
        let works: Vec<Work> = remaining.drain(..done).collect();
        let mut ended_by = None;
        for (work, outcome) in works.into_iter().zip(session.outcomes) {
            // The end of an earlier session, or of the connections by which chaos sees that a process serves, may have done harm.
            let may_have_cause = session.is_later || run.outcomes.iter().any(SceneOutcome::is_harmed);
            if outcome.harm.is_without_fault && !may_have_cause {
                gone = Some(SERVES_TOO_FEW);
            }
            let outcome = joined(before_sequel.take(), &work, outcome);
            if outcome.harm.has_ended_target && !work.is_sequel {
                ended_by = Some((work, outcome));
            } else if outcome.harm.is_repeatable() && !work.is_sequel {
                repeatable.push(outcome);
            } else {
                print(&outcome);
                run.outcomes.push(outcome);
            }
        }
        if is_baseline && runner.known.lost_lines.is_some() {
            remaining = remaining.into_iter().map(Work::line_by_line).collect();
        }
        run.timelines.push(session.timeline);
        if gone.is_some() {
            break;
        }
        if let Some((work, mut outcome)) = ended_by {
            let serves = runner.restore(true).await;
            let is_interrupted = runner.limits.reached_limit().is_some();
            if !serves && !is_interrupted && !runner.lacks_resources() {
                outcome.harm = outcome.harm.not_serving_again(work.scene.fault.clause);
            }
            if let (Some(sequel), true) = (work.scene.sequel, serves) {
                remaining.push_front(Work::sequel(work.scene, sequel, &outcome.replies));
                before_sequel = Some(outcome);
            } else {
                print(&outcome);
                run.outcomes.push(outcome);
            }
            if !serves && !is_interrupted && !runner.restore(true).await {
                gone = Some(GONE);
                break;
            }
        } else if let Some(halt) = session.halt {
            run.losses += u32::from(halt == Halt::Lost);
            if run.losses == LOSSES_MAX || runner.waits >= WAITS_MAX {
                gone = Some(if halt == Halt::Lost { LOST_TOO_OFTEN } else { WAITED_TOO_OFTEN });
                break;
            }
            let is_stuck = halt == Halt::Stuck;
            if !remaining.is_empty() && !runner.restore(is_stuck).await {
                if runner.limits.reached_limit().is_some() {
                    break;
                }
                gone = Some(if is_stuck { SERVES_NO_NEW_CLIENT } else { GONE });
                break;
            }
        } else if done == 0 {
            break;
        }
    }
    // A target that does not serve the bystanders decides nothing when it is asked again.
    let repeated = if gone == Some(SERVES_TOO_FEW) { repeatable } else { runner.repeat(repeatable).await };
    for outcome in repeated {
        print(&outcome);
        run.outcomes.push(outcome);
    }
    let harm =
        runner.harm_of_the_rest(gone, run.outcomes.iter().any(|outcome| outcome.is_failed(terms.is_strict)));
    let left_out =
        |work: Work| joined(before_sequel.take(), &work, SceneOutcome::without(work.scene, harm.clone()));
    run.outcomes.extend(remaining.into_iter().map(left_out));
    run.outcomes.append(&mut skipped);
    run
}

/// The scenes that ran against one target process.
struct Session {
    outcomes: Vec<SceneOutcome>,
    timeline: Timeline,
    /// The number of scenes that have begun.
    begun: usize,
    /// Why no further scene could be run against the process, if there is a reason.
    halt: Option<Halt>,
    /// Whether the process has served an earlier session.
    is_later: bool,
}

/// The state that all sessions of a run share.
struct Runner<'r> {
    protocol: &'static ChaosProtocol,
    seed: u64,
    terms: &'r RunTerms,
    target: &'r mut Target,
    recorder: &'r Recorder,
    limits: &'r mut RunLimits,
    bar: &'r SceneBar,
    /// The invariant spans all sessions: requests lost in an earlier one may still take effect.
    invariant: Box<dyn Invariant>,
    known: Known,
    /// The number of scenes with harm in which clients, or newcomers, have waited for a reply in vain.
    waits: u32,
    /// Whether the process of the target has served a session.
    has_served: bool,
    /// Why the target could not be started again the last time.
    start_error: Option<Error>,
}

impl Runner<'_> {
    /// Restores the target after a loss. One at an address cannot be started again. Returns whether it serves a new client.
    async fn restore(&mut self, was_stuck: bool) -> bool {
        let Self { target, protocol, terms, limits, has_served, start_error, .. } = self;
        let restored = async {
            *has_served = false;
            for start in 1..=STARTS_MAX {
                *start_error = target.revive().await.err();
                // Another program may have taken the port that was free before.
                let may_succeed = matches!(start_error, Some(Error::EndedEarly { .. } | Error::Taken(_)));
                if !may_succeed || start == STARTS_MAX {
                    break;
                }
            }
            start_error.is_none()
                && (!was_stuck || target.answers(protocol.newcomer.request, terms.reply_timeout).await)
        };
        tokio::select! {
            is_restored = restored => is_restored,
            _ = limits.reached() => false,
        }
    }

    /// Returns whether a process could not be started because this machine lacks a resource.
    fn lacks_resources(&self) -> bool {
        self.start_error.as_ref().is_some_and(Error::is_shortage)
    }

    /// Returns the verdict on the scenes that have not run: they decide nothing, unless the run has failed anyway, or was to be short.
    fn harm_of_the_rest(&self, gone: Option<&str>, has_failed: bool) -> Harm {
        let Some(cause) = gone else {
            return match self.limits.reached_limit() {
                Some(Ending::Interrupted) => Harm::undecided("the run was interrupted"),
                _ if self.terms.has_own_limit => Harm::not_run("the time limit of the run was reached"),
                _ => Harm::undecided("the time limit of a run was reached: --duration sets a longer one"),
            };
        };
        let error = self.start_error.as_ref().filter(|_| cause == GONE);
        let cause = error.map_or_else(|| cause.to_owned(), |error| format!("{cause}: {error}"));
        if has_failed { Harm::not_run(&cause) } else { Harm::undecided(&cause) }
    }

    /// Repeats scenes and returns the last outcome of each. Another process makes each repetition, where chaos can start one: a
    /// target that stalled once may stall again.
    async fn repeat(&mut self, mut outcomes: Vec<SceneOutcome>) -> Vec<SceneOutcome> {
        let mut decided = Vec::new();
        for repetition in 1..=REPETITIONS_MAX {
            if outcomes.is_empty() || self.limits.reached_limit().is_some() || !self.restore(false).await {
                break;
            }
            let works: Vec<Work> = outcomes.iter().map(|outcome| Work::of(outcome.scene)).collect();
            let session = self.run_session(&works, QUIET_AGAIN).await;
            let again = session.outcomes.into_iter().take(session.begun);
            for (outcome, again) in outcomes.iter_mut().zip(again) {
                *outcome = SceneOutcome { repetitions: repetition, ..again };
            }
            let is_open = |outcome: &SceneOutcome| {
                let is_undecided = outcome.harm.verdict == Verdict::Unknown
                    && (self.terms.is_strict || !outcome.harm.is_only_slow);
                outcome.harm.is_repeatable() && (is_undecided || repetition < SLOW_REPETITIONS_MAX)
            };
            let (open, closed) = outcomes.into_iter().partition(is_open);
            outcomes = open;
            decided.extend::<Vec<SceneOutcome>>(closed);
        }
        decided.append(&mut outcomes);
        let reason = match self.limits.reached_limit() {
            Some(_) => "the run ended before another process could show it",
            None => "the target could not be started again to show it once more",
        };
        let is_seen_once = |outcome: &&mut SceneOutcome| {
            outcome.repetitions == 0 && outcome.harm.is_only_slow && outcome.harm.verdict == Verdict::Warn
        };
        for outcome in decided.iter_mut().filter(is_seen_once) {
            outcome.harm = outcome.harm.clone().unconfirmed(reason);
        }
        decided
    }

    async fn run_session(&mut self, works: &[Work], quiet: Duration) -> Session {
        let Self { protocol, seed, terms, target, recorder, limits, bar, invariant, known, waits, .. } = self;
        let is_short = *waits >= LONG_WAITS_MAX;
        let reply_timeout = if is_short { terms.reply_timeout.min(SHORT_WAIT) } else { terms.reply_timeout };
        let (protocol, seed): (&'static ChaosProtocol, u64) = (*protocol, *seed);
        let planned: Vec<Planned> = works.iter().map(|work| work.plan(protocol, seed)).collect();
        // Without a free port, the scenes that need the relay are inconclusive.
        let relay = Relay::start("relay", target.addr().to_string(), seed).await.ok().map(Rc::new);
        let steps = works.iter().map(|work| work.case.id.to_owned()).collect();
        let plan_sha256 = Schedule { protocol, seed, steps }.sha256();
        let (workload, params) = (protocol.workload.to_owned(), terms.options.clone());
        recorder.begin(&Header { history: VERSION, workload, params, plan_sha256 });
        let invariant = std::mem::replace(invariant, (protocol.invariant)());
        let scenes: Vec<(Scene, Rc<CasePlan>)> = works
            .iter()
            .zip(&planned)
            .map(|(work, planned)| (work.scene, Rc::clone(&planned.plan)))
            .collect();
        let collector = Rc::new(RefCell::new(RunCollector::new(protocol, &scenes, invariant, reply_timeout)));
        let observer = {
            let (collector, recorder, bar) = (Rc::clone(&collector), recorder.clone(), bar.clone());
            let ids: Vec<&'static str> = works.iter().map(|work| work.case.id).collect();
            move |event: &Event<'_>| {
                recorder.record(event);
                if let (CONDUCTOR, EventKind::Marked(number)) = (event.client, &event.event)
                    && let (step, Part::Fault) = marked(*number)
                    && let Some(id) = ids.get(step)
                {
                    bar.begin(id);
                }
                collector.borrow_mut().observe(event)
            }
        };
        let bystanders = (0..BYSTANDERS).map(|number| Client::Bystander((protocol.bystander)(number, seed)));
        let conductor = Client::Conductor(Box::new(Conductor::new(protocol, quiet, planned)));
        let others = [conductor, Client::Timekeeper(Timekeeper::new())];
        let drive_limits =
            Limits { openings_at_once_max: OPENINGS_AT_ONCE_MAX, ..Limits::gentle(reply_timeout) };
        let process: Box<dyn Process> = Box::new(Environment::new(
            target.process(),
            relay,
            Rc::clone(&terms.dependencies),
            Rc::clone(&terms.disk),
        ));
        let framing = protocol.dialect.framing;
        let scripts = bystanders.chain(others).collect();
        let addr = target.addr();
        let has_ended = Cell::new(false);
        let until = async {
            tokio::select! {
                ending = limits.reached() => ending,
                () = target.wait_for_container_end() => {
                    has_ended.set(true);
                    Ending::Stopped
                }
            }
        };
        let ending = drive(addr, scripts, framing, drive_limits, process, observer, until).await;
        recorder.end(ending);
        // The driver's observer may still share the collector.
        let mut collector =
            collector.replace(RunCollector::new(protocol, &[], (protocol.invariant)(), reply_timeout));
        if has_ended.get() {
            collector.lose();
        }
        let halt = collector.halt();
        if halt == Some(Halt::Lost) {
            let ended = target.ended(EXIT_TIME_MAX).await;
            let how = ended.map_or("the target refuses connections".to_owned(), |ended| {
                format!("the target's process ended: {ended}")
            });
            collector.note_lost(&how);
        }
        let begun = collector.begun();
        // The scene that the time limit cut off is not judged.
        let is_cut = halt != Some(Halt::Lost) && !collector.is_conducted() && ending != Ending::Stopped;
        let (mut outcomes, timeline, invariant) = collector.finish(known);
        if is_short {
            for outcome in &mut outcomes {
                outcome.harm.note_short_waits();
            }
        }
        self.invariant = invariant;
        let begun = if is_cut { begun.saturating_sub(1) } else { begun };
        let is_harmed = outcomes.iter().any(SceneOutcome::is_harmed);
        self.waits += u32::from(matches!(halt, Some(Halt::Waited | Halt::Stuck)) && is_harmed);
        let is_later = std::mem::replace(&mut self.has_served, true);
        Session { outcomes, timeline, begun, halt, is_later }
    }
}
