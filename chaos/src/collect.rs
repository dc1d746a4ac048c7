//! Collects the evidence of a run from its events: each scene, the bystanders, and delays of the machine.
//!
//! Pure: it reads events, and no clock. It judges nothing; [`crate::harm`] does.

mod bystanders;
mod scene;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::rc::Rc;

use conformance::plan::CasePlan;
use driver::exchanges::ExchangeReader;
use driver::exchanges::Observation;
use driver::history::Event;
use driver::history::EventKind;
use driver::history::FailureKind;
use driver::history::Sample;
use protocol::{Clause, Framing};
use verdict::{Finding, Verdict};

use crate::chaos_protocol::{ChaosProtocol, Invariant};
use crate::collect::bystanders::Bystanders;
use crate::collect::scene::SceneCollector;
use crate::fault::Scene;
use crate::harm::evidence::Delays;
use crate::outcome::{SceneOutcome, Timeline};
use crate::timing::{BYSTANDERS, CONDUCTOR, Part, TICK, TIMEKEEPER, marked};

/// The number of refused connections in a row after which the target counts as lost.
const REFUSALS_MAX: u32 = 3;

/// Follows a run and collects its evidence.
#[derive(Debug)]
pub(crate) struct RunCollector {
    exchanges: ExchangeReader<Box<dyn Framing>>,
    invariant: Box<dyn Invariant>,
    bystanders: Bystanders,
    scenes: Vec<SceneCollector>,
    /// The index of the current scene.
    current: Option<usize>,
    part: Part,
    /// The time of each tick of the timekeeper, and its lateness, in nanoseconds.
    ticks: Vec<(u64, u64)>,
    samples: Vec<(u64, Sample)>,
    refusals: u32,
    is_lost: bool,
}

impl RunCollector {
    /// Returns a collector for these scenes. The invariant knows the traffic of earlier sessions.
    #[must_use]
    pub(crate) fn new(
        protocol: &'static ChaosProtocol,
        scenes: &[(Scene, Rc<CasePlan>)],
        invariant: Box<dyn Invariant>,
    ) -> Self {
        let collector =
            |(scene, plan): &(Scene, Rc<CasePlan>)| SceneCollector::new(protocol, *scene, Rc::clone(plan));
        Self {
            exchanges: ExchangeReader::new(protocol.dialect.framing),
            invariant,
            bystanders: Bystanders::new(protocol),
            scenes: scenes.iter().map(collector).collect(),
            current: None,
            part: Part::Over,
            ticks: Vec::new(),
            samples: Vec::new(),
            refusals: 0,
            is_lost: false,
        }
    }

