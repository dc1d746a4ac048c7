//! What a run's history says: whether each fault happened, who was harmed by it, and how much slower others were.
//!
//! Pure: it reads events, and no clock.

mod bystanders;
mod step;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::rc::Rc;

use harness::history::{Event, FailureKind, Sample, What};
use harness::pairing::{Pairing, Seen};
use harness::suite::plan::CasePlan;
use protocol::index::Index;
use protocol::{Lines, Protocol};

use crate::fault::Scene;
use crate::scripts::{BYSTANDERS, CONDUCTOR, Part, TICK, TIMEKEEPER, marked};
use bystanders::Bystanders;
pub use bystanders::{Latencies, percentile};
pub use step::{Outcome, StepJudge};

/// So many times in a row no connection could be opened: the target is gone.
const REFUSALS_MAX: u32 = 3;

/// Follows a run.
#[derive(Debug)]
pub struct RunJudge {
    pairing: Pairing<Lines>,
    bystanders: Bystanders,
    steps: Vec<StepJudge>,
    /// The step that is under way.
    current: Option<usize>,
    part: Part,
    /// When time was kept, and how much too late.
    ticks: Vec<(u64, u64)>,
    samples: Vec<(u64, Sample)>,
    refusals: u32,
    is_lost: bool,
}

impl RunJudge {
    /// A judge of these scenes that has seen nothing.
    #[must_use]
    pub fn new(scenes: &[(&'static Scene, Rc<CasePlan>)]) -> Self {
        Self {
            pairing: Pairing::new(Index::framing),
            bystanders: Bystanders::default(),
            steps: scenes.iter().map(|(scene, plan)| StepJudge::new(scene, Rc::clone(plan))).collect(),
            current: None,
            part: Part::Over,
            ticks: Vec::new(),
            samples: Vec::new(),
            refusals: 0,
            is_lost: false,
        }
    }

    /// Takes in an event; `Break` once the target is lost.
    pub fn observe(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        match (event.client, &event.event) {
            (TIMEKEEPER, What::Marked(tick)) => {
                let due_ns = u64::try_from((TICK * *tick).as_nanos()).unwrap_or(u64::MAX);
                self.ticks.push((event.at_ns, event.at_ns.saturating_sub(due_ns)));
            }
            (TIMEKEEPER, What::Sampled(sample)) => self.samples.push((event.at_ns, *sample)),
            (CONDUCTOR, What::Marked(number)) => self.begin_part(*number, event.at_ns),
            _ => self.hear(event),
        }
        if self.is_lost { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn begin_part(&mut self, number: u32, at_ns: u64) {
        let (step, part) = marked(number);
        self.part = part;
        self.current = Some(step);
        if let Some(step) = self.steps.get_mut(step) {
            step.begin(part, at_ns);
        }
    }

    fn hear(&mut self, event: &Event<'_>) {
        let Self { pairing, bystanders, steps, current, part, refusals, is_lost, .. } = self;
        let mut step = current.and_then(|current| steps.get_mut(current));
        let is_fault = event.client == CONDUCTOR && *part == Part::Fault;
        if let (Some(step), true) = (&mut step, is_fault) {
            step.note(event);
        }
        pairing.observe(event, |seen| {
            match &seen {
                Seen::NotOpened { failure, .. } if failure.kind == FailureKind::Refused => *refusals += 1,
                Seen::Replied(_) => *refusals = 0,
                _ => {}
            }
            match (event.client, &mut step) {
                (CONDUCTOR, Some(step)) if *part == Part::Fault => step.see(&seen),
                (CONDUCTOR, Some(step)) => step.see_newcomer(&seen, event.at_ns),
                (client, step) if client < BYSTANDERS => bystanders.see(client, &seen, event.at_ns, step),
                _ => {}
            }
        });
        bystanders.note(event);
        *is_lost |= *refusals >= REFUSALS_MAX;
    }

    /// The target was lost in the step that was under way.
    pub fn lose(&mut self, how: &str) {
        if let Some(step) = self.current.and_then(|current| self.steps.get_mut(current)) {
            step.lose(how);
        }
    }

    /// Whether nothing takes connections any more.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// How many steps have begun.
    #[must_use]
    pub fn begun(&self) -> usize {
        self.current.map_or(0, |current| current + 1)
    }

    /// What each step came to, as far as they were run, and what was measured on the way.
    #[must_use]
    pub fn finish(self) -> (Vec<Outcome>, Timeline) {
        let Self { bystanders, steps, ticks, samples, .. } = self;
        let spans: Vec<(u64, u64)> = steps.iter().map(StepJudge::span_ns).collect();
        let latencies = bystanders.by_span(&spans);
        let outcomes = steps.into_iter().zip(&latencies.beside).map(|(step, beside)| {
            let (begun_ns, over_ns) = step.span_ns();
            let of_step = ticks.iter().filter(|(at_ns, _)| (begun_ns..=over_ns).contains(at_ns));
            let late_ns = of_step.map(|(_, late_ns)| *late_ns).max().unwrap_or(0);
            step.finish(&latencies.quiet, beside, late_ns)
        });
        let outcomes = outcomes.collect();
        let timeline = Timeline { requests: bystanders.into_requests(), samples, spans };
        (outcomes, timeline)
    }
}

/// What was measured during a run, over time.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// When each request of a bystander was due, and how long its reply took from then on.
    pub requests: BTreeMap<u64, u64>,
    /// What the target's process took.
    pub samples: Vec<(u64, Sample)>,
    /// When each step began and was over.
    pub spans: Vec<(u64, u64)>,
}
