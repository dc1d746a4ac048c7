//! Evidence about one scene: the clients at fault, the bystanders meanwhile and the newcomer afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use conformance::case::CROWD;
use conformance::judge::CaseJudge;
use conformance::judge::CaseState;
use conformance::plan::CLEANUP;
use conformance::plan::CasePlan;
use conformance::resources::ResourceLimit;
use driver::exchanges::Observation;
use driver::history::Event;
use driver::history::EventKind;
use driver::history::FailureKind;
use driver::moves::{Act, Slot};
use protocol::Clause;
use protocol::text::printable;
use verdict::{Finding, Verdict};

use super::Halt;
use crate::chaos_protocol::ChaosProtocol;
use crate::collect::effort::Requests;
use crate::collect::known::Known;
use crate::fault::{Fault, Scene};
use crate::harm::evidence::{
    AtFault, Delays, Evidence, IdleCpu, Incident, IncidentTime, Instead, Noted, Progress, Requirements,
    Waiting,
};
use crate::harm::{LATENCIES_MIN, decide};
use crate::outcome::{Replies, SceneOutcome};
use crate::percentile::{milliseconds, percentile};
use crate::timing::{CONDUCTOR, Part};

/// Why a target cannot run out of descriptors: on Linux, accept(2) takes the number of its descriptor before it waits for a client.
const NO_SHORTAGE: &str = "the target had descriptors in reserve, as threads that wait in accept have";

/// Collects the evidence about a scene.
#[derive(Debug)]
pub(crate) struct SceneCollector {
    scene: Scene,
    requirements: Requirements,
    case: CaseJudge,
    begun_ns: u64,
    newcomer_ns: u64,
    over_ns: u64,
    /// When the fault ends before its steps do: the process continues, has free descriptors again, or its output is read again.
    undone_ns: Option<u64>,
    /// When the limit on descriptors was lowered.
    shortage_ns: Option<u64>,
    /// Whether the process did not run out of descriptors below that limit.
    has_reserve: bool,
    target_lost: Option<String>,
    incidents: Vec<Noted>,
    violations: Vec<Finding>,
    newcomer_waited_ns: Option<u64>,
    served: u64,
    refused: u64,
    /// The length of what the clients at fault sent.
    sent_bytes: u64,
    /// The times of the replies to the clients at fault, in nanoseconds.
    replied_ns: Vec<u64>,
    /// The connections with a request that has no reply yet, and the number of those that clients left before it.
    asking: BTreeSet<u32>,
    abandoned: u64,
    /// The clients at fault that never got a reply.
    waiting: Waiting,
    /// Whether the fault has ended the target, as it is meant to.
    has_ended_target: bool,
    /// The clause about clients that have shut down their sending half, and whether the first finding is that one of them got no reply.
    half_closed: Option<Clause>,
    is_half_closed: bool,
    /// The slots of the connections.
    slots: BTreeMap<u32, Slot>,
    /// The replies, if a sequel needs them.
    replies: Replies,
}

/// What was measured during a scene and before the first one.
pub(super) struct Measured {
    /// Sorted latencies of bystanders, in nanoseconds, for requests due before the first scene.
    pub(super) quiet_latencies_ns: Vec<u64>,
    /// Sorted latencies of bystanders, in nanoseconds, for requests due during the scene.
    pub(super) latencies_ns: Vec<u64>,
    /// The sorted parts of these latencies in which the target did not work for the clients at fault, in nanoseconds.
    pub(super) idle_waits_ns: Vec<u64>,
    /// The processor time that the target used while it had nothing to do, if that is much.
    pub(super) idle_cpu: Option<IdleCpu>,
    /// Delays that the machine caused.
    pub(super) delays: Delays,
}

