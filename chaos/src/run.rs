//! Runs scenes against a target, one after the other, and comes to an outcome for each, whatever becomes of the target.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use conformance::case::Case;
use conformance::plan::CasePlan;
use driver::drive::Limits;
use driver::drive::Process;
use driver::drive::drive;
use driver::history::Ending;
use driver::history::Event;
use driver::history::EventKind;
use driver::history::Header;
use driver::history::Params;
use driver::history::VERSION;
use driver::recorder::Recorder;
use driver::run_limits::RunLimits;
use target::Choice;
use target::Target;

use crate::fault::Scene;
use crate::judge::{Outcome, RunJudge, Timeline};
use crate::kit::{Kit, Truth};
use crate::schedule::Schedule;
use crate::scorecard::SceneBar;
use crate::scripts::{BYSTANDERS, CONDUCTOR, Client, Conductor, Heard, Part, Planned, Timekeeper, marked};
use crate::stage::{Relay, Stage};

/// What decides how scenes are run.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How long a reply may take.
    pub reply_timeout: Duration,
    /// Where the target comes from.
    pub choice: Choice,
    /// The flags that decide the schedule, by name: they stand in the history.
    pub options: Params,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Ran {
    /// Each scene that was run, or could not be, in order.
    pub outcomes: Vec<Outcome>,
    /// What was measured, a part for each time that the target was started.
    pub timelines: Vec<Timeline>,
    /// How often the target was lost.
    pub losses: u32,
}

/// A target that is lost more often than this is not started again.
const LOSSES_MAX: u32 = 8;

/// How often a scene is tried again of which nothing is known but that it slowed others down: a busy machine does that
/// too, but not each time.
const TRIES_AGAIN: u32 = 2;

/// How long after a loss it is looked whether the target's process has ended.
const DEATH_PATIENCE: Duration = Duration::from_millis(300);

/// Crowds are a fault's own business: nobody holds them back.
const OPENINGS_AT_ONCE_MAX: u32 = 4096;

/// Runs a schedule until it or the time is over.
pub async fn run(
    schedule: &Schedule,
    terms: &Terms,
    target: &mut Target,
    recorder: &Recorder,
    limits: &mut RunLimits,
    bar: &SceneBar,
    mut say: impl FnMut(&Outcome),
) -> Ran {
    let Schedule { kit, seed, .. } = *schedule;
    let truth = (kit.truth)();
    let mut runner = Runner { kit, seed, terms, target, recorder, limits, bar, truth };
    let mut ran = Ran::default();
    let target = &runner.target;
    let (mut left, mut impossible) = (VecDeque::new(), Vec::new());
    for scene in schedule.scenes() {
        match obstacle(&scene, target, &terms.choice) {
            None => left.push_back(Work::of(scene)),
            Some(cause) => impossible.push(Outcome::not_run(scene, &cause)),
        }
    }
    // Those that slowed others down, and the one that a sequel is to follow.
    let (mut slow, mut begun_before) = (Vec::new(), None);
    while !left.is_empty() && runner.limits.reached_limit().is_none() {
        let session = runner.run_session(left.make_contiguous()).await;
        let done = session.begun.min(left.len());
        let works: Vec<Work> = left.drain(..done).collect();
        for (work, outcome) in works.into_iter().zip(session.outcomes) {
            let outcome = joined(begun_before.take(), &work, outcome);
            if let (Some(sequel), false, true) = (work.scene.sequel, work.is_sequel, outcome.has_ended_target)
            {
                left.push_front(Work::sequel(work.scene, sequel, &outcome.heard));
                begun_before = Some(outcome);
            } else if outcome.is_only_slow {
                slow.push(outcome);
            } else {
                say(&outcome);
                ran.outcomes.push(outcome);
            }
        }
        ran.timelines.push(session.timeline);
        if session.is_lost {
            ran.losses += u32::from(!session.is_ended_on_purpose);
            if ran.losses == LOSSES_MAX || runner.target.revive().await.is_err() {
                break;
            }
        } else if done == 0 {
            break;
        }
    }
    for outcome in slow {
        let outcome = runner.try_again(outcome).await;
        say(&outcome);
        ran.outcomes.push(outcome);
    }
    let cause =
        if ran.losses > 0 { "the target was lost, and is not back" } else { "the time for the run was over" };
    let not_run = |work: Work| joined(begun_before.take(), &work, Outcome::not_run(work.scene, cause));
    ran.outcomes.extend(left.into_iter().map(not_run));
    ran.outcomes.append(&mut impossible);
    ran
}

/// What stands in a scene's way, if anything does.
fn obstacle(scene: &Scene, target: &Target, choice: &Choice) -> Option<String> {
    if scene.fault.needs_process && !target.is_started() {
        return Some(
            "it needs a target that is started for the run: --exec, or the built-in server".to_owned(),
        );
    }
    choice.missing_setting(scene.fault.needs_settings)
}

/// What something came to, together with what it follows, if it is a sequel.
fn joined(before: Option<Outcome>, work: &Work, outcome: Outcome) -> Outcome {
    match before {
        Some(before) if work.is_sequel => outcome.after(before),
        _ => outcome,
    }
}

/// A scene that is to be run, or its sequel.
#[derive(Debug)]
struct Work {
    scene: Scene,
    case: &'static Case,
    is_sequel: bool,
    heard: Rc<Heard>,
}

impl Work {
    fn of(scene: Scene) -> Self {
        Self { scene, case: scene.case, is_sequel: false, heard: Rc::default() }
    }

