//! Runs the scenes of a schedule against a target. Every scene has an outcome, even if the target dies.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use conformance::case::Case;
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
use protocol::Clause;
use target::Choice;
use target::Target;
use verdict::Verdict;

use crate::chaos_protocol::{ChaosProtocol, Invariant};
use crate::collect::RunCollector;
use crate::dependencies::Dependencies;
use crate::environment::Environment;
use crate::fault::Scene;
use crate::harm::Harm;
use crate::outcome::{Replies, RunOutcome, SceneOutcome, Timeline};
use crate::progress::SceneBar;
use crate::relay::Relay;
use crate::schedule::Schedule;
use crate::scripts::{Client, Conductor, Planned, Timekeeper};
use crate::timing::{BYSTANDERS, CONDUCTOR, Part, marked};

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
    /// Why faults of packets cannot be made, if they cannot.
    pub(crate) packets_cause: Option<String>,
}

/// The number of losses after which the target is not started again.
const LOSSES_MAX: u32 = 8;

/// How often scenes are repeated whose only finding is slow replies, and those that are undecided: a busy machine is a reason for
/// both, but not every time. Undecided latency matters only if a violated SHOULD is a failure.
const SLOW_REPETITIONS_MAX: u32 = 2;
const REPETITIONS_MAX: u32 = 5;

/// The time after a loss within which the end of the target's process is noticed.
const EXIT_TIME_MAX: Duration = Duration::from_millis(300);