impl SceneCollector {
    pub(crate) fn new(protocol: &'static ChaosProtocol, scene: Scene, plan: Rc<CasePlan>) -> Self {
        let requirements = Requirements {
            clauses: (protocol.harm_clauses)(scene.fault, scene.state),
            kept_waiting: protocol.kept_waiting,
            without_fault: protocol.without_fault,
            idle: protocol.idle,
            is_promised: scene.fault.is_promised,
            may_refuse: scene.fault.needs_dependency,
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
            undone_ns: None,
            shortage_ns: None,
            has_reserve: false,
            target_lost: None,
            incidents: Vec::new(),
            violations: Vec::new(),
            newcomer_waited_ns: None,
            served: 0,
            refused: 0,
            sent_bytes: 0,
            replied_ns: Vec::new(),
            asking: BTreeSet::new(),
            abandoned: 0,
            waiting: Waiting::default(),
            has_ended_target: false,
            half_closed: protocol.half_closed,
            is_half_closed: false,
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

    /// Returns the period in which the process had no free descriptor, in nanoseconds, if there was one.
    pub(crate) fn shortage_ns(&self) -> Option<(u64, u64)> {
        Some((self.shortage_ns?, self.undone_ns?))
    }

    /// Returns what the clients at fault asked for.
    pub(super) fn requests(&self) -> Requests<'_> {
        let batches_bytes = if self.scene.sends_lines_at_once() { self.sent_bytes } else { 0 };
        Requests { batches_bytes, replied_ns: &self.replied_ns, abandoned: self.abandoned }
    }

    /// Records an event of the clients at fault.
    pub(crate) fn note_event(&mut self, event: &Event<'_>) {
        match &event.event {
            EventKind::Acted { act: Act::RestoreDescriptors, is_done: false } => self.has_reserve = true,
            EventKind::Acted { act, is_done: false } => self.note_incident(Incident::ActionFailed(*act)),
            _ => {}
        }
        match &event.event {
            EventKind::Acted { act: Act::LeaveDescriptors(_), .. } => self.shortage_ns = Some(event.at_ns),
            EventKind::Acted {
                act: Act::Continue | Act::RestoreDescriptors | Act::RestoreMemory | Act::UnblockOutput,
                ..
            } => {
                self.undone_ns = Some(event.at_ns);
            }
            EventKind::Acted { act: Act::EndCondition, .. } if self.scene.fault.needs_process => {
                self.undone_ns = Some(event.at_ns);
            }
            EventKind::Acted { act: Act::Kill, is_done: true } => {
                self.has_ended_target = self.requirements.ends_target;
            }
            EventKind::Sent(bytes) => {
                self.sent_bytes += bytes.len() as u64;
                if bytes.ends_with(b"\n") {
                    self.asking.insert(event.connection);
                }
            }
            EventKind::Closed | EventKind::Reset => {
                self.abandoned += u64::from(self.asking.remove(&event.connection));
            }
            EventKind::Flooded { bytes, .. } => self.sent_bytes += bytes,
            _ => {}
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

    /// Records an incident of a bystander at this time, and when its cause began. What happens to clients of a target that was
    /// ended on purpose does not count.
    pub(crate) fn note_bystander(&mut self, client: u32, incident: Incident, [cause_ns, at_ns]: [u64; 2]) {
        // The time that a client waited during the fault does not count.
        let waited_ns = match &incident {
            Incident::NoReply { instead: Instead::Nothing { waited_ns, .. }, .. } => waited_ns / 2,
            _ => 0,
        };
        let over_ns = self.undone_ns.or(Some(self.newcomer_ns).filter(|newcomer_ns| *newcomer_ns > 0));
        let time = if self.begun_ns == 0 || cause_ns < self.begun_ns {
            IncidentTime::BeforeFaults
        } else if over_ns.is_some_and(|over_ns| at_ns >= over_ns + waited_ns) {
            IncidentTime::After
        } else {
            IncidentTime::During
        };
        self.note(Noted { client: Some(client), incident, time });
    }

    /// Records an incident that concerns no bystander.
    fn note_incident(&mut self, incident: Incident) {
        self.note(Noted { client: None, incident, time: IncidentTime::After });
    }

    fn note(&mut self, noted: Noted) {
        if !self.has_ended_target {
            self.incidents.push(noted);
        }
    }

    /// Returns the incidents.
    pub(super) fn incidents(&self) -> &[Noted] {
        &self.incidents
    }

    /// Returns the incidents, from which those may be removed that are no harm.
    pub(super) fn incidents_mut(&mut self) -> &mut Vec<Noted> {
        &mut self.incidents
    }

    /// Records a violation of the invariant.
    pub(crate) fn note_violation(&mut self, finding: Finding) {
        self.violations.push(finding);
    }

    /// Records that the target is gone.
    pub(crate) fn note_lost(&mut self, how: &str) {
        self.target_lost = Some(how.to_owned());
    }

    /// Returns whether a client at fault has waited for a reply in vain, although the target must serve it.
    pub(crate) fn has_waited_in_vain(&self) -> bool {
        self.waiting.has_any && (self.requirements.is_promised || self.waiting.has_later)
    }

    /// Records an observation of the clients at fault.
    pub(crate) fn observe(&mut self, observation: &Observation<'_>, at_ns: u64) {
        if let Observation::Exchange(exchange) = observation {
            self.replied_ns.push(at_ns);
            self.asking.remove(&exchange.place.connection);
        }
        match observation {
            Observation::Opened { connection, slot, .. } => {
                self.slots.insert(*connection, *slot);
            }
            Observation::Exchange(exchange) if self.scene.sequel.is_some() => {
                let slot = self.slots.get(&exchange.place.connection).filter(|slot| **slot != CLEANUP);
                self.replies.extend(slot.map(|slot| (*slot, exchange.reply.to_vec())));
            }
            Observation::Unanswered { place, end: EventKind::TimedOut { waited_ns, late_ns }, .. } => {
                let asked_ns = at_ns.saturating_sub(waited_ns + late_ns);
                self.waiting.has_any = true;
                self.waiting.has_later |= self.undone_ns.is_some_and(|undone_ns| asked_ns >= undone_ns);
                if let Some(slot) = self.slots.get(&place.connection) {
                    self.waiting.has_later |=
                        !self.requirements.is_promised && self.scene.asks_afterwards(*slot);
                    self.waiting.has_crowd |= (CROWD..CLEANUP).contains(slot);
                }
            }
            _ => {}
        }
        let had_finding = self.case.has_finding();
        let is_half_closed = self.may_be_half_closed(observation);
        let _ = self.case.observe(observation);
        self.is_half_closed |= is_half_closed && !had_finding && self.case.has_finding();
    }

    /// Returns whether the target has ended a connection without a reply that the client no longer waits for, as it shuts down its
    /// sending half.
    fn may_be_half_closed(&self, observation: &Observation<'_>) -> bool {
        let Observation::Unanswered { place, end: EventKind::Ended, .. } = observation else { return false };
        let slot = self.slots.get(&place.connection);
        slot.is_some_and(|slot| self.scene.ends_sending(*slot)) && !self.case.awaits_reply(place.connection)
    }

    /// Records that the newcomer was not served if it has waited for `limit_ns`. Returns whether it has.
    pub(crate) fn note_newcomer_overdue(&mut self, at_ns: u64, limit_ns: u64) -> bool {
        let waited_ns = at_ns.saturating_sub(self.newcomer_ns);
        let is_overdue = self.newcomer_waited_ns.is_none() && waited_ns >= limit_ns;
        if is_overdue {
            let instead = Instead::Nothing { waited_ns, late_ns: 0 };
            self.note_incident(Incident::NewcomerNotServed(instead));
        }
        is_overdue
    }

    /// Records an observation of the newcomer. Returns why no further scene can be run if it was not served: they would show the same
    /// harm.
    pub(crate) fn observe_newcomer(&mut self, observation: &Observation<'_>, at_ns: u64) -> Option<Halt> {
        let instead = match observation {
            Observation::Exchange(exchange) if (self.requirements.newcomer.is_served)(exchange.reply) => {
                self.newcomer_waited_ns = Some(at_ns.saturating_sub(self.newcomer_ns));
                return None;
            }
            Observation::Exchange(exchange) => {
                self.newcomer_waited_ns = Some(at_ns.saturating_sub(self.newcomer_ns));
                Instead::Reply(printable(exchange.reply))
            }
            Observation::Unanswered { end: EventKind::TimedOut { waited_ns, late_ns }, .. } => {
                Instead::Nothing { waited_ns: *waited_ns, late_ns: *late_ns }
            }
            Observation::Unanswered { .. } => Instead::End,
            Observation::NotOpened { failure, .. } if failure.kind == FailureKind::OutOfResources => {
                self.note_incident(Incident::NewcomerNotStarted(failure.message.clone()));
                return None;
            }
            Observation::NotOpened { failure, .. } => {
                self.note_incident(Incident::NewcomerNotServed(Instead::Error(failure.message.clone())));
                let is_refused = failure.kind == FailureKind::Refused;
                return Some(if is_refused { Halt::Lost } else { Halt::Stuck });
            }
            _ => return None,
        };
        self.note_incident(Incident::NewcomerNotServed(instead));
        Some(Halt::Stuck)
    }

    /// Closes the scene and returns its outcome. The target is not accused of what is known about it.
    pub(crate) fn finish(self, measured: Measured, known: &Known) -> SceneOutcome {
        let Measured { quiet_latencies_ns, latencies_ns, idle_waits_ns, idle_cpu, delays } = measured;
        let Fault { is_baseline, clause, keeps, .. } = *self.scene.fault;
        let lost_lines = known.lost_lines.filter(|_| self.scene.sends_lines_at_once());
        // Replies that a target does not send cannot block it.
        let cannot_be_blocked = lost_lines.is_some() && self.scene.case.needs_block;
        let lost_lines = lost_lines.filter(|_| keeps.is_none());
        let lost_lines = is_baseline.then_some(clause).or(lost_lines);
        let (begun_ns, over_ns) = self.span_ns();
        let duration_ns = over_ns - begun_ns;
        let figure = figure(&latencies_ns, self.newcomer_waited_ns, duration_ns);
        let is_complete = self.case.state() == CaseState::Done;
        let case = self.case.outcome();
        let no_shortage = self.has_reserve.then(|| NO_SHORTAGE.to_owned());
        let is_too_slow = matches!(keeps, Some(ResourceLimit::MemoryPerVisit { .. }));
        let too_slow = case.cause.clone().filter(|_| is_too_slow);
        let is_decided = |finding: &Finding| no_shortage.is_none() || finding.verdict != Verdict::Unknown;
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
            quiet_latencies_ns,
            latencies_ns,
            idle_waits_ns,
            idle_cpu,
            delays,
            at_fault: AtFault {
                finding: case.finding.filter(|finding| is_decided(finding) && !known.explains(finding)),
                is_beyond_memory: case.is_beyond_memory,
                left_out: no_shortage.or(too_slow),
                cause: case.cause,
                waiting: self.waiting,
                lost_lines: lost_lines.or(self.half_closed.filter(|_| self.is_half_closed)),
                cannot_be_blocked,
            },
        };
        SceneOutcome {
            scene: self.scene,
            harm: decide(&evidence),
            figure,
            repetitions: 0,
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
