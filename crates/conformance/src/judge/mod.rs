//! Judges one case: follows its connections through the history, and finds the first reply that is not as it has to
//! be.

mod findings;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::case::{A, Allowed};
use crate::dialect::Broken;
use crate::foreign::foreign_speech;
use crate::plan::{CLEANUP, CasePlan};
use crate::resources::{Growth, Keeps, growth};
use crate::wire::WireLog;
use driver::REPLY_BYTES_MAX;
use driver::exchanges::Exchange;
use driver::exchanges::Observation;
use driver::history::Event;
use driver::history::EventKind;
use driver::history::Sample;
use driver::moves::Slot;
use findings::{Shown, first_wrong, one_of};
use protocol::text::printable;
use protocol::{Framing, Level};
use verdict::Finding;
use verdict::Verdict;

/// Why a case about a blocked target was not decided.
const NEVER_BLOCKED: &str = "the target went on reading for as long as it was sent to, and never had to wait";

/// Idle clients may make another's replies this many times slower, …
const LATENCY_FACTOR_MAX: u64 = 5;

/// … or slower by this much, whichever is more.
const LATENCY_NS_MORE_MAX: u64 = 50_000_000;

/// Follows a case.
#[derive(Debug)]
pub struct CaseJudge {
    plan: Rc<CasePlan>,
    state: State,
    lanes: BTreeMap<u32, Lane>,
    /// How often each slot was opened.
    opened: BTreeMap<Slot, usize>,
    finding: Option<Finding>,
    /// What came where the case was to find out.
    observed: Vec<String>,
    samples: Vec<Sample>,
    /// How often the reply came that has to come so many times.
    counted: usize,
    /// How long the replies of the first client took.
    latencies_ns: Vec<u64>,
    has_answered: bool,
    /// Why a pass would prove nothing.
    undecided: Option<String>,
    wire: WireLog,
    span_ns: (u64, u64),
}

/// How far a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing has been done yet.
    NotBegun,
    /// It has begun and not ended.
    UnderWay,
    /// Its client has made its last move.
    Done,
}

/// A sign that the target cannot serve anybody any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It took connections before and takes none now.
    Refuses,
    /// A new client with a plain request got no reply in time.
    Silent,
    /// It ended the connection of a new client with a plain request.
    HangsUp,
    /// It speaks another protocol.
    Foreign(&'static str),
    /// It served somebody.
    Serves,
}

#[derive(Debug)]
struct Lane {
    slot: Slot,
    opened_before: usize,
    answered: usize,
    /// Whether its last reply was `ERROR`.
    has_erred: bool,
    /// Bytes that answer nothing, and could be a last word.
    surplus: Vec<u8>,
    /// Cuts them into replies, where a server may say unasked what is expected.
    unasked: Box<dyn Framing>,
}

impl CaseJudge {
    /// A judge that has seen nothing.
    #[must_use]
    pub fn new(plan: Rc<CasePlan>) -> Self {
        Self {
            plan,
            state: State::NotBegun,
            lanes: BTreeMap::new(),
            opened: BTreeMap::new(),
            finding: None,
            observed: Vec::new(),
            samples: Vec::new(),
            counted: 0,
            latencies_ns: Vec::new(),
            has_answered: false,
            undecided: None,
            wire: WireLog::default(),
            span_ns: (0, 0),
        }
    }

    /// How far the case is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The case.
    #[must_use]
    pub fn plan(&self) -> &CasePlan {
        &self.plan
    }

    /// What went over the wire so far.
    #[must_use]
    pub fn wire(&self) -> &WireLog {
        &self.wire
    }

    /// Takes in an event of the case's client as it is: for the log, and for what pairs with nothing.
    pub fn note(&mut self, event: &Event<'_>) {
        if self.state == State::NotBegun {
            self.state = State::UnderWay;
            self.span_ns.0 = event.at_ns;
        }
        self.span_ns.1 = event.at_ns;
        match &event.event {
            EventKind::ClientDone => self.finish(),
            EventKind::Sampled(sample) => self.samples.push(*sample),
            EventKind::Acted { is_done: false, .. } => {
                self.find_unknown("something that the case does to the target could not be done");
            }
            EventKind::Flooded { has_stalled: false, .. } if self.plan.case.needs_block => {
                self.undecided = Some(NEVER_BLOCKED.to_owned());
                self.wire.add(event.connection, event.at_ns, &event.event);
            }
            EventKind::Opened(slot) => self.wire.open(event.connection, *slot, event.at_ns),
            what => self.wire.add(event.connection, event.at_ns, what),
        }
    }