/// The causes for which further scenes are not run.
const GONE: &str = "the target is gone and could not be started again";
const LOST_TOO_OFTEN: &str = "the target was lost eight times";
const SERVES_NO_NEW_CLIENT: &str = "the target serves no new client";
const SERVES_TOO_FEW: &str = "the target does not serve the bystanders even without a fault";

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
    let mut runner =
        Runner { protocol, seed, terms, target, recorder, limits, bar, invariant, lost_lines: None };
    let mut run = RunOutcome::default();
    let target = &runner.target;
    let (mut remaining, mut skipped) = (VecDeque::new(), Vec::new());
    for scene in schedule.scenes() {
        match skip_reason(&scene, target, terms) {
            None => remaining.push_back(Work::of(scene)),
            Some(cause) => skipped.push(SceneOutcome::not_run(scene, &cause)),
        }
    }
    // Scenes to repeat, and the scene that the next sequel follows.
    let (mut repeatable, mut before_sequel) = (Vec::new(), None);
    let mut gone = None;
    while !remaining.is_empty() && runner.limits.reached_limit().is_none() {
        // The baseline decides how later scenes send lines.
        let is_baseline = remaining.front().is_some_and(|work| work.scene.fault.is_baseline);
        let count = if is_baseline { 1 } else { remaining.len() };
        let session = runner.run_session(&remaining.make_contiguous()[..count]).await;
        let done = session.begun.min(remaining.len());
        let works: Vec<Work> = remaining.drain(..done).collect();
        let mut ended_by = None;
        for (work, outcome) in works.into_iter().zip(session.outcomes) {
            if outcome.harm.is_without_fault {
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
        if is_baseline && runner.lost_lines.is_some() {
            remaining = remaining.into_iter().map(Work::line_by_line).collect();
        }
        run.timelines.push(session.timeline);
        if gone.is_some() {
            break;
        }
        if let Some((work, mut outcome)) = ended_by {
            let serves = runner.restore(true).await;
            let is_interrupted = runner.limits.reached_limit().is_some();
            if !serves && !is_interrupted {
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
        } else if session.is_lost || session.is_stuck {
            run.losses += 1;
            if run.losses == LOSSES_MAX {
                gone = Some(LOST_TOO_OFTEN);
                break;
            }
            if !remaining.is_empty() && !runner.restore(session.is_stuck).await {
                gone = Some(if session.is_stuck { SERVES_NO_NEW_CLIENT } else { GONE });
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
    let harm = match gone {
        Some(cause) => Harm::not_run(cause),
        None if runner.limits.reached_limit() == Some(Ending::Interrupted) => {
            Harm::undecided("the run was interrupted")
        }
        None if terms.has_own_limit => Harm::not_run("the time limit of the run was reached"),
        None => Harm::undecided("the time limit of a run was reached: --duration sets a longer one"),
    };
    let left_out =
        |work: Work| joined(before_sequel.take(), &work, SceneOutcome::without(work.scene, harm.clone()));
    run.outcomes.extend(remaining.into_iter().map(left_out));
    run.outcomes.append(&mut skipped);
    run
}

/// Returns the reason why a scene cannot run against this target.
fn skip_reason(scene: &Scene, target: &Target, terms: &RunTerms) -> Option<String> {
    if scene.fault.needs_dependency && terms.dependencies.is_empty() {
        return Some("the fault needs a service that the target uses: --through names one".to_owned());
    }
    if let (true, Some(cause)) = (scene.fault.needs_packets, &terms.packets_cause) {
        return Some(cause.clone());
    }
    if scene.fault.needs_packets && !target.is_started() {
        return Some(
            "the fault needs a target that chaos starts: use --exec or the built-in server".to_owned(),
        );
    }
    if scene.fault.needs_process && !target.is_started() {
        return Some(
            "the fault needs a process that chaos starts: use --exec or the built-in server".to_owned(),
        );
    }
    if scene.fault.needs_output && matches!(terms.choice, Choice::Image { .. }) {
        return Some("the output of a container cannot be blocked".to_owned());
    }
    terms.choice.missing_setting(scene.fault.needs_settings)
}

/// Combines the outcome of a sequel with that of the scene before it.
fn joined(before: Option<SceneOutcome>, work: &Work, outcome: SceneOutcome) -> SceneOutcome {
    match before {
        Some(before) if work.is_sequel => outcome.after(before),
        _ => outcome,
    }
}

/// A scene to run, or its sequel.
#[derive(Debug)]
struct Work {
    scene: Scene,
    case: &'static Case,
    is_sequel: bool,
    replies: Rc<Replies>,
}

impl Work {
    fn of(scene: Scene) -> Self {
        Self { scene, case: scene.case, is_sequel: false, replies: Rc::default() }
    }

    fn sequel(scene: Scene, case: &'static Case, replies: &Replies) -> Self {
        Self { scene, case, is_sequel: true, replies: Rc::new(replies.clone()) }
    }

    /// Returns the same work for a target that loses lines which arrive together.
    fn line_by_line(self) -> Self {
        if self.is_sequel { self } else { Self::of(self.scene.line_by_line()) }
    }

    fn plan(&self, protocol: &'static ChaosProtocol, seed: u64) -> Planned {
        let plan = Rc::new(CasePlan::new(protocol.dialect, self.case, seed, Duration::ZERO));
        Planned { plan, replies: Rc::clone(&self.replies) }
    }
}

/// The scenes that ran against one target process.
struct Session {
    outcomes: Vec<SceneOutcome>,
    timeline: Timeline,
    /// The number of scenes that have begun.
    begun: usize,
    is_lost: bool,
    /// Whether the target no longer serves new clients.
    is_stuck: bool,
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
    /// The clause of a target that loses lines which arrive together, once a baseline has shown that.
    lost_lines: Option<Clause>,
}

impl Runner<'_> {
    /// Restores the target after a loss. One at an address cannot be started again. Returns whether it serves a new client.
    async fn restore(&mut self, was_stuck: bool) -> bool {
        let Self { target, protocol, terms, limits, .. } = self;
        let restored = async {
            if target.revive().await.is_err() {
                return false;
            }
            !was_stuck || target.answers(protocol.newcomer.request, terms.reply_timeout).await
        };
        tokio::select! {
            is_restored = restored => is_restored,
            _ = limits.reached() => false,
        }
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
            let session = self.run_session(&works).await;
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
        decided
    }

    async fn run_session(&mut self, works: &[Work]) -> Session {
        let Self { protocol, seed, terms, target, recorder, limits, bar, invariant, lost_lines } = self;
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
        let collector =
            Rc::new(RefCell::new(RunCollector::new(protocol, &scenes, invariant, terms.reply_timeout)));
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
        let conductor = Client::Conductor(Box::new(Conductor::new(protocol, planned)));
        let others = [conductor, Client::Timekeeper(Timekeeper::new())];
        let drive_limits =
            Limits { openings_at_once_max: OPENINGS_AT_ONCE_MAX, ..Limits::gentle(terms.reply_timeout) };
        let process: Box<dyn Process> =
            Box::new(Environment::new(target.process(), relay, Rc::clone(&terms.dependencies)));
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
        // A target that was lost during a fault of its services finds them unharmed when it is started again.
        terms.dependencies.end();
        // The driver's observer may still share the collector.
        let mut collector =
            collector.replace(RunCollector::new(protocol, &[], (protocol.invariant)(), terms.reply_timeout));
        if has_ended.get() {
            collector.lose();
        }
        let is_lost = collector.is_lost();
        if is_lost {
            let ended = target.ended(EXIT_TIME_MAX).await;
            let how = ended.map_or("the target refuses connections".to_owned(), |ended| {
                format!("the target's process ended: {ended}")
            });
            collector.note_lost(&how);
        }
        let begun = collector.begun();
        // The scene that the time limit cut off is not judged.
        let is_cut = !is_lost && !collector.is_conducted() && ending != Ending::Stopped;
        let is_stuck = collector.is_stuck();
        let (outcomes, timeline, invariant) = collector.finish(lost_lines);
        self.invariant = invariant;
        let begun = if is_cut { begun.saturating_sub(1) } else { begun };
        Session { outcomes, timeline, begun, is_lost, is_stuck }
    }
}
