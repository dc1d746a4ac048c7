//! Evidence about the bystanders: what happens to each, and the latency of each reply since the request was due.

use std::collections::BTreeMap;

use driver::exchanges::Observation;
use driver::history::Event;
use driver::history::EventKind;
use protocol::text::printable;

use crate::chaos_protocol::{BystanderJudge, BystanderState, ChaosProtocol};
use crate::collect::scene::SceneCollector;
use crate::harm::evidence::{Incident, Instead};
use crate::timing::{BYSTANDERS, due_at};

/// Follows all bystanders.
#[derive(Debug)]
pub(crate) struct Bystanders {
    protocol: &'static ChaosProtocol,
    judge: Box<dyn BystanderJudge>,
    /// The number of requests that each has sent.
    sent: BTreeMap<u32, u64>,
    /// When each request was due, and its latency from then on, in nanoseconds.
    requests: BTreeMap<u64, u64>,
}

/// Sorted latencies, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    /// Of requests that were due before the first fault.
    pub(crate) quiet: Vec<u64>,
    /// Of requests that were due during each scene.
    pub(crate) scenes: Vec<Vec<u64>>,
}

impl Bystanders {
    pub(crate) fn new(protocol: &'static ChaosProtocol) -> Self {
        let judge = (protocol.bystander_judge)();
        Self { protocol, judge, sent: BTreeMap::new(), requests: BTreeMap::new() }
    }

    /// Records an event.
    pub(crate) fn note(&mut self, event: &Event<'_>) {
        if event.client < BYSTANDERS && matches!(event.event, EventKind::Sent(_)) {
            *self.sent.entry(event.client).or_default() += 1;
        }
    }

    /// Records an observation of a bystander; incidents are attributed to the current scene.
    pub(crate) fn observe(
        &mut self,
        client: u32,
        observation: &Observation<'_>,
        at_ns: u64,
        scene: &mut Option<&mut SceneCollector>,
    ) {
        use BystanderState::{ClosedUnserved, InProgress, Incident, Refused, Served, Unspecific};
        let state = self.judge.observe(observation);
        if let (Observation::Exchange(_), Served | InProgress | Incident(_)) = (observation, &state) {
            // A bystander has at most one outstanding request, so the reply belongs to the last one.
            let request = self.sent.get(&client).map_or(0, |sent| sent.saturating_sub(1));
            let due = due_at(self.protocol.ask_interval, client, request);
            let due_ns = u64::try_from(due.as_nanos()).unwrap_or(u64::MAX);
            self.requests.insert(due_ns, at_ns.saturating_sub(due_ns));
        }
        let Some(scene) = scene else { return };
        let incident = match state {
            InProgress => None,
            Served => {
                scene.note_served();
                None
            }
            Refused => {
                scene.note_refused();
                None
            }
            Incident(incident) => Some(*incident),
            ClosedUnserved => unspecific(observation, true),
            Unspecific => unspecific(observation, false),
        };
        if let Some(incident) = incident {
            scene.note_incident(Some(client), incident);
        }
    }

    /// Returns the latencies of requests that were due in each of these spans, and before the first of them.
    pub(crate) fn latencies(&self, spans: &[(u64, u64)]) -> Latencies {
        let within = |from_ns: u64, to_ns: u64| {
            let mut latencies: Vec<u64> =
                self.requests.range(from_ns..to_ns.max(from_ns)).map(|(_, latency)| *latency).collect();
            latencies.sort_unstable();
            latencies
        };
        let first = spans.iter().map(|(begun_ns, _)| *begun_ns).find(|begun_ns| *begun_ns > 0).unwrap_or(0);
        Latencies {
            quiet: within(0, first),
            scenes: spans.iter().map(|&(from, to)| within(from, to)).collect(),
        }
    }

    pub(crate) fn into_requests(self) -> BTreeMap<u64, u64> {
        self.requests
    }
}

/// Returns the incident that an observation shows whatever the protocol: a client expects one reply per request.
fn unspecific(observation: &Observation<'_>, is_unserved: bool) -> Option<Incident> {
    match observation {
        Observation::Unsolicited { after, bytes, .. } => {
            Some(Incident::UnsolicitedBytes { after: printable(after), bytes: printable(bytes) })
        }
        Observation::Unanswered { request, end, .. } => Some(no_reply(request, end, is_unserved)),
        Observation::EndedIdle { end, .. } => Some(no_reply(b"", end, is_unserved)),
        _ => None,
    }
}

fn no_reply(request: &[u8], end: &EventKind<'_>, is_unserved: bool) -> Incident {
    let instead = match end {
        EventKind::TimedOut { waited_ns, late_ns } => {
            Instead::Nothing { waited_ns: *waited_ns, late_ns: *late_ns }
        }
        EventKind::Lost(failure) => Instead::Error(failure.message.clone()),
        _ => Instead::End,
    };
    Incident::NoReply { request: printable(request), instead, is_unserved }
}
