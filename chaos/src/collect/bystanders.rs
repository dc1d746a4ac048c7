//! Evidence about the bystanders: what happens to each, and the latency of each reply since the request was due.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use driver::exchanges::Observation;
use driver::history::Event;
use driver::history::EventKind;
use protocol::text::printable;

use crate::chaos_protocol::{BystanderJudge, BystanderState, ChaosProtocol};
use crate::harm::LATENCY_NS_MORE_MAX;
use crate::harm::evidence::{Incident, Instead};
use crate::timing::{BYSTANDERS, turn};

/// The latency that is never a finding, in nanoseconds. A request that was due so shortly before a scene may still be delayed
/// by the fault of that scene.
const TOLERATED_NS: u64 = LATENCY_NS_MORE_MAX;

/// Follows all bystanders.
#[derive(Debug)]
pub(crate) struct Bystanders {
    protocol: &'static ChaosProtocol,
    judge: Box<dyn BystanderJudge>,
    /// The bystanders that wait for a reply, and when that request was due, in nanoseconds. Each has at most one outstanding
    /// request.
    waiting: BTreeMap<u32, u64>,
    /// The bystanders that have a reply and have not sent what follows: they compute, which is not the target's delay.
    computing: BTreeSet<u32>,
    /// The time of the last event of each, in nanoseconds.
    seen: BTreeMap<u32, u64>,
    /// By the time when each request was due: the latency of its reply from then on. A request without a reply has the time
    /// for which it was known to wait. So has a time that passed while the bystander waited for an earlier reply, as if a
    /// request had been sent then.
    requests: BTreeMap<u64, Delay>,
}

/// The latency of a reply, and the time to which it belongs, in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Delay {
    latency_ns: u64,
    /// When the request was due for whose reply the bystander waited.
    cause_ns: u64,
}

/// What an observation of a bystander shows.
#[derive(Debug)]
pub(crate) enum Shown {
    /// It received the reply that it wanted.
    Served,
    /// It was refused, as the protocol allows.
    Refused,
    /// Something that may be harm, and the time to which it belongs, in nanoseconds.
    Incident(Incident, u64),
}

/// The latencies of a run, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    /// Of requests that were due before the first fault.
    pub(crate) quiet: Vec<u64>,
    /// When each request that belongs to each scene was due, and when its reply arrived.
    pub(crate) scenes: Vec<Vec<[u64; 2]>>,
}

impl Bystanders {
    pub(crate) fn new(protocol: &'static ChaosProtocol) -> Self {
        let judge = (protocol.bystander_judge)();
        let (waiting, seen) = (BTreeMap::new(), BTreeMap::new());
        Self { protocol, judge, waiting, computing: BTreeSet::new(), seen, requests: BTreeMap::new() }
    }

    /// Records an event, after its observations.
    pub(crate) fn note(&mut self, event: &Event<'_>) {
        let Event { client, at_ns, .. } = *event;
        if client >= BYSTANDERS {
            return;
        }
        match event.event {
            EventKind::Sent(_) => {
                self.computing.remove(&client);
                self.waiting.insert(client, self.last_due_ns(client, at_ns));
            }
            // The times that passed while it connected.
            EventKind::Opened(_) => self.note_delays(self.next_due_ns(client), at_ns, at_ns),
            _ => {}
        }
        self.seen.insert(client, at_ns);
    }

    /// Records an observation of a bystander and returns what it shows.
    pub(crate) fn observe(
        &mut self,
        client: u32,
        observation: &Observation<'_>,
        at_ns: u64,
    ) -> Option<Shown> {
        use BystanderState::{ClosedUnserved, InProgress, Incident, Refused, Served, Unspecific};
        let state = self.judge.observe(observation);
        let is_reply = matches!(observation, Observation::Exchange(_));
        let has_ended = matches!(observation, Observation::Unanswered { .. });
        let due_ns = match self.waiting.get(&client) {
            Some(due_ns) => *due_ns,
            None => self.last_due_ns(client, at_ns),
        };
        if is_reply || has_ended {
            self.waiting.remove(&client);
            self.computing.remove(&client);
        }
        if is_reply && matches!(state, InProgress) {
            self.computing.insert(client);
        }
        if has_ended || is_reply && matches!(state, Served | InProgress | Incident(_)) {
            self.note_delays(due_ns, at_ns, at_ns);
        }
        let incident = match state {
            InProgress => None,
            Served => return Some(Shown::Served),
            Refused => return Some(Shown::Refused),
            Incident(incident) => Some(*incident),
            ClosedUnserved => unspecific(observation, true),
            Unspecific => unspecific(observation, false),
        };
        let is_silence =
            matches!(&incident, Some(self::Incident::NoReply { instead, .. }) if instead.is_nothing());
        let belongs_to_ns = if is_silence { late_from_ns(due_ns) } else { at_ns };
        incident.map(|incident| Shown::Incident(incident, belongs_to_ns))
    }