    fn sequel(scene: Scene, case: &'static Case, heard: &Heard) -> Self {
        Self { scene, case, is_sequel: true, heard: Rc::new(heard.clone()) }
    }

    fn plan(&self, kit: &'static Kit, seed: u64) -> Planned {
        let plan = Rc::new(CasePlan::new(kit.dialect, self.case, seed, Duration::ZERO));
        Planned { plan, heard: Rc::clone(&self.heard) }
    }
}

/// Scenes with one and the same target, up to its loss.
struct Session {
    outcomes: Vec<Outcome>,
    timeline: Timeline,
    /// How many of the scenes have begun.
    begun: usize,
    is_lost: bool,
    /// Whether a fault was to end the target.
    is_ended_on_purpose: bool,
}

/// What every session of a run needs.
struct Runner<'r> {
    kit: &'static Kit,
    seed: u64,
    terms: &'r Terms,
    target: &'r mut Target,
    recorder: &'r Recorder,
    limits: &'r mut RunLimits,
    bar: &'r SceneBar,
    /// What was lost in earlier sessions may still happen.
    truth: Box<dyn Truth>,
}

impl Runner<'_> {
    /// The best of some more tries.
    async fn try_again(&mut self, first: Outcome) -> Outcome {
        let mut best = first;
        for _ in 0..TRIES_AGAIN {
            if !best.is_only_slow || self.limits.reached_limit().is_some() {
                break;
            }
            let mut session = self.run_session(&[Work::of(best.scene)]).await;
            match session.outcomes.pop() {
                Some(outcome) if session.begun > 0 => best = outcome,
                _ => break,
            }
        }
        best
    }

    async fn run_session(&mut self, works: &[Work]) -> Session {
        let Self { kit, seed, terms, target, recorder, limits, bar, truth } = self;
        let (kit, seed): (&'static Kit, u64) = (*kit, *seed);
        let planned: Vec<Planned> = works.iter().map(|work| work.plan(kit, seed)).collect();
        // Where there is no port for it the scenes that need it say so.
        let relay = Relay::start(target.addr(), seed).await.ok().map(Rc::new);
        let steps = works.iter().map(|work| work.case.id.to_owned()).collect();
        let plan_sha256 = Schedule { kit, seed, steps }.sha256();
        let (workload, params) = (kit.workload.to_owned(), terms.options.clone());
        recorder.begin(&Header { history: VERSION, workload, params, plan_sha256 });
        let truth = std::mem::replace(truth, (kit.truth)());
        let judged: Vec<(Scene, Rc<CasePlan>)> = works
            .iter()
            .zip(&planned)
            .map(|(work, planned)| (work.scene, Rc::clone(&planned.plan)))
            .collect();
        let judge = Rc::new(RefCell::new(RunJudge::new(kit, &judged, truth)));
        let observer = {
            let (judge, recorder, bar) = (Rc::clone(&judge), recorder.clone(), bar.clone());
            let ids: Vec<&'static str> = works.iter().map(|work| work.case.id).collect();
            move |event: &Event<'_>| {
                recorder.record(event);
                if let (CONDUCTOR, EventKind::Marked(number)) = (event.client, &event.event)
                    && let (step, Part::Fault) = marked(*number)
                    && let Some(id) = ids.get(step)
                {
                    bar.begin(id);
                }
                let is_over = event.client == CONDUCTOR && event.event == EventKind::ClientDone;
                let observed = judge.borrow_mut().observe(event);
                if is_over { ControlFlow::Break(()) } else { observed }
            }
        };
        let bystanders = (0..BYSTANDERS).map(|number| Client::Bystander((kit.bystander)(number, seed)));
        let conductor = Client::Conductor(Box::new(Conductor::new(kit, planned)));
        let others = [conductor, Client::Timekeeper(Timekeeper::new())];
        let drive_limits = Limits {
            reply_timeout: terms.reply_timeout,
            reply_timeout_after_one: terms.reply_timeout,
            clients_at_once_max: usize::MAX,
            openings_at_once_max: OPENINGS_AT_ONCE_MAX,
        };
        let process: Box<dyn Process> = match relay {
            Some(relay) => Box::new(Stage { process: target.process(), relay }),
            None => target.process(),
        };
        let framing = kit.dialect.framing;
        let scripts = bystanders.chain(others).collect();
        let until = limits.reached();
        let ending = drive(target.addr(), scripts, framing, drive_limits, process, observer, until).await;
        recorder.end(ending);
        // The driver's tasks are gone, and with them their hold on the judge.
        let mut judge = judge.replace(RunJudge::new(kit, &[], (kit.truth)()));
        let begun = judge.begun();
        let is_lost = judge.is_lost();
        if is_lost {
            let ended = target.ended(DEATH_PATIENCE).await;
            let how = ended.map_or("nothing takes connections any more".to_owned(), |ended| {
                format!("its process ended: {ended}")
            });
            judge.lose(&how);
        }
        // What was under way when the time was over was not harmed by that.
        let is_cut = !is_lost && ending != Ending::Stopped;
        let (outcomes, timeline, truth) = judge.finish();
        self.truth = truth;
        let begun = if is_cut { begun.saturating_sub(1) } else { begun };
        let is_ended_on_purpose =
            is_lost && begun.checked_sub(1).is_some_and(|last| works[last].scene.fault.ends_target);
        Session { outcomes, timeline, begun, is_lost, is_ended_on_purpose }
    }
}
