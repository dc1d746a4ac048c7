//! Runs scenes against a target, one after the other, and comes to an outcome for each, whatever becomes of the target.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use harness::bounds::Bounds;
use harness::drive::{Ending, Limits, Process, drive};
use harness::history::{Event, Header, VERSION, What};
use harness::listening::Listening;
use harness::suite::INDEX;
use harness::suite::plan::CasePlan;
use harness::targets::Target;
use harness::truth::Collector;
use protocol::index::Index;
use protocol::{Lines, Protocol};

use crate::fault::Scene;
use crate::judge::{Outcome, RunJudge, Timeline, nothing_lost};
use crate::report::SceneBar;
use crate::schedule::Schedule;
use crate::scripts::{BYSTANDERS, Bystander, CONDUCTOR, Client, Conductor, Part, Timekeeper, marked};
use crate::stage::{Relay, Stage};

/// What decides how scenes are run.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How long a reply may take.
    pub reply_timeout: Duration,
    /// The flags that decide the schedule, by name: they stand in the history.
    pub options: std::collections::BTreeMap<String, String>,
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
    listening: &Listening,
    bounds: &mut Bounds,
    bar: &SceneBar,
    mut say: impl FnMut(&Outcome),
) -> Ran {
    let mut runner =
        Runner { seed: schedule.seed, terms, target, listening, bounds, bar, collector: nothing_lost() };
    let mut ran = Ran::default();
    let target = &runner.target;
    let is_possible = |scene: &&'static Scene| target.is_started() || !scene.fault.needs_process;
    let (mut left, impossible): (Vec<_>, Vec<_>) = schedule.scenes().into_iter().partition(is_possible);
    let mut slow = Vec::new();
    while !left.is_empty() && runner.bounds.came().is_none() {
        let session = runner.run_session(&left).await;
        let done = session.begun.min(left.len());
        left.drain(..done);
        for outcome in session.outcomes.into_iter().take(done) {
            if outcome.is_only_slow {
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
    ran.outcomes.extend(left.into_iter().map(|scene| Outcome::not_run(scene, cause)));
    let cause = "it needs a target that is started for the run: --exec, or the built-in server";
    ran.outcomes.extend(impossible.into_iter().map(|scene| Outcome::not_run(scene, cause)));
    ran
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
    seed: u64,
    terms: &'r Terms,
    target: &'r mut Target,
    listening: &'r Listening,
    bounds: &'r mut Bounds,
    bar: &'r SceneBar,
    /// What was lost in earlier sessions may still happen.
    collector: Collector<Lines>,
}

impl Runner<'_> {
    /// The best of some more tries.
    async fn try_again(&mut self, first: Outcome) -> Outcome {
        let mut best = first;
        for _ in 0..TRIES_AGAIN {
            if !best.is_only_slow || self.bounds.came().is_some() {
                break;
            }
            let mut session = self.run_session(&[best.scene]).await;
            match session.outcomes.pop() {
                Some(outcome) if session.begun > 0 => best = outcome,
                _ => break,
            }
        }
        best
    }

    async fn run_session(&mut self, scenes: &[&'static Scene]) -> Session {
        let Self { seed, terms, target, listening, bounds, bar, collector } = self;
        let seed = *seed;
        let planned: Vec<(&'static Scene, Rc<CasePlan>)> = scenes
            .iter()
            .map(|&scene| (scene, Rc::new(CasePlan::new(INDEX.dialect, scene.case, seed, Duration::ZERO))))
            .collect();
        // Where there is no port for it the scenes that need it say so.
        let relay = Relay::start(target.addr(), seed).await.ok().map(Rc::new);
        let steps = scenes.iter().map(|scene| scene.case.id.to_owned()).collect();
        let plan_sha256 = Schedule { seed, steps }.sha256();
        let workload = "index/chaos".to_owned();
        listening.begin(&Header { history: VERSION, workload, options: terms.options.clone(), plan_sha256 });
        let collector = std::mem::replace(collector, nothing_lost());
        let judge = Rc::new(RefCell::new(RunJudge::new(&planned, collector)));
        let observer = {
            let (judge, listening, bar) = (Rc::clone(&judge), listening.clone(), bar.clone());
            let ids: Vec<&'static str> = scenes.iter().map(|scene| scene.case.id).collect();
            move |event: &Event<'_>| {
                listening.hear(event);
                if let (CONDUCTOR, What::Marked(number)) = (event.client, &event.event)
                    && let (step, Part::Fault) = marked(*number)
                    && let Some(id) = ids.get(step)
                {
                    bar.begin(id);
                }
                let is_over = event.client == CONDUCTOR && event.event == What::ClientDone;
                let observed = judge.borrow_mut().observe(event);
                if is_over { ControlFlow::Break(()) } else { observed }
            }
        };
        let plans = planned.into_iter().map(|(_, plan)| plan).collect();
        let bystanders = (0..BYSTANDERS).map(|number| Client::Bystander(Bystander::new(number, seed)));
        let others =
            [Client::Conductor(Box::new(Conductor::new(plans))), Client::Timekeeper(Timekeeper::new())];
        let limits = Limits {
            reply_timeout: terms.reply_timeout,
            reply_timeout_after_one: terms.reply_timeout,
            clients_at_once_max: usize::MAX,
            openings_at_once_max: OPENINGS_AT_ONCE_MAX,
        };
        let process: Box<dyn Process> = match relay {
            Some(relay) => Box::new(Stage { process: target.process(), relay }),
            None => target.process(),
        };
        let framing = Index::framing;
        let scripts = bystanders.chain(others).collect();
        let until = bounds.reached();
        let ending = drive(target.addr(), scripts, framing, limits, process, observer, until).await;
        listening.end(ending);
        // The driver's tasks are gone, and with them their hold on the judge.
        let mut judge = judge.replace(RunJudge::new(&[], nothing_lost()));
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
        let (outcomes, timeline, collected) = judge.finish();
        self.collector = collected;
        let begun = if is_cut { begun.saturating_sub(1) } else { begun };
        let is_ended_on_purpose =
            is_lost && begun.checked_sub(1).is_some_and(|last| scenes[last].fault.ends_target);
        Session { outcomes, timeline, begun, is_lost, is_ended_on_purpose }
    }
}
