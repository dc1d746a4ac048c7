//! Tests of the collector and the verdict together, with a history of one scene.

use std::borrow::Cow;

use driver::history::Failure;
use driver::moves::Act;
use verdict::Verdict;

use super::*;
use crate::protocols::PROTOCOLS;
use crate::timing::{QUIET, due_at, mark};

const MS: u64 = 1_000_000;

/// The number of requests of a bystander that are due before the first fault.
const QUIET_REQUESTS: u64 = 39;

/// A history of one scene.
struct History {
    collector: RunCollector,
    at_ns: u64,
}

impl History {
    /// Begins the scene after a quiet phase in which every reply took a millisecond.
    fn begin(id: &str) -> Self {
        let protocol = PROTOCOLS[0];
        let scene = *protocol.find(id).unwrap();
        let plan = Rc::new(CasePlan::new(protocol.dialect, scene.case, 1, std::time::Duration::ZERO));
        let collector = RunCollector::new(protocol, &[(scene, plan)], (protocol.invariant)());
        let mut history = Self { collector, at_ns: 0 };
        history.record(0, 1, EventKind::Opened(0));
        for request in 0..QUIET_REQUESTS {
            history.bystander(request, MS, None);
        }
        history.at_ns = u64::try_from(QUIET.as_nanos()).unwrap();
        history.record(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Fault)));
        history
    }

    fn record(&mut self, client: u32, connection: u32, event: EventKind<'_>) {
        let _ = self.collector.observe(&Event { at_ns: self.at_ns, client, connection, event });
    }

    /// The first bystander sends a request when it is due and receives a reply, by default the correct one.
    fn bystander(&mut self, request: u64, latency_ns: u64, reply: Option<&'static [u8]>) {
        let due_ns = u64::try_from(due_at(PROTOCOLS[0].ask_interval, 0, request).as_nanos()).unwrap();
        self.at_ns = due_ns;
        self.record(0, 1, EventKind::Sent(Cow::Borrowed(b"a request\n")));
        self.at_ns = due_ns + latency_ns;
        let reply = [reply.unwrap_or(if request % 4 == 3 { b"FAIL" } else { b"OK" }), b"\n"].concat();
        self.record(0, 1, EventKind::Received(Cow::Owned(reply)));
    }

    /// Ends the scene; the newcomer is served after this time, or not at all.
    fn end(mut self, newcomer_ns: Option<u64>) -> SceneOutcome {
        self.record(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Newcomer)));
        match newcomer_ns {
            Some(waited_ns) => {
                self.record(CONDUCTOR, 9, EventKind::Opened(0));
                self.record(CONDUCTOR, 9, EventKind::Sent(Cow::Borrowed(b"QUERY|newcomer|\n")));
                self.at_ns += waited_ns;
                self.record(CONDUCTOR, 9, EventKind::Received(Cow::Borrowed(b"FAIL\n")));
            }
            None => self.record(CONDUCTOR, 0, EventKind::NotOpened(refused(FailureKind::Other))),
        }
        self.record(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Over)));
        self.collector.finish(&mut None).0.remove(0)
    }
}

fn refused(kind: FailureKind) -> Failure {
    Failure { kind, message: "refused".to_owned() }
}

const SCENE: &str = "lines/fields-missing/idle";

/// Adds thirty replies to a bystander during the fault, each with this latency.
fn replies_during(history: &mut History, latency_ns: u64) {
    (QUIET_REQUESTS..QUIET_REQUESTS + 30).for_each(|request| history.bystander(request, latency_ns, None));
}

fn summary(outcome: &SceneOutcome) -> &str {
    outcome.harm.findings.first().map_or("", |finding| finding.summary.as_str())
}

#[test]
fn a_fault_without_incidents_is_held() {
    let mut history = History::begin(SCENE);
    replies_during(&mut history, 2 * MS);
    let outcome = history.end(Some(MS));
    assert_eq!((outcome.harm.verdict, summary(&outcome)), (Verdict::Pass, ""));
}

