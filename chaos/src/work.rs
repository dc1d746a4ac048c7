//! The work of a run: scenes and their sequels, and which of them a target cannot be asked for.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use conformance::case::Case;
use conformance::plan::CasePlan;
use target::{Choice, Target};

use crate::chaos_protocol::ChaosProtocol;
use crate::fault::Scene;
use crate::outcome::{Replies, SceneOutcome};
use crate::run::RunTerms;
use crate::schedule::Schedule;
use crate::scripts::Planned;

/// Returns the work of a schedule in its order, and the outcomes of the scenes that this target cannot be asked for.
pub(crate) fn works(
    schedule: &Schedule,
    target: &Target,
    terms: &RunTerms,
) -> (VecDeque<Work>, Vec<SceneOutcome>) {
    let (mut works, mut skipped) = (VecDeque::new(), Vec::new());
    for scene in schedule.scenes() {
        match skip_reason(&scene, target, terms) {
            None => works.push_back(Work::of(scene)),
            Some(cause) => skipped.push(SceneOutcome::not_run(scene, &cause)),
        }
    }
    (works, skipped)
}

/// Combines the outcome of a sequel with that of the scene before it.
pub(crate) fn joined(before: Option<SceneOutcome>, work: &Work, outcome: SceneOutcome) -> SceneOutcome {
    match before {
        Some(before) if work.is_sequel => outcome.after(before),
        _ => outcome,
    }
}

/// A scene to run, or its sequel.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) scene: Scene,
    pub(crate) case: &'static Case,
    pub(crate) is_sequel: bool,
    replies: Rc<Replies>,
}

impl Work {
    pub(crate) fn of(scene: Scene) -> Self {
        Self { scene, case: scene.case, is_sequel: false, replies: Rc::default() }
    }

    pub(crate) fn sequel(scene: Scene, case: &'static Case, replies: &Replies) -> Self {
        Self { scene, case, is_sequel: true, replies: Rc::new(replies.clone()) }
    }

    /// Returns the same work for a target that loses lines which arrive together.
    pub(crate) fn line_by_line(self) -> Self {
        if self.is_sequel { self } else { Self::of(self.scene.line_by_line()) }
    }

    pub(crate) fn plan(&self, protocol: &'static ChaosProtocol, seed: u64) -> Planned {
        let plan = Rc::new(CasePlan::new(protocol.dialect, self.case, seed, Duration::ZERO));
        Planned { plan, replies: Rc::clone(&self.replies) }
    }
}

/// Returns the reason why a scene cannot run against this target.
fn skip_reason(scene: &Scene, target: &Target, terms: &RunTerms) -> Option<String> {
    if scene.fault.needs_dependency && terms.dependencies.is_empty() {
        return Some("the fault needs a service that the target uses: --through names one".to_owned());
    }
    if scene.fault.needs_packets {
        let obstacle = terms.obstacles.packets.clone();
        let of_discipline = || terms.obstacles.disciplines.get(&scene.fault.needs_discipline?).cloned();
        if !terms.has_packets {
            return Some("it needs a network namespace: --packets makes one".to_owned());
        }
        if let Some(cause) = obstacle.or_else(of_discipline) {
            return Some(cause);
        }
    }
    if scene.fault.needs_packets && target.addr().is_ipv6() {
        return Some("the clients whose packets are affected have addresses of IPv4".to_owned());
    }
    if let (true, Some(cause)) = (scene.fault.needs_container, target.memory_obstacle()) {
        return Some(cause);
    }
    if let (true, Some(cause)) = (scene.fault.needs_disk, terms.disk.cause()) {
        return Some(cause);
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