    /// Records an event; returns `Break` once the target is lost.
    pub(crate) fn observe(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        self.invariant.observe(event);
        match (event.client, &event.event) {
            (TIMEKEEPER, EventKind::Marked(tick)) => {
                let due_ns = u64::try_from((TICK * *tick).as_nanos()).unwrap_or(u64::MAX);
                self.ticks.push((event.at_ns, event.at_ns.saturating_sub(due_ns)));
            }
            (TIMEKEEPER, EventKind::Sampled(sample)) => self.samples.push((event.at_ns, *sample)),
            (CONDUCTOR, EventKind::Marked(number)) => self.begin_part(*number, event.at_ns),
            _ => self.observe_traffic(event),
        }
        if self.is_lost { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn begin_part(&mut self, number: u32, at_ns: u64) {
        let (scene, part) = marked(number);
        self.part = part;
        self.current = Some(scene);
        if let Some(scene) = self.scenes.get_mut(scene) {
            scene.begin(part, at_ns);
        }
    }

    fn observe_traffic(&mut self, event: &Event<'_>) {
        let Self { exchanges, bystanders, scenes, current, part, refusals, is_lost, .. } = self;
        let mut scene = current.and_then(|current| scenes.get_mut(current));
        let is_fault = event.client == CONDUCTOR && *part == Part::Fault;
        if let (Some(scene), true) = (&mut scene, is_fault) {
            scene.note(event);
        }
        exchanges.observe(event, |observation| {
            match &observation {
                Observation::NotOpened { failure, .. } if failure.kind == FailureKind::Refused => {
                    *refusals += 1;
                }
                Observation::Exchange(_) => *refusals = 0,
                _ => {}
            }
            match (event.client, &mut scene) {
                (CONDUCTOR, Some(scene)) if *part == Part::Fault => scene.observe(&observation),
                (CONDUCTOR, Some(scene)) => scene.observe_newcomer(&observation, event.at_ns),
                (client, scene) if client < BYSTANDERS => {
                    bystanders.observe(client, &observation, event.at_ns, scene);
                }
                _ => {}
            }
        });
        bystanders.note(event);
        *is_lost |= *refusals >= REFUSALS_MAX;
    }

    /// Records how the target was lost, in the current scene.
    pub(crate) fn note_lost(&mut self, how: &str) {
        if let Some(scene) = self.current.and_then(|current| self.scenes.get_mut(current)) {
            scene.note_lost(how);
        }
    }

    /// Returns whether the target refuses connections.
    #[must_use]
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Returns the number of scenes that have begun.
    #[must_use]
    pub(crate) fn begun(&self) -> usize {
        self.current.map_or(0, |current| current + 1)
    }

    /// Closes all scenes and returns their outcomes, the measurements, and the invariant for the next session. `lost_lines`
    /// is the clause of a target that loses lines which arrive together, once a baseline has shown that.
    #[must_use]
    pub(crate) fn finish(
        self,
        lost_lines: &mut Option<Clause>,
    ) -> (Vec<SceneOutcome>, Timeline, Box<dyn Invariant>) {
        let Self { bystanders, mut scenes, ticks, samples, mut invariant, .. } = self;
        let spans: Vec<(u64, u64)> = scenes.iter().map(SceneCollector::span_ns).collect();
        for (sent_ns, finding) in invariant.end_part() {
            attribute(sent_ns, finding, &mut scenes, &spans);
        }
        let latencies = bystanders.latencies(&spans);
        let outcomes = scenes.into_iter().zip(&latencies.scenes).map(|(scene, during)| {
            let (begun_ns, over_ns) = scene.span_ns();
            let of_scene = ticks.iter().filter(|(at_ns, _)| (begun_ns..=over_ns).contains(at_ns));
            let harness_ns = of_scene.map(|(_, late_ns)| *late_ns).max().unwrap_or(0);
            let delays = Delays { harness_ns, target_ns: waited_ns(&samples, begun_ns, over_ns) };
            let outcome = scene.finish(&latencies.quiet, during, delays, *lost_lines);
            if outcome.scene.fault.is_baseline
                && matches!(outcome.harm.verdict, Verdict::Warn | Verdict::Fail)
            {
                *lost_lines = Some(outcome.scene.fault.clause);
            }
            outcome
        });
        let outcomes = outcomes.collect();
        let timeline = Timeline { requests: bystanders.into_requests(), samples, spans };
        (outcomes, timeline, invariant)
    }
}

/// Attributes a violation to the scene in which its request was sent.
fn attribute(sent_ns: u64, finding: Finding, scenes: &mut [SceneCollector], spans: &[(u64, u64)]) {
    let begun = |(begun_ns, _): &&(u64, u64)| *begun_ns > 0 && *begun_ns <= sent_ns;
    let count = spans.iter().take_while(begun).count();
    if let Some(scene) = scenes.get_mut(count.saturating_sub(1)) {
        scene.note_violation(finding);
    }
}

/// Returns the longest time that the target waited for a processor between two samples, in nanoseconds.
fn waited_ns(samples: &[(u64, Sample)], begun_ns: u64, over_ns: u64) -> u64 {
    let pairs = samples.iter().zip(samples.iter().skip(1));
    let touches = |((before_ns, _), (after_ns, _)): &(&(u64, Sample), &(u64, Sample))| {
        *after_ns >= begun_ns && *before_ns <= over_ns
    };
    let waited = pairs
        .filter(touches)
        .map(|((_, before), (_, after))| after.waited_ns.saturating_sub(before.waited_ns));
    waited.max().unwrap_or(0)
}
