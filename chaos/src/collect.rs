//! Collects the evidence of a run from its events: each scene, the bystanders, and delays of the machine.
//!
//! Pure: it reads events, and no clock. It judges nothing; [`crate::harm`] does.

mod bystanders;
mod cpu;
mod effort;
pub(crate) mod known;
mod scene;
#[cfg(test)]
mod tests;
mod waiting;

use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use conformance::plan::CasePlan;
use driver::exchanges::ExchangeReader;
use driver::exchanges::Observation;
use driver::history::Event;
use driver::history::EventKind;
use driver::history::FailureKind;
use driver::history::Sample;
use protocol::Framing;
use verdict::{Finding, Verdict};

use crate::chaos_protocol::{ChaosProtocol, Invariant};
use crate::collect::bystanders::{Bystanders, Shown};
use crate::collect::effort::{Effort, Quiet};
use crate::collect::known::Known;
use crate::collect::scene::{Measured, SceneCollector};
use crate::fault::Scene;
use crate::harm::evidence::{Delays, Incident};
use crate::outcome::{SceneOutcome, Timeline};
use crate::percentile::percentile;
use crate::timing::{BYSTANDERS, CONDUCTOR, Part, TICK, TIMEKEEPER, marked};

/// The number of refused connections in a row after which the target counts as lost.
const REFUSALS_MAX: u32 = 3;

/// The time beyond the timeout for a reply after which a request that was not even sent counts as unanswered, in nanoseconds.
const SLACK_NS: u64 = 1_000_000_000;

/// Follows a run and collects its evidence.
#[derive(Debug)]
pub(crate) struct RunCollector {
    exchanges: ExchangeReader<Box<dyn Framing>>,
    invariant: Box<dyn Invariant>,
    bystanders: Bystanders,
    scenes: Vec<SceneCollector>,
    reply_timeout_ns: u64,
    /// The index of the current scene.
    current: Option<usize>,
    part: Part,
    /// The time of each tick of the timekeeper, and its lateness, in nanoseconds.
    ticks: Vec<(u64, u64)>,
    samples: Vec<(u64, Sample)>,
    /// The length of the bystanders' requests before the first scene.
    quiet_bytes: u64,
    /// The time of the last event.
    now_ns: u64,
    /// The time at which the last scene was over.
    conducted_ns: Option<u64>,
    refusals: u32,
    /// The request of newcomers.
    newcomer: &'static [u8],
    /// Why no further scene can be run against this process, if there is a reason.
    halt: Option<Halt>,
    /// Whether a bystander has waited for a reply in vain.
    has_bystander_waited: bool,
}

/// A reason why no further scene can be run against a process. A later one is stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Halt {
    /// A scene is over in which a client has waited for a reply in vain. The next ones would show the same.
    Waited,
    /// A newcomer was not served in time.
    Stuck,
    /// It refuses connections, or has ended.
    Lost,
}

