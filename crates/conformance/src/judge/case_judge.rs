//! The judge of one case.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use driver::REPLY_BYTES_MAX;
use driver::exchanges::{Exchange, Observation, Place};
use driver::history::{Event, EventKind, Sample};
use driver::moves::Slot;
use protocol::text::printable;
use protocol::{Framing, Level};
use verdict::{Finding, Verdict};

use crate::case::{A, Allowed};
use crate::dialect::ViolationKind;
use crate::judge::evidence::{Evidence, first_difference, one_of};
use crate::judge::outcome::CaseOutcome;
use crate::judge::status::{CaseState, TargetStatus};
use crate::messages;
use crate::other_protocol::other_protocol;
use crate::plan::{CLEANUP, CasePlan};
use crate::resources::{Flood, Growth, ResourceLimit, growth, is_too_slow};
use crate::wire::WireLog;

/// The factor by which idle clients may increase the latency of another client, …
const LATENCY_FACTOR_MAX: u64 = 5;

/// … or the increase in nanoseconds, whichever is larger.
const LATENCY_NS_MORE_MAX: u64 = 50_000_000;

/// The judge of one case.
#[derive(Debug)]
pub struct CaseJudge {
    pub(super) plan: Rc<CasePlan>,
    pub(super) state: CaseState,
    pub(super) connections: BTreeMap<u32, ConnectionState>,
    /// The number of times that each slot was opened.
    pub(super) opened: BTreeMap<Slot, usize>,
    pub(super) finding: Option<Finding>,
    /// The replies for which the case only observes.
    pub(super) observed: Vec<String>,
    pub(super) samples: Vec<(u64, Sample)>,
    flood: Flood,
    /// The number of occurrences of the reply that the case counts.
    pub(super) counted: usize,
    /// The latencies of the replies to the first client, in nanoseconds.
    pub(super) latencies_ns: Vec<u64>,
    pub(super) has_answered: bool,
    /// Whether the finding is that the target's memory exceeds a bound.
    is_beyond_memory: bool,
    /// The reason for which a pass would prove nothing.
    pub(super) inconclusive: Option<String>,
    pub(super) wire: WireLog,
    pub(super) span_ns: (u64, u64),
}

#[derive(Debug)]
pub(super) struct ConnectionState {
    pub(super) slot: Slot,
    pub(super) opened_before: usize,
    pub(super) answered: usize,
    /// Whether the last reply was `ERROR`.
    pub(super) has_erred: bool,
    /// Unsolicited bytes that may be the beginning of a close reason.
    pub(super) unsolicited: Vec<u8>,
    /// Whether the client had sent a part of a request when they arrived.
    pub(super) is_unsolicited_mid_request: bool,
    /// Cuts unsolicited bytes into replies, where the protocol permits replies without a request.
    pub(super) unsolicited_framing: Box<dyn Framing>,
}

impl CaseJudge {
    /// Returns a judge without observations.
    #[must_use]
    pub fn new(plan: Rc<CasePlan>) -> Self {
        Self {
            plan,
            state: CaseState::NotStarted,
            connections: BTreeMap::new(),
            opened: BTreeMap::new(),
            finding: None,
            observed: Vec::new(),
            samples: Vec::new(),
            flood: Flood::default(),
            counted: 0,
            latencies_ns: Vec::new(),
            has_answered: false,
            is_beyond_memory: false,
            inconclusive: None,
            wire: WireLog::default(),
            span_ns: (0, 0),
        }
    }

    /// Returns the progress of the case.
    #[must_use]
    pub fn state(&self) -> CaseState {
        self.state
    }

    /// Returns whether the case has a finding so far.
    #[must_use]
    pub fn has_finding(&self) -> bool {
        self.finding.is_some()
    }

    /// Returns whether the case waits for the next reply on a connection.
    #[must_use]
    pub fn awaits_reply(&self, connection: u32) -> bool {
        self.expected_next(connection).is_some()
    }

    /// Returns the plan of the case.
    #[must_use]
    pub fn plan(&self) -> &CasePlan {
        &self.plan
    }

    /// Returns whether the loss of the target would explain the violation that was found.
    pub(crate) fn is_explained_by_loss(&self) -> bool {
        self.finding.as_ref().is_some_and(|finding| finding.is_explained_by_loss)
    }

    /// Returns the transcript so far.
    #[must_use]
    pub fn wire(&self) -> &WireLog {
        &self.wire
    }