#[test]
fn an_incorrect_reply_to_a_bystander_is_harm() {
    let mut history = History::begin(SCENE);
    history.bystander(QUIET_REQUESTS, MS, Some(b"ERROR"));
    let outcome = history.end(Some(MS));
    assert_eq!(
        (outcome.harm.verdict, summary(&outcome)),
        (Verdict::Fail, "a bystander received an incorrect reply")
    );
    assert_eq!(outcome.harm.findings[0].clause.map(|clause| clause.id), Some("A4"));
}

#[test]
fn a_newcomer_must_be_served_and_should_be_served_soon() {
    let outcome = History::begin(SCENE).end(None);
    assert_eq!(summary(&outcome), "the target does not serve a new client after the fault");
    assert_eq!(outcome.harm.verdict, Verdict::Fail);
    let outcome = History::begin(SCENE).end(Some(1100 * MS));
    assert_eq!((outcome.harm.verdict, outcome.harm.is_only_slow), (Verdict::Warn, false));
}

#[test]
fn a_shortage_of_this_machine_is_inconclusive() {
    let mut history = History::begin(SCENE);
    history.record(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Newcomer)));
    history.record(CONDUCTOR, 0, EventKind::NotOpened(refused(FailureKind::OutOfResources)));
    history.record(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Over)));
    assert_eq!(history.collector.finish(&mut None).0.remove(0).harm.verdict, Verdict::Unknown);
}

#[test]
fn slow_replies_warn_unless_the_harness_was_late() {
    let mut history = History::begin(SCENE);
    replies_during(&mut history, 60 * MS);
    let outcome = history.end(Some(MS));
    assert_eq!((outcome.harm.verdict, outcome.harm.is_only_slow), (Verdict::Warn, true));

    let mut history = History::begin(SCENE);
    replies_during(&mut history, 60 * MS);
    // The timekeeper is 40 ms late.
    let tick = u32::try_from(history.at_ns / u64::try_from(TICK.as_nanos()).unwrap()).unwrap();
    history.at_ns = u64::try_from((TICK * tick).as_nanos()).unwrap() + 40 * MS;
    history.record(TIMEKEEPER, 0, EventKind::Marked(tick));
    let outcome = history.end(Some(MS));
    assert_eq!(outcome.harm.verdict, Verdict::Unknown, "{:?}", outcome.harm.findings);
}

#[test]
fn slow_replies_are_inconclusive_if_the_target_had_no_processor() {
    let mut history = History::begin(SCENE);
    replies_during(&mut history, 60 * MS);
    for waited_ns in [0, 40 * MS] {
        history.at_ns += 1;
        let sample = Sample { descriptors: 9, memory_bytes: 1, threads: 1, waited_ns };
        history.record(TIMEKEEPER, 0, EventKind::Sampled(sample));
    }
    let outcome = history.end(Some(MS));
    assert_eq!(outcome.harm.verdict, Verdict::Unknown, "{:?}", outcome.harm.findings);
}

#[test]
fn a_fault_that_could_not_be_injected_is_inconclusive() {
    let mut history = History::begin("network/latency/idle");
    history.record(CONDUCTOR, 0, EventKind::Acted { act: Act::EndCondition, is_done: false });
    let outcome = history.end(Some(MS));
    assert_eq!(
        (outcome.harm.verdict, summary(&outcome)),
        (Verdict::Unknown, "the fault could not be injected")
    );
}

#[test]
fn a_target_that_refuses_connections_is_lost() {
    let mut history = History::begin(SCENE);
    for client in 0..REFUSALS_MAX {
        assert!(!history.collector.is_lost());
        history.record(client, 0, EventKind::NotOpened(refused(FailureKind::Refused)));
    }
    assert!(history.collector.is_lost());
    history.collector.note_lost("its process ended");
    let outcome = history.collector.finish(&mut None).0.remove(0);
    assert_eq!((outcome.harm.verdict, summary(&outcome)), (Verdict::Fail, "the target is gone"));
}