impl RunCollector {
    /// Returns a collector for these scenes. The invariant knows the traffic of earlier sessions; `reply_timeout` is the time
    /// that a reply may take.
    #[must_use]
    pub(crate) fn new(
        protocol: &'static ChaosProtocol,
        scenes: &[(Scene, Rc<CasePlan>)],
        invariant: Box<dyn Invariant>,
        reply_timeout: Duration,
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
            quiet_bytes: 0,
            now_ns: 0,
            conducted_ns: None,
            refusals: 0,
            newcomer: protocol.newcomer.request,
            halt: None,
            has_bystander_waited: false,
            reply_timeout_ns: u64::try_from(reply_timeout.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// Records an event. Returns `Break` once the target is lost or stuck, once a scene is over in which a client has waited for a reply
    /// in vain, or once all scenes are over and all requests that
    /// were due until then are settled.
    pub(crate) fn observe(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        self.now_ns = event.at_ns;
        self.invariant.observe(event);
        match (event.client, &event.event) {
            (TIMEKEEPER, EventKind::Marked(tick)) => {
                let due_ns = u64::try_from((TICK * *tick).as_nanos()).unwrap_or(u64::MAX);
                self.ticks.push((event.at_ns, event.at_ns.saturating_sub(due_ns)));
                self.observe_newcomer_in_time();
            }
            (TIMEKEEPER, EventKind::Sampled(sample)) => self.samples.push((event.at_ns, *sample)),
            (CONDUCTOR, EventKind::Marked(number)) => self.begin_part(*number, event.at_ns),
            (CONDUCTOR, EventKind::ClientDone) => self.conducted_ns = Some(event.at_ns),
            _ => self.observe_traffic(event),
        }
        if self.halt.is_some() || self.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Returns whether all scenes are over, and no request that was due until then can still be answered.
    fn is_over(&self) -> bool {
        self.conducted_ns.is_some_and(|end_ns| {
            self.bystanders.are_settled(end_ns) || self.now_ns >= end_ns + self.reply_timeout_ns + SLACK_NS
        })
    }

    /// Records that the newcomer was not served, if its time is over. It may still be connecting.
    fn observe_newcomer_in_time(&mut self) {
        let Self { part: Part::Newcomer, current: Some(current), .. } = *self else { return };
        let limit_ns = self.reply_timeout_ns + SLACK_NS;
        if let Some(scene) = self.scenes.get_mut(current) {
            let is_stuck = scene.note_newcomer_overdue(self.now_ns, limit_ns);
            self.note_halt(is_stuck, Halt::Stuck);
        }
    }

    fn begin_part(&mut self, number: u32, at_ns: u64) {
        let (scene, part) = marked(number);
        self.part = part;
        self.current = Some(scene);
        if let Some(scene) = self.scenes.get_mut(scene) {
            scene.begin(part, at_ns);
            let has_waited = self.has_bystander_waited || scene.has_waited_in_vain();
            self.note_halt(part == Part::Over && has_waited, Halt::Waited);
        }
    }

    fn observe_traffic(&mut self, event: &Event<'_>) {
        let Self { exchanges, bystanders, scenes, current, part, refusals, .. } = self;
        let mut newcomer_halt = None;
        self.has_bystander_waited |=
            event.client < BYSTANDERS && matches!(event.event, EventKind::TimedOut { .. });
        let current = *current;
        if let (EventKind::Sent(bytes), None) = (&event.event, current) {
            self.quiet_bytes += bytes.len() as u64;
        }
        let is_fault = event.client == CONDUCTOR && *part == Part::Fault;
        if let (Some(scene), true) = (current.and_then(|current| scenes.get_mut(current)), is_fault) {
            scene.note_event(event);
        }
        exchanges.observe(event, |observation| {
            match &observation {
                Observation::NotOpened { failure, .. } if failure.kind == FailureKind::Refused => {
                    *refusals += 1;
                }
                Observation::Exchange(_) => *refusals = 0,
                _ => {}
            }
            let scene = current.and_then(|current| scenes.get_mut(current));
            match (event.client, scene) {
                (CONDUCTOR, Some(scene)) if *part == Part::Fault => {
                    scene.observe(&observation, event.at_ns);
                }
                (CONDUCTOR, Some(scene)) => {
                    newcomer_halt = newcomer_halt.max(scene.observe_newcomer(&observation, event.at_ns));
                }
                (client, scene) if client < BYSTANDERS => {
                    let shown = bystanders.observe(client, &observation, event.at_ns);
                    match (shown, scene) {
                        (Some(Shown::Served), Some(scene)) => scene.note_served(),
                        (Some(Shown::Refused), Some(scene)) => scene.note_refused(),
                        (Some(Shown::Incident(incident, cause_ns)), _) => {
                            note_incident(scenes, client, incident, [cause_ns, event.at_ns]);
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        });
        bystanders.note(event);
        let is_lost = *refusals >= REFUSALS_MAX;
        let of_process = scenes.first().map_or(&[][..], SceneCollector::incidents);
        let last = current.and_then(|current| scenes.get(current)?.incidents().last());
        let newcomer_halt = newcomer_halt
            .filter(|_| last.is_none_or(|last| !known::is_usual(&last.incident, self.newcomer, of_process)));
        self.halt = self.halt.max(newcomer_halt);
        self.note_halt(is_lost, Halt::Lost);
    }

    /// Records how the target was lost, in the current scene. If none has begun, the first one cannot begin.
    pub(crate) fn note_lost(&mut self, how: &str) {
        let text =
            if self.current.is_some() { how.to_owned() } else { format!("{how}, before the fault began") };
        let current = *self.current.get_or_insert(0);
        if let Some(scene) = self.scenes.get_mut(current) {
            scene.note_lost(&text);
        }
    }

    /// Records that the target has ended.
    pub(crate) fn lose(&mut self) {
        self.note_halt(true, Halt::Lost);
    }

    /// Returns why no further scene can be run against this process, if there is a reason.
    #[must_use]
    pub(crate) fn halt(&self) -> Option<Halt> {
        self.halt
    }

    fn note_halt(&mut self, has_reason: bool, reason: Halt) {
        self.halt = self.halt.max(has_reason.then_some(reason));
    }

    /// Returns whether all scenes are over.
    #[must_use]
    pub(crate) fn is_conducted(&self) -> bool {
        self.conducted_ns.is_some()
    }

    /// Returns the number of scenes that have begun.
    #[must_use]
    pub(crate) fn begun(&self) -> usize {
        self.current.map_or(0, |current| current + 1)
    }

    /// Closes all scenes and returns their outcomes, the measurements, and the invariant for the next session. No scene is accused of
    /// what is known about the target.
    #[must_use]
    pub(crate) fn finish(self, known: &mut Known) -> (Vec<SceneOutcome>, Timeline, Box<dyn Invariant>) {
        let Self { mut bystanders, mut scenes, ticks, samples, quiet_bytes, mut invariant, now_ns, .. } =
            self;
        let spans: Vec<(u64, u64)> = scenes.iter().map(SceneCollector::span_ns).collect();
        // The requests of a target that is gone have no reply for that reason.
        if self.halt != Some(Halt::Lost) {
            let end_ns = self.conducted_ns.unwrap_or(u64::MAX);
            for (client, incident, cause_ns) in bystanders.note_missing(end_ns, now_ns, self.reply_timeout_ns)
            {
                note_incident(&mut scenes, client, incident, [cause_ns, now_ns]);
            }
        }
        known.remove_from(scenes.iter_mut().map(SceneCollector::incidents_mut), self.newcomer);
        // With replies that are incorrect in any case, the history is impossible in any case.
        let violations = invariant.end_part().into_iter().filter(|_| !known.has_wrong_replies());
        for (sent_ns, finding) in violations {
            if let Some(scene) = scene_at(&mut scenes, sent_ns) {
                scene.note_violation(finding);
            }
        }
        let begun_ns = spans.iter().map(|(begun_ns, _)| *begun_ns).filter(|begun_ns| *begun_ns > 0);
        let latencies =
            bystanders.latencies(&begun_ns.collect::<Vec<u64>>(), self.conducted_ns.unwrap_or(now_ns));
        let first_ns = spans.first().map_or(0, |(begun_ns, _)| *begun_ns);
        let quiet_latencies_ns = sorted(latencies.quiet.into_iter());
        let latency_ns = percentile(&quiet_latencies_ns, 50);
        let quiet = Quiet { until_ns: first_ns, requests_bytes: quiet_bytes, latency_ns };
        let begun: Vec<(u64, u64)> = spans.iter().copied().filter(|(begun_ns, _)| *begun_ns > 0).collect();
        let spinning =
            cpu::spinning_since(&samples, &begun, now_ns).filter(|_| self.halt != Some(Halt::Lost));
        let outcomes = scenes.into_iter().enumerate().map(|(number, scene)| {
            let since = spinning.filter(|(since, _)| *since == number).map(|(_, cpu)| cpu);
            let part = scene.shortage_ns();
            let idle_cpu = since.or_else(|| cpu::spinning_during(&samples, first_ns, part?));
            let waits = latencies.scenes.get(number).map_or(&[][..], Vec::as_slice);
            let delays = delays(&ticks, &samples, with_waits(scene.span_ns(), waits));
            let effort = Effort::new(&samples, quiet, scene.requests());
            let measured = Measured {
                quiet_latencies_ns: quiet_latencies_ns.clone(),
                latencies_ns: sorted(waits.iter().map(|[due_ns, replied_ns]| replied_ns - due_ns)),
                idle_waits_ns: sorted(waits.iter().map(|wait| effort.idle_ns(*wait))),
                idle_cpu,
                delays,
            };
            let outcome = scene.finish(measured, known);
            let is_of_baseline = |finding: &Finding| {
                finding.clause == Some(outcome.scene.fault.clause) && finding.verdict != Verdict::Unknown
            };
            if outcome.scene.fault.is_baseline && outcome.harm.findings.iter().any(is_of_baseline) {
                known.lost_lines = Some(outcome.scene.fault.clause);
            }
            outcome
        });
        let outcomes = outcomes.collect();
        let timeline = Timeline { requests: bystanders.into_requests(), samples, spans };
        (outcomes, timeline, invariant)
    }
}

/// Returns the period of a scene and of the requests that were due in it or before the next one: a short scene may be over when the
/// machine delays them.
fn with_waits((begun_ns, over_ns): (u64, u64), waits: &[[u64; 2]]) -> [u64; 2] {
    let first_ns = waits.iter().map(|[due_ns, _]| *due_ns).min();
    let last_ns = waits.iter().map(|[_, replied_ns]| *replied_ns).max();
    [
        first_ns.map_or(begun_ns, |first_ns| first_ns.min(begun_ns)),
        last_ns.map_or(over_ns, |last_ns| last_ns.max(over_ns)),
    ]
}

/// Returns the delays of the machine in this period.
fn delays(ticks: &[(u64, u64)], samples: &[(u64, Sample)], [begun_ns, over_ns]: [u64; 2]) -> Delays {
    let within = ticks.iter().filter(|(at_ns, _)| (begun_ns..=over_ns).contains(at_ns));
    Delays {
        harness_ns: within.map(|(_, late_ns)| *late_ns).max().unwrap_or(0),
        target_ns: waiting::longest_ns(samples, [begun_ns, over_ns]),
        target_percent: waiting::percent(samples, [begun_ns, over_ns]),
        starved_percent: waiting::starved_percent(samples, [begun_ns, over_ns]),
    }
}

fn sorted(durations_ns: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut sorted: Vec<u64> = durations_ns.collect();
    sorted.sort_unstable();
    sorted
}

/// Records an incident of a bystander in the scene to which its cause belongs. The times are those of the cause and of the
/// incident.
fn note_incident(
    scenes: &mut [SceneCollector],
    client: u32,
    incident: Incident,
    [cause_ns, at_ns]: [u64; 2],
) {
    if let Some(scene) = scene_at(scenes, cause_ns) {
        scene.note_bystander(client, incident, [cause_ns, at_ns]);
    }
}

/// Returns the scene in whose time something happened: it lasts until the next one begins. What happened before the first
/// one is not left out either.
fn scene_at(scenes: &mut [SceneCollector], at_ns: u64) -> Option<&mut SceneCollector> {
    let has_begun = |scene: &&SceneCollector| (1..=at_ns).contains(&scene.span_ns().0);
    let count = scenes.iter().take_while(has_begun).count();
    scenes.get_mut(count.saturating_sub(1))
}