    /// Records an event of the case's client, for the transcript and for what no observation covers.
    pub fn note(&mut self, event: &Event<'_>) {
        if self.state == CaseState::NotStarted {
            self.state = CaseState::Running;
            self.span_ns.0 = event.at_ns;
        }
        self.span_ns.1 = event.at_ns;
        match &event.event {
            EventKind::ClientDone => self.finish(),
            EventKind::Sampled(sample) => self.samples.push((event.at_ns, *sample)),
            EventKind::Acted { is_done: false, .. } => {
                self.find_unknown(messages::ACTION_FAILED);
            }
            EventKind::Flooded { bytes, has_stalled } => {
                self.flood = Flood { bytes: *bytes, has_stalled: *has_stalled };
                if self.plan.case.needs_block && !has_stalled {
                    self.inconclusive = Some(messages::NEVER_BLOCKED.to_owned());
                }
                self.wire.add(event.connection, event.at_ns, &event.event);
            }
            EventKind::StoppedReading => {
                self.inconclusive = Some(messages::STOPPED_READING.to_owned());
                self.wire.add(event.connection, event.at_ns, &event.event);
            }
            EventKind::Opened(slot) => self.wire.open(event.connection, *slot, event.at_ns),
            what => self.wire.add(event.connection, event.at_ns, what),
        }
    }

    /// Returns the last bytes that the case has sent, in printable form, with its id.
    pub(crate) fn last_sent(&self) -> Option<String> {
        let (_, bytes) = self.wire.sent().last()?;
        Some(format!("{} in {}", printable(bytes), self.plan.case.id))
    }

    /// Judges an observation of the case's client. Returns what it reveals about the target.
    pub fn observe(&mut self, seen: &Observation<'_>) -> Option<TargetStatus> {
        match seen {
            Observation::Phase { .. } => None,
            Observation::Opened { connection, slot, .. } => {
                let times = self.opened.entry(*slot).or_default();
                let state = ConnectionState {
                    slot: *slot,
                    opened_before: *times,
                    answered: 0,
                    has_erred: false,
                    unsolicited: Vec::new(),
                    is_unsolicited_mid_request: false,
                    unsolicited_framing: (self.plan.dialect.framing)(REPLY_BYTES_MAX),
                };
                *times += 1;
                self.connections.insert(*connection, state);
                None
            }
            Observation::Exchange(replied) => self.replied(replied),
            Observation::Unsolicited { place, after, bytes } => self.unsolicited(place, after, bytes),
            Observation::Unanswered { place, request, partial, end } => {
                self.unanswered(place, request, partial, end)
            }
            Observation::EndedIdle { place, end } => self.ended_idle(place, end),
            Observation::StayedOpen { waited_ns, .. } => {
                self.stayed_open(*waited_ns);
                None
            }
            Observation::NotOpened { failure, .. } => self.not_opened(failure),
        }
    }

    /// Returns the outcome of the case, once it is done.
    #[must_use]
    pub fn outcome(self) -> CaseOutcome {
        let case = self.plan.case;
        let verdict = match (&self.finding, case.level) {
            (Some(finding), level) if level != Level::Info => finding.verdict,
            _ => Verdict::Pass,
        };
        let observed = (case.level == Level::Info).then(|| self.observation());
        // Only a pass is ambiguous_connections then; a violation remains one.
        let inconclusive = self.inconclusive.filter(|_| verdict == Verdict::Pass);
        CaseOutcome {
            verdict: if inconclusive.is_some() { Verdict::NotRun } else { verdict },
            cause: inconclusive,
            finding: self.finding.filter(|_| case.level != Level::Info),
            is_beyond_memory: self.is_beyond_memory,
            observed,
            wire: self.wire,
            duration_ns: self.span_ns.1.saturating_sub(self.span_ns.0),
        }
    }

    /// Describes the observed replies and their meaning.
    fn observation(&self) -> String {
        let mut actual = self.observed.join(" ");
        if let (true, Some(finding)) = (actual.is_empty(), &self.finding) {
            actual = finding.actual.clone().unwrap_or_else(|| finding.summary.clone());
        }
        match self.plan.case.meanings.iter().find(|(replies, _)| *replies == actual) {
            Some((_, meaning)) => format!("{meaning} ({actual})"),
            None => messages::observed(self.plan.case.requirement, &actual),
        }
    }

    fn finish(&mut self) {
        self.state = CaseState::Done;
        if let Some((reply, least, most)) = self.plan.case.counts
            && !(least..=most).contains(&self.counted)
        {
            let (reply, bound) = (printable(reply), if least == most { "" } else { "at least " });
            let shown = Evidence {
                sent: messages::CASE_BYTES.to_owned(),
                actual: messages::reply_count(&reply, "", self.counted),
                expected: messages::reply_count(&reply, bound, least),
                differs_at: None,
            };
            self.find(self.plan.case.clause, messages::REPLY_COUNT, shown);
        }
        if self.plan.case.compares_latency {
            self.compare_latency();
        }
        self.judge_samples(self.plan.case.resource_limit);
    }