    /// Returns whether every request that was due before `end_ns` has a reply, or will have none.
    pub(crate) fn are_settled(&self, end_ns: u64) -> bool {
        self.waiting.is_empty() && (0..BYSTANDERS).all(|client| self.next_due_ns(client) >= end_ns)
    }

    /// Records the requests that were due before `end_ns` and have no reply at `at_ns`. Returns those of them for which
    /// the target had `timeout_ns`, each with the time to which it belongs: at most one for each bystander.
    pub(crate) fn note_missing(
        &mut self,
        end_ns: u64,
        at_ns: u64,
        timeout_ns: u64,
    ) -> Vec<(u32, Incident, u64)> {
        let mut incidents = Vec::new();
        for client in 0..BYSTANDERS {
            let next_ns = self.next_due_ns(client);
            let first_ns = self.waiting.get(&client).copied().unwrap_or(next_ns);
            if first_ns >= end_ns.min(at_ns) || self.computing.contains(&client) {
                continue;
            }
            self.note_delays(first_ns, end_ns.min(at_ns), at_ns);
            let waited_ns = at_ns - first_ns;
            if waited_ns >= timeout_ns {
                let instead = Instead::Nothing { waited_ns, late_ns: 0 };
                let incident = Incident::NoReply { request: String::new(), instead, is_unserved: false };
                incidents.push((client, incident, late_from_ns(first_ns)));
            }
        }
        incidents
    }

    /// Returns the latencies of requests that belong to each of the scenes that begin at these times, and to none because
    /// they were due before the first of them. A scene lasts until the next one begins, and the last one until `end_ns`.
    pub(crate) fn latencies(&self, begun_ns: &[u64], end_ns: u64) -> Latencies {
        let within = |from_ns: u64, to_ns: u64| {
            let delays = self.requests.range(..end_ns);
            let within = delays.filter(move |(_, delay)| (from_ns..to_ns).contains(&delay.cause_ns));
            within.map(|(due_ns, delay)| [*due_ns, due_ns + delay.latency_ns])
        };
        let first_due_ns = |begun_ns: u64| begun_ns.saturating_sub(TOLERATED_NS);
        let next_ns = begun_ns.iter().skip(1).map(|begun_ns| first_due_ns(*begun_ns)).chain([end_ns]);
        Latencies {
            quiet: within(0, begun_ns.first().map_or(0, |begun_ns| first_due_ns(*begun_ns)))
                .map(|[due_ns, replied_ns]| replied_ns - due_ns)
                .collect(),
            scenes: begun_ns
                .iter()
                .zip(next_ns)
                .map(|(from, to)| within(first_due_ns(*from), to).collect())
                .collect(),
        }
    }

    /// Returns the latency of each request by the time when it was due, in nanoseconds.
    pub(crate) fn into_requests(self) -> BTreeMap<u64, u64> {
        self.requests.into_iter().map(|(due_ns, delay)| (due_ns, delay.latency_ns)).collect()
    }

    /// Records the waiting time, until `at_ns`, since each time at which a request was due, from `due_ns` to `end_ns`. All of them
    /// have the same cause.
    fn note_delays(&mut self, due_ns: u64, end_ns: u64, at_ns: u64) {
        let interval_ns = as_ns(self.protocol.ask_interval).max(1);
        let mut time_ns = due_ns;
        while time_ns < end_ns || time_ns == due_ns && due_ns <= at_ns {
            self.requests.insert(time_ns, Delay { latency_ns: at_ns - time_ns, cause_ns: due_ns });
            time_ns += interval_ns;
        }
    }

    /// Returns the last time at which a request was due.
    fn last_due_ns(&self, client: u32, at_ns: u64) -> u64 {
        let interval = self.protocol.ask_interval;
        let (offset_ns, interval_ns) = (as_ns(turn(interval, client)), as_ns(interval).max(1));
        offset_ns + at_ns.saturating_sub(offset_ns) / interval_ns * interval_ns
    }

    /// Returns the first time after its last event at which a bystander's request was or is due.
    fn next_due_ns(&self, client: u32) -> u64 {
        let seen_ns = self.seen.get(&client).copied().unwrap_or(0);
        self.last_due_ns(client, seen_ns) + as_ns(self.protocol.ask_interval)
    }
}

fn as_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns the time from which a reply is late. What delays it is in effect at that time.
fn late_from_ns(due_ns: u64) -> u64 {
    due_ns + TOLERATED_NS
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
