//! The well-behaved clients: whether each of their replies is right, and how long it takes from when it was due.

use std::collections::BTreeMap;

use conformance::limits::LATE_NS_MAX;
use driver::exchanges::Observation;
use driver::history::Event;
use driver::history::EventKind;
use protocol::Clause;
use protocol::text::printable;
use verdict::Finding;
use verdict::Verdict;

use super::step::StepJudge;
use crate::kit::{Fate, Kit, Witness};
use crate::scripts::{BYSTANDERS, planned};

/// All of them.
#[derive(Debug)]
pub(super) struct Bystanders {
    kit: &'static Kit,
    witness: Box<dyn Witness>,
    /// How many requests each has sent.
    sent: BTreeMap<u32, u64>,
    /// When each request was due, and how long its reply took from then on.
    requests: BTreeMap<u64, u64>,
}

/// How long replies took, sorted.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// Before the first fault.
    pub quiet: Vec<u64>,
    /// Beside each step.
    pub beside: Vec<Vec<u64>>,
}

impl Bystanders {
    pub(super) fn new(kit: &'static Kit) -> Self {
        Self { kit, witness: (kit.witness)(), sent: BTreeMap::new(), requests: BTreeMap::new() }
    }

    /// Takes in an event as it is.
    pub(super) fn note(&mut self, event: &Event<'_>) {
        if event.client < BYSTANDERS && matches!(event.event, EventKind::Sent(_)) {
            *self.sent.entry(event.client).or_default() += 1;
        }
    }

    /// Takes in what is seen of one; what is wrong goes to the step that is under way.
    pub(super) fn see(
        &mut self,
        client: u32,
        seen: &Observation<'_>,
        at_ns: u64,
        step: &mut Option<&mut StepJudge>,
    ) {
        let fate = self.witness.see(seen);
        if let (Observation::Exchange(_), Fate::Served | Fate::Well | Fate::Harmed(_)) = (seen, &fate) {
            // It has one request under way at most, so the one that is answered is the last that it sent.
            let turn = self.sent.get(&client).map_or(0, |sent| sent.saturating_sub(1));
            let due = planned(self.kit.ask_interval, client, turn);
            let due_ns = u64::try_from(due.as_nanos()).unwrap_or(u64::MAX);
            self.requests.insert(due_ns, at_ns.saturating_sub(due_ns));
        }
        let Some(step) = step else { return };
        let finding = match fate {
            Fate::Well => None,
            Fate::Served => {
                step.serve();
                None
            }
            Fate::TurnedAway => {
                step.turn_away();
                None
            }
            Fate::SentAway if !step.is_promised() => {
                step.turn_away();
                None
            }
            Fate::Harmed(finding) => Some(*finding),
            Fate::SentAway | Fate::AsAnybody => as_anybody(seen, self.kit.kept_waiting),
        };
        if let Some(mut finding) = finding {
            finding.client = Some(client);
            step.harm(finding);
        }
    }

    /// How long replies took that were due in each of these spans, and before the first of them.
    pub(super) fn by_span(&self, spans: &[(u64, u64)]) -> Latencies {
        let within = |from_ns: u64, to_ns: u64| {
            let mut latencies: Vec<u64> =
                self.requests.range(from_ns..to_ns.max(from_ns)).map(|(_, took)| *took).collect();
            latencies.sort_unstable();
            latencies
        };
        let first = spans.iter().map(|(begun_ns, _)| *begun_ns).find(|begun_ns| *begun_ns > 0).unwrap_or(0);
        Latencies {
            quiet: within(0, first),
            beside: spans.iter().map(|&(from, to)| within(from, to)).collect(),
        }
    }

    pub(super) fn into_requests(self) -> BTreeMap<u64, u64> {
        self.requests
    }
}

/// Any client is to be answered, and nothing else is to be said to it.
fn as_anybody(seen: &Observation<'_>, kept_waiting: Clause) -> Option<Finding> {
    match seen {
        Observation::Unsolicited { after, bytes, .. } => {
            let mut finding = Finding::new(Verdict::Fail, "a bystander got bytes that answer nothing");
            finding.show(printable(after), printable(bytes), String::new());
            Some(finding)
        }
        Observation::Unanswered { request, end, .. } => Some(unanswered(request, end, kept_waiting)),
        Observation::EndedIdle { end, .. } => Some(unanswered(b"", end, kept_waiting)),
        _ => None,
    }
}

fn unanswered(request: &[u8], end: &EventKind<'_>, kept_waiting: Clause) -> Finding {
    let mut finding = Finding::new(Verdict::Fail, "a bystander got no reply");
    let came = match end {
        EventKind::TimedOut { late_ns, .. } if *late_ns > LATE_NS_MAX => {
            let mut finding = Finding::new(Verdict::Unknown, "a bystander's reply is not known to be late");
            finding.reason = Some("the harness itself was held up".to_owned());
            return finding;
        }
        EventKind::TimedOut { waited_ns, .. } => {
            finding.clause = Some(kept_waiting);
            format!("nothing within {}", verdict::seconds(*waited_ns))
        }
        EventKind::Lost(failure) => failure.message.clone(),
        _ => "the end of the connection".to_owned(),
    };
    finding.show(printable(request), came, "a reply within 10 s".to_owned());
    finding
}

/// The value that so many of a hundred sorted ones do not exceed; 0 of none.
#[must_use]
pub fn percentile(sorted: &[u64], hundredths: usize) -> u64 {
    let rank = (sorted.len() * hundredths).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}