    fn judge_samples(&mut self, resource_limit: ResourceLimit) {
        match growth(&self.samples, self.flood, resource_limit) {
            Some(Growth { is_certain: true, visits, actual, expected }) => {
                let shown = Evidence { sent: visits, actual, expected, differs_at: None };
                self.is_beyond_memory = self.finding.is_none() && resource_limit.is_of_memory();
                let (clause, summary) = match resource_limit {
                    ResourceLimit::GrowthPerRound { .. } | ResourceLimit::MemoryPerVisit { .. } => {
                        (self.clause(ViolationKind::ResourceLeak), messages::RESOURCE_LEAK)
                    }
                    ResourceLimit::Memory(_) | ResourceLimit::MemoryOfUnreadReplies(_) => {
                        (self.plan.case.clause, messages::MEMORY_UNBOUNDED)
                    }
                };
                self.find(clause, summary, shown);
            }
            Some(Growth { visits, actual, .. }) => {
                self.inconclusive = Some(messages::leak_inconclusive(&visits, &actual));
            }
            None if is_too_slow(&self.samples, resource_limit) => {
                self.inconclusive = Some(messages::TOO_SLOW_FOR_ROUNDS.to_owned());
            }
            None if self.samples.is_empty() && self.plan.samples() => {
                if cfg!(target_os = "linux") {
                    self.find_unknown(messages::NO_SAMPLES);
                } else {
                    self.inconclusive = Some(messages::ONLY_ON_LINUX.to_owned());
                }
            }
            None => {}
        }
    }

    /// Returns why a correct server may send this reply at this time, if it may.
    fn excuse(&self, actual: &[u8], sent_ns: u64) -> Option<&'static str> {
        let elapsed = Duration::from_nanos(sent_ns.saturating_sub(self.span_ns.0));
        (self.plan.dialect.excuse)(actual, elapsed)
    }

    /// Compares the latencies of the first client's replies: the second half must be about as fast as the first.
    fn compare_latency(&mut self) {
        let (quiet, beside) = self.latencies_ns.split_at(self.latencies_ns.len() / 2);
        let (quiet_ns, beside_ns) = (median(quiet), median(beside));
        let allowed_ns = quiet_ns.saturating_mul(LATENCY_FACTOR_MAX).max(quiet_ns + LATENCY_NS_MORE_MAX);
        if beside_ns > allowed_ns {
            let ms = |ns: u64| format!("{:.1} ms", Duration::from_nanos(ns).as_secs_f64() * 1e3);
            let shown = Evidence {
                sent: messages::latency_requests(quiet.len()),
                actual: messages::latency_measured(&ms(quiet_ns), &ms(beside_ns)),
                expected: messages::latency_allowed(&ms(allowed_ns)),
                differs_at: None,
            };
            self.find(self.plan.case.clause, messages::SLOWED_DOWN, shown);
        }
    }

    pub(super) fn replied(&mut self, replied: &Exchange<'_>) -> Option<TargetStatus> {
        let dialect = self.plan.dialect;
        let connection = self.connections.get_mut(&replied.place.connection)?;
        let (slot, number) = (connection.slot, connection.answered);
        connection.answered += 1;
        let expected = self.plan.expected(slot, connection.opened_before).get(number).copied();
        let actual = [&(dialect.read)(replied.reply)[..], dialect.delimiter].concat();
        connection.has_erred = actual.starts_with(b"ERROR");
        let unsolicited = std::mem::take(&mut connection.unsolicited);
        let is_mid_request = connection.is_unsolicited_mid_request;
        if !unsolicited.is_empty() {
            self.find_unsolicited(&Place { is_mid_request, ..replied.place }, b"", &unsolicited);
        }
        let is_reply = dialect.is_reply(&actual);
        self.has_answered |= is_reply;
        self.counted += usize::from(self.plan.case.counts.is_some_and(|(reply, ..)| reply == actual));
        if slot == A {
            self.latencies_ns.push(replied.replied_ns.saturating_sub(replied.sent_ns));
        }
        if slot == CLEANUP {
            // Cleanup replies are not judged, but an invalid one reveals the kind of server.
            return Some(
                other_protocol(replied.reply).map_or(TargetStatus::Serving, TargetStatus::OtherProtocol),
            );
        }
        match expected {
            Some(Allowed::Observed) => self.observed.push(printable(replied.reply)),
            Some(allowed) if !allowed.lines().contains(&&actual[..]) => {
                if let Some(excuse) = self.excuse(&actual, replied.sent_ns) {
                    self.find_unknown(excuse);
                    return Some(TargetStatus::Serving);
                }
                let (clause, summary) = if is_reply {
                    (self.plan.case.clause, messages::INCORRECT_REPLY)
                } else {
                    (self.clause(ViolationKind::InvalidReply), dialect.invalid_reply)
                };
                let shown = Evidence {
                    sent: self.line(replied.request),
                    actual: printable(&actual),
                    expected: one_of(allowed.lines()),
                    differs_at: Some(first_difference(&actual, allowed.lines())),
                };
                self.find(clause, summary, shown);
            }
            Some(_) => {}
            None if self.plan.case.is_lenient && is_reply => {}
            None => self.find_unsolicited(&replied.place, replied.request, &actual),
        }
        Some(TargetStatus::Serving)
    }
}

/// Returns the median of some times.
fn median(times: &[u64]) -> u64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}
