//! Evidence about one scene: the clients at fault, the bystanders meanwhile and the newcomer afterwards.

use std::collections::BTreeMap;
use std::rc::Rc;

use conformance::judge::CaseJudge;
use conformance::judge::CaseState;
use conformance::plan::CLEANUP;
use conformance::plan::CasePlan;
use driver::exchanges::Observation;
use driver::history::Event;
use driver::history::EventKind;
use driver::history::FailureKind;
use driver::moves::Slot;
use protocol::Clause;
use protocol::text::printable;
use verdict::Finding;

use crate::chaos_protocol::ChaosProtocol;
use crate::fault::{Fault, Scene};
use crate::harm::evidence::{AtFault, Delays, Evidence, Incident, Instead, Progress, Requirements};
use crate::harm::{LATENCIES_MIN, decide};
use crate::outcome::{Replies, SceneOutcome};
use crate::percentile::{milliseconds, percentile};
use crate::timing::{CONDUCTOR, Part};

/// Collects the evidence about a scene.
#[derive(Debug)]
pub(crate) struct SceneCollector {
    scene: Scene,
    requirements: Requirements,
    case: CaseJudge,
    begun_ns: u64,
    newcomer_ns: u64,
    over_ns: u64,
    target_lost: Option<String>,
    incidents: Vec<(Option<u32>, Incident)>,
    violations: Vec<Finding>,
    newcomer_waited_ns: Option<u64>,
    served: u64,
    refused: u64,
    /// Whether a client at fault never got its reply.
    is_kept_waiting: bool,
    /// The slots of the open connections, and the replies on them, if a sequel needs them.
    slots: BTreeMap<u32, Slot>,
    replies: Replies,
}

impl SceneCollector {
    pub(crate) fn new(protocol: &'static ChaosProtocol, scene: Scene, plan: Rc<CasePlan>) -> Self {
        let requirements = Requirements {
            harmed: (protocol.harmed)(scene.fault.clause),
            kept_waiting: protocol.kept_waiting,
            is_promised: scene.fault.is_promised,
            ends_target: scene.fault.ends_target,
            needs_block: scene.case.needs_block,
            deadline: protocol.deadline,
            newcomer: protocol.newcomer,
        };
        Self {
            scene,
            requirements,
            case: CaseJudge::new(plan),
            begun_ns: 0,
            newcomer_ns: 0,
            over_ns: 0,
            target_lost: None,
            incidents: Vec::new(),
            violations: Vec::new(),
            newcomer_waited_ns: None,
            served: 0,
            refused: 0,
            is_kept_waiting: false,
            slots: BTreeMap::new(),
            replies: Vec::new(),
        }
    }

    pub(crate) fn begin(&mut self, part: Part, at_ns: u64) {
        match part {
            Part::Fault => self.begun_ns = at_ns,
            Part::Newcomer => {
                self.newcomer_ns = at_ns;
                self.over_ns = at_ns;
                let event = EventKind::ClientDone;
                self.case.note(&Event { at_ns, client: CONDUCTOR, connection: 0, event });
            }
            Part::Over => self.over_ns = at_ns,
        }
    }

    /// Returns the beginning and the end, in nanoseconds; both are 0 if the scene did not begin.
    pub(crate) fn span_ns(&self) -> (u64, u64) {
        (self.begun_ns, if self.over_ns > 0 { self.over_ns } else { self.begun_ns })
    }

    /// Records an event of the clients at fault.
    pub(crate) fn note(&mut self, event: &Event<'_>) {
        if let EventKind::Acted { act, is_done: false } = &event.event {
            self.note_incident(None, Incident::ActionFailed(*act));
        }
        self.case.note(event);
    }

    /// Records that a bystander received the reply that it wanted.
    pub(crate) fn note_served(&mut self) {
        self.served += 1;
    }

    /// Records that a bystander was refused.
    pub(crate) fn note_refused(&mut self) {
        self.refused += 1;
    }

    /// Records an incident, with the number of the bystander.
    pub(crate) fn note_incident(&mut self, client: Option<u32>, incident: Incident) {
        self.incidents.push((client, incident));
    }

    /// Records a violation of the invariant.
    pub(crate) fn note_violation(&mut self, finding: Finding) {
        self.violations.push(finding);
    }

    /// Records that the target is gone.
    pub(crate) fn note_lost(&mut self, how: &str) {
        self.target_lost = Some(how.to_owned());
    }