    /// Takes in what is seen of the case's client; says what it tells of the target.
    pub fn observe(&mut self, seen: &Observation<'_>) -> Option<Sign> {
        match seen {
            Observation::Phase { .. } => None,
            Observation::Opened { connection, slot, .. } => {
                let times = self.opened.entry(*slot).or_default();
                let lane = Lane {
                    slot: *slot,
                    opened_before: *times,
                    answered: 0,
                    has_erred: false,
                    surplus: Vec::new(),
                    unasked: (self.plan.dialect.framing)(REPLY_BYTES_MAX),
                };
                *times += 1;
                self.lanes.insert(*connection, lane);
                None
            }
            Observation::Exchange(replied) => self.replied(replied),
            Observation::Unsolicited { place, after, bytes } => self.surplus(place, after, bytes),
            Observation::Unanswered { place, request, partial, end } => {
                self.unanswered(place, request, partial, end)
            }
            Observation::EndedIdle { place, end } => self.ended_at_rest(place, end),
            Observation::StayedOpen { waited_ns, .. } => {
                self.stayed_open(*waited_ns);
                None
            }
            Observation::NotOpened { failure, .. } => self.not_opened(failure),
        }
    }

    /// What the case comes to, once it is done.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        let case = self.plan.case;
        let verdict = match (&self.finding, case.level) {
            (Some(finding), level) if level != Level::Info => finding.verdict,
            _ => Verdict::Pass,
        };
        let observed = (case.level == Level::Info).then(|| self.observation());
        // Only a pass proves nothing then: what is wrong is wrong all the same.
        let undecided = self.undecided.filter(|_| verdict == Verdict::Pass);
        Outcome {
            verdict: if undecided.is_some() { Verdict::NotRun } else { verdict },
            cause: undecided,
            finding: self.finding.filter(|_| case.level != Level::Info),
            observed,
            wire: self.wire,
            duration_ns: self.span_ns.1.saturating_sub(self.span_ns.0),
        }
    }

    /// Replies that were to be found out, and what they mean.
    fn observation(&self) -> String {
        let mut came = self.observed.join(" ");
        if let (true, Some(finding)) = (came.is_empty(), &self.finding) {
            came = finding.actual.clone().unwrap_or_else(|| finding.summary.clone());
        }
        match self.plan.case.meanings.iter().find(|(replies, _)| *replies == came) {
            Some((_, meaning)) => format!("{meaning} ({came})"),
            None => format!("{} Observed: {came}", self.plan.case.requirement),
        }
    }

    fn finish(&mut self) {
        self.state = State::Done;
        if let Some((reply, least, most)) = self.plan.case.counts
            && !(least..=most).contains(&self.counted)
        {
            let (reply, bound) = (printable(reply), if least == most { "" } else { "at least " });
            let shown = Shown {
                sent: "what the case sends".to_owned(),
                came: format!("{reply} {} times", self.counted),
                expected: format!("{reply} {bound}{least} times"),
                wrong_at: None,
            };
            self.find(self.plan.case.clause, "a reply came more or less often than it had to", shown);
        }
        if self.plan.case.compares_latency {
            self.compare_latency();
        }
        match growth(&self.samples, self.plan.case.keeps) {
            Some(Growth { is_certain: true, visits, came, expected }) => {
                let shown = Shown { sent: visits, came, expected, wrong_at: None };
                let (clause, summary) = match self.plan.case.keeps {
                    Keeps::WhatVisitorsCost { .. } => {
                        (self.clause(Broken::Kept), "what a client cost is not given back")
                    }
                    Keeps::MemoryWithin(_) => (self.plan.case.clause, "memory is not bounded"),
                };
                self.find(clause, summary, shown);
            }
            Some(Growth { visits, came, .. }) => {
                self.undecided =
                    Some(format!("too short to tell a leak from a heap that grows: in {visits}, {came}"));
            }
            None => {}
        }
    }

    /// Why a right server may give this reply to what was sent then, if it may.
    fn excuse(&self, came: &[u8], sent_ns: u64) -> Option<&'static str> {
        let elapsed = Duration::from_nanos(sent_ns.saturating_sub(self.span_ns.0));
        (self.plan.dialect.excuse)(came, elapsed)
    }

    /// Whether the second half of the first client's replies came as quickly as the first.
    fn compare_latency(&mut self) {
        let (quiet, beside) = self.latencies_ns.split_at(self.latencies_ns.len() / 2);
        let (quiet_ns, beside_ns) = (median(quiet), median(beside));
        let allowed_ns = quiet_ns.saturating_mul(LATENCY_FACTOR_MAX).max(quiet_ns + LATENCY_NS_MORE_MAX);
        if beside_ns > allowed_ns {
            let ms = |ns: u64| format!("{:.1} ms", Duration::from_nanos(ns).as_secs_f64() * 1e3);
            let shown = Shown {
                sent: format!("{} requests before the others came, and as many beside them", quiet.len()),
                came: format!(
                    "half of the replies took {} before, and {} beside them",
                    ms(quiet_ns),
                    ms(beside_ns)
                ),
                expected: format!("at most {} for half of them", ms(allowed_ns)),
                wrong_at: None,
            };
            self.find(self.plan.case.clause, "others slow a client down", shown);
        }
    }

    fn replied(&mut self, replied: &Exchange<'_>) -> Option<Sign> {
        let dialect = self.plan.dialect;
        let lane = self.lanes.get_mut(&replied.place.connection)?;
        let (slot, number) = (lane.slot, lane.answered);
        lane.answered += 1;
        let expected = self.plan.expected(slot, lane.opened_before).get(number).copied();
        let came = [&(dialect.read)(replied.reply)[..], dialect.delimiter].concat();
        lane.has_erred = came.starts_with(b"ERROR");
        let surplus = std::mem::take(&mut lane.surplus);
        if !surplus.is_empty() {
            self.find_surplus(&replied.place, b"", &surplus);
        }
        let is_reply = dialect.is_reply(&came);
        self.has_answered |= is_reply;
        self.counted += usize::from(self.plan.case.counts.is_some_and(|(reply, ..)| reply == came));
        if slot == A {
            self.latencies_ns.push(replied.replied_ns.saturating_sub(replied.sent_ns));
        }
        if slot == CLEANUP {
            // Not judged, but what is no reply at all tells what kind of a server it is.
            return Some(foreign_speech(replied.reply).map_or(Sign::Serves, Sign::Foreign));
        }
        match expected {
            Some(Allowed::Observed) => self.observed.push(printable(replied.reply)),
            Some(allowed) if !allowed.lines().contains(&&came[..]) => {
                if let Some(excuse) = self.excuse(&came, replied.sent_ns) {
                    self.find_unknown(excuse);
                    return Some(Sign::Serves);
                }
                let (clause, summary) = if is_reply {
                    (self.plan.case.clause, "a wrong reply")
                } else {
                    (self.clause(Broken::NoReply), dialect.no_reply)
                };
                let shown = Shown {
                    sent: self.line(replied.request),
                    came: printable(&came),
                    expected: one_of(allowed.lines()),
                    wrong_at: Some(first_wrong(&came, allowed.lines())),
                };
                self.find(clause, summary, shown);
            }
            Some(_) => {}
            None if self.plan.case.is_lenient && is_reply => {}
            None => self.find_surplus(&replied.place, replied.request, &came),
        }
        Some(Sign::Serves)
    }
}

/// What a case comes to.
#[derive(Debug)]
pub struct Outcome {
    /// Pass, warn, fail or unknown.
    pub verdict: Verdict,
    /// Why it was not decided.
    pub cause: Option<String>,
    /// What it rests on.
    pub finding: Option<Finding>,
    /// For an INFO case, what the target did.
    pub observed: Option<String>,
    /// What was sent and what came.
    pub wire: WireLog,
    /// From its first event to its last.
    pub duration_ns: u64,
}

/// The middle one of these times.
fn median(times: &[u64]) -> u64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}