    /// Records an observation of the clients at fault.
    pub(crate) fn observe(&mut self, observation: &Observation<'_>) {
        if self.scene.sequel.is_some() {
            self.keep_reply(observation);
        }
        self.is_kept_waiting |=
            matches!(observation, Observation::Unanswered { end: EventKind::TimedOut { .. }, .. });
        let _ = self.case.observe(observation);
    }

    fn keep_reply(&mut self, observation: &Observation<'_>) {
        match observation {
            Observation::Opened { connection, slot, .. } if *slot != CLEANUP => {
                self.slots.insert(*connection, *slot);
            }
            Observation::Exchange(exchange) => {
                let slot = self.slots.get(&exchange.place.connection);
                self.replies.extend(slot.map(|slot| (*slot, exchange.reply.to_vec())));
            }
            _ => {}
        }
    }

    /// Records an observation of the newcomer.
    pub(crate) fn observe_newcomer(&mut self, observation: &Observation<'_>, at_ns: u64) {
        let instead = match observation {
            Observation::Exchange(exchange) if (self.requirements.newcomer.is_served)(exchange.reply) => {
                self.newcomer_waited_ns = Some(at_ns.saturating_sub(self.newcomer_ns));
                return;
            }
            Observation::Exchange(exchange) => Instead::Reply(printable(exchange.reply)),
            Observation::Unanswered { end: EventKind::TimedOut { waited_ns, late_ns }, .. } => {
                Instead::Nothing { waited_ns: *waited_ns, late_ns: *late_ns }
            }
            Observation::Unanswered { .. } => Instead::End,
            Observation::NotOpened { failure, .. } if failure.kind == FailureKind::OutOfResources => {
                return self.note_incident(None, Incident::NewcomerNotStarted(failure.message.clone()));
            }
            Observation::NotOpened { failure, .. } => Instead::Error(failure.message.clone()),
            _ => return,
        };
        self.note_incident(None, Incident::NewcomerNotServed(instead));
    }

    /// Closes the scene and returns its outcome.
    /// `lost_lines` is the clause of a target that loses lines which arrive together.
    pub(crate) fn finish(
        self,
        quiet_ns: &[u64],
        latencies_ns: &[u64],
        delays: Delays,
        lost_lines: Option<Clause>,
    ) -> SceneOutcome {
        let Fault { is_baseline, clause, keeps, .. } = *self.scene.fault;
        let lost_lines = lost_lines.filter(|_| self.scene.sends_lines_at_once() && keeps.is_none());
        let lost_lines = is_baseline.then_some(clause).or(lost_lines);
        let (begun_ns, over_ns) = self.span_ns();
        let duration_ns = over_ns - begun_ns;
        let figure = figure(latencies_ns, self.newcomer_waited_ns, duration_ns);
        let is_complete = self.case.state() == CaseState::Done;
        let case = self.case.outcome();
        let evidence = Evidence {
            requirements: self.requirements,
            progress: match (begun_ns > 0, is_complete) {
                (false, _) => Progress::NotBegun,
                (true, false) => Progress::Incomplete,
                (true, true) => Progress::Complete,
            },
            target_lost: self.target_lost,
            incidents: self.incidents,
            violations: self.violations,
            newcomer_waited_ns: self.newcomer_waited_ns,
            served: self.served,
            refused: self.refused,
            quiet_latencies_ns: quiet_ns.to_vec(),
            latencies_ns: latencies_ns.to_vec(),
            delays,
            at_fault: AtFault {
                finding: case.finding,
                cause: case.cause,
                is_kept_waiting: self.is_kept_waiting,
                lost_lines,
            },
        };
        SceneOutcome {
            scene: self.scene,
            harm: decide(&evidence),
            figure,
            replies: self.replies,
            wire: case.wire,
            duration_ns,
        }
    }
}

fn figure(latencies_ns: &[u64], newcomer_waited_ns: Option<u64>, duration_ns: u64) -> String {
    let newcomer = newcomer_waited_ns.map_or("not served".to_owned(), milliseconds);
    let p99 = if latencies_ns.len() < LATENCIES_MIN {
        "-".to_owned()
    } else {
        milliseconds(percentile(latencies_ns, 99))
    };
    let duration = std::time::Duration::from_nanos(duration_ns).as_secs_f64();
    format!("p99 {p99:>9}, newcomer {newcomer:>9}, {duration:.1} s")
}
