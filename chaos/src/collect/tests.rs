//! Tests of the collector and the verdict together, with a history of a few scenes.

mod at_fault;
mod machine;
mod newcomer;

use std::borrow::Cow;

use driver::history::Failure;
use driver::moves::Act;
use verdict::Verdict;

use super::*;
use crate::fault::NEWCOMER;
use crate::protocols::PROTOCOLS;
use crate::timing::{QUIET, mark, turn};

const MS: u64 = 1_000_000;

/// The number of requests of a bystander that are due before the first fault.
const QUIET_REQUESTS: u64 = 39;

/// The time that a reply may take.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// A history of some scenes.
struct History {
    collector: RunCollector,
    at_ns: u64,
}

impl History {
    /// Begins a scene after a quiet phase in which every reply took a millisecond.
    fn begin(id: &str) -> Self {
        Self::begin_first_of(&[id])
    }

    /// Begins the first of these scenes.
    fn begin_first_of(ids: &[&str]) -> Self {
        Self::begin_after(ids, QUIET_REQUESTS)
    }

    /// Begins the first of these scenes. The first bystander has sent this number of requests before.
    fn begin_after(ids: &[&str], requests: u64) -> Self {
        let protocol = PROTOCOLS[0];
        let scenes: Vec<(Scene, Rc<CasePlan>)> = ids
            .iter()
            .map(|id| {
                let scene = *protocol.find(id).unwrap();
                (scene, Rc::new(CasePlan::new(protocol.dialect, scene.case, 1, Duration::ZERO)))
            })
            .collect();
        let collector = RunCollector::new(protocol, &scenes, (protocol.invariant)(), REPLY_TIMEOUT);
        let mut history = Self { collector, at_ns: 0 };
        history.record(0, 1, EventKind::Opened(0));
        (1..BYSTANDERS).for_each(|client| history.record(client, 100 + client, EventKind::Opened(0)));
        for request in 0..requests {
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
        self.send(request);
        self.at_ns += latency_ns;
        let reply = [reply.unwrap_or(if request % 4 == 3 { b"FAIL" } else { b"OK" }), b"\n"].concat();
        self.record(0, 1, EventKind::Received(Cow::Owned(reply)));
    }

    /// Ends the only scene; the newcomer is served after this time, or not at all.
    fn end(mut self, newcomer_ns: Option<u64>) -> SceneOutcome {
        self.end_scene(newcomer_ns);
        self.finish().remove(0)
    }

    fn finish(mut self) -> Vec<SceneOutcome> {
        self.serve_others();
        self.collector.finish(&mut Known::default()).0
    }

    /// Ends the first scene.
    fn end_scene(&mut self, newcomer_ns: Option<u64>) {
        self.end_scene_with(newcomer_ns, b"FAIL\n");
    }

    /// Ends the first scene; the newcomer receives this reply.
    fn end_scene_with(&mut self, newcomer_ns: Option<u64>, reply: &'static [u8]) {
        self.record(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Newcomer)));
        match newcomer_ns {
            Some(waited_ns) => {
                self.record(CONDUCTOR, 9, EventKind::Opened(0));
                self.record(CONDUCTOR, 9, EventKind::Sent(Cow::Borrowed(b"QUERY|newcomer|\n")));
                self.at_ns += waited_ns;
                self.record(CONDUCTOR, 9, EventKind::Received(Cow::Borrowed(reply)));
            }
            None => self.record(CONDUCTOR, 0, EventKind::NotOpened(refused(FailureKind::Other))),
        }
        self.record(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Over)));
    }

    /// The first bystander sends a request when it is due, and receives nothing yet.
    fn send(&mut self, request: u64) {
        self.at_ns = due_ns(request);
        self.record(0, 1, EventKind::Sent(Cow::Borrowed(b"QUERY|a|\n")));
    }

    /// Each bystander but the first receives a reply to its last request.
    fn serve_others(&mut self) {
        for client in 1..BYSTANDERS {
            self.record(client, 100 + client, EventKind::Sent(Cow::Borrowed(b"a request\n")));
            self.record(client, 100 + client, EventKind::Received(Cow::Borrowed(b"OK\n")));
        }
    }

    /// Returns whether the run is over if the other bystanders have been served until now.
    fn is_over(&mut self) -> bool {
        self.serve_others();
        self.collector.is_over()
    }
}

fn due_ns(request: u64) -> u64 {
    let interval = PROTOCOLS[0].ask_interval;
    u64::try_from((turn(interval, 0) + interval * u32::try_from(request + 1).unwrap()).as_nanos()).unwrap()
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
        assert!(history.collector.halt().is_none());
        history.record(client, 0, EventKind::NotOpened(refused(FailureKind::Refused)));
    }
    assert!(history.collector.halt() == Some(Halt::Lost));
    history.collector.note_lost("its process ended");
    let outcome = history.collector.finish(&mut Known::default()).0.remove(0);
    assert_eq!((outcome.harm.verdict, summary(&outcome)), (Verdict::Fail, "the target is gone"));
}

const OTHER_SCENE: &str = "disconnects/reset/idle";

/// Begins two scenes. While the first one is under way, a bystander sends a request that is not answered; the second begins
/// a second later.
fn hung_in_the_first_of_two() -> History {
    let mut history = History::begin_first_of(&[SCENE, OTHER_SCENE]);
    history.bystander(QUIET_REQUESTS, MS, None);
    history.send(QUIET_REQUESTS + 1);
    history.end_scene(Some(MS));
    history.at_ns += 1000 * MS;
    for part in [Part::Fault, Part::Newcomer, Part::Over] {
        history.record(CONDUCTOR, 0, EventKind::Marked(mark(1, part)));
    }
    history.record(CONDUCTOR, 0, EventKind::ClientDone);
    history
}

#[test]
fn a_request_without_a_reply_is_awaited_and_belongs_to_the_scene_in_which_it_was_due() {
    let mut history = hung_in_the_first_of_two();
    assert!(!history.is_over());
    history.at_ns = due_ns(QUIET_REQUESTS + 1) + 10_000 * MS;
    history.record(0, 1, EventKind::TimedOut { waited_ns: 10_000 * MS, late_ns: 0 });
    let outcomes = history.finish();
    assert_eq!(summary(&outcomes[0]), "a bystander received no reply");
    assert_eq!(outcomes[0].harm.verdict, Verdict::Fail);
    assert_eq!((outcomes[1].harm.verdict, summary(&outcomes[1])), (Verdict::Pass, ""));
}

/// The next scenes would show the same, and the target may be damaged.
#[test]
fn a_scene_in_which_a_client_at_fault_waits_in_vain_ends_the_session() {
    let has_ended = |id, part| {
        let mut history = History::begin_first_of(&[id, OTHER_SCENE]);
        history.record(CONDUCTOR, 9, EventKind::Opened(0));
        history.record(CONDUCTOR, 9, EventKind::Sent(Cow::Borrowed(b"QUERY|x|\n")));
        history.at_ns += 10_000 * MS;
        history.record(CONDUCTOR, 9, EventKind::TimedOut { waited_ns: 10_000 * MS, late_ns: 0 });
        assert!(history.collector.halt().is_none());
        history.record(CONDUCTOR, 0, EventKind::Marked(mark(0, part)));
        history.collector.halt() == Some(Halt::Waited)
    };
    assert!(has_ended(SCENE, Part::Over));
    assert!(!has_ended(SCENE, Part::Newcomer));
    // During this fault, the target need not serve anybody.
    assert!(!has_ended("process/stopped/idle", Part::Over));
}

/// The next scene does not begin, so that it is not accused of the end.
#[test]
fn a_target_that_refuses_the_newcomer_is_lost() {
    let mut history = History::begin_first_of(&[SCENE, OTHER_SCENE]);
    history.record(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Newcomer)));
    assert!(history.collector.halt().is_none());
    history.record(CONDUCTOR, 0, EventKind::NotOpened(refused(FailureKind::Refused)));
    assert!(history.collector.halt() == Some(Halt::Lost));
}

#[test]
fn a_scene_in_which_a_bystander_waits_in_vain_ends_the_session() {
    let mut history = History::begin_first_of(&[SCENE, OTHER_SCENE]);
    history.send(QUIET_REQUESTS);
    history.at_ns += 10_000 * MS;
    history.record(0, 1, EventKind::TimedOut { waited_ns: 10_000 * MS, late_ns: 0 });
    assert!(history.collector.halt().is_none());
    history.record(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Over)));
    assert!(history.collector.halt() == Some(Halt::Waited));
}

#[test]
fn a_run_ends_once_the_last_request_that_was_due_is_answered() {
    let mut history = hung_in_the_first_of_two();
    assert!(!history.is_over());
    history.record(0, 1, EventKind::Received(Cow::Borrowed(b"OK\n")));
    assert!(history.is_over());
}

/// A correct server may take longer for a reply than the interval between two requests.
#[test]
fn a_target_slower_than_the_interval_does_not_fall_behind() {
    let mut history = History::begin(SCENE);
    // Every other request is left out, because the bystander still waits when it is due.
    for number in 0..200 {
        let reply: &[u8] = if (QUIET_REQUESTS + number) % 4 == 3 { b"FAIL" } else { b"OK" };
        history.bystander(QUIET_REQUESTS + 2 * number, 80 * MS, Some(reply));
    }
    history.end_scene(Some(MS));
    history.serve_others();
    let (outcomes, timeline, _) = history.collector.finish(&mut Known::default());
    assert_eq!(summary(&outcomes[0]), "the fault slows bystanders down");
    assert_eq!(timeline.requests.values().max(), Some(&(80 * MS)));
}

#[test]
fn times_that_pass_during_a_stall_count_as_waiting_requests() {
    let mut history = History::begin(SCENE);
    history.bystander(QUIET_REQUESTS, 1000 * MS, None);
    history.end_scene(Some(MS));
    history.serve_others();
    let requests = history.collector.finish(&mut Known::default()).1.requests;
    let waited: Vec<u64> =
        (QUIET_REQUESTS..QUIET_REQUESTS + 20).map(|request| requests[&due_ns(request)] / MS).collect();
    assert_eq!(waited, (1..=20).rev().map(|slot| slot * 50).collect::<Vec<u64>>());
}

#[test]
fn a_bystander_that_cannot_even_send_is_served_no_more() {
    let mut history = History::begin(SCENE);
    history.end_scene(Some(MS));
    history.record(CONDUCTOR, 0, EventKind::ClientDone);
    assert!(!history.is_over());
    history.at_ns += 11_000 * MS;
    history.record(TIMEKEEPER, 0, EventKind::ClientDone);
    assert!(history.is_over());
    let outcome = history.finish().remove(0);
    assert_eq!((outcome.harm.verdict, summary(&outcome)), (Verdict::Fail, "a bystander received no reply"));
}

#[test]
fn a_late_reply_belongs_to_the_scene_before_if_its_request_was_due_between_two_scenes() {
    let mut history = History::begin_first_of(&[SCENE, OTHER_SCENE]);
    history.end_scene(Some(MS));
    for request in QUIET_REQUESTS..QUIET_REQUESTS + 30 {
        history.bystander(request, 300 * MS, None);
    }
    for part in [Part::Fault, Part::Newcomer, Part::Over] {
        history.record(CONDUCTOR, 0, EventKind::Marked(mark(1, part)));
    }
    let verdicts: Vec<Verdict> = history.finish().iter().map(|outcome| outcome.harm.verdict).collect();
    assert_eq!(verdicts, [Verdict::Warn, Verdict::Pass]);
}

#[test]
fn harm_before_the_fault_ends_the_target_remains() {
    let ends_target = || {
        let fault = PROTOCOLS[0].scenes().iter().find(|scene| scene.fault.ends_target).unwrap();
        let mut history = History::begin(fault.case.id);
        (history.bystander(QUIET_REQUESTS, MS, Some(b"ERROR")), history).1
    };
    let killed = EventKind::Acted { act: Act::Kill, is_done: true };
    let lose = |mut history: History| {
        history.record(CONDUCTOR, 0, killed.clone());
        history.record(0, 1, EventKind::Ended);
        history.collector.note_lost("its process ended");
        history.finish().remove(0)
    };
    let outcome = lose(ends_target());
    assert_eq!(summary(&outcome), "a bystander received an incorrect reply");
    assert_eq!((outcome.harm.verdict, outcome.harm.findings.len()), (Verdict::Fail, 1));
}

#[test]
fn harm_counts_if_the_target_could_not_be_killed() {
    let scene = PROTOCOLS[0].scenes().iter().find(|scene| scene.fault.ends_target).unwrap();
    let mut history = History::begin(scene.case.id);
    history.record(CONDUCTOR, 0, EventKind::Acted { act: Act::Kill, is_done: false });
    history.bystander(QUIET_REQUESTS, MS, Some(b"ERROR"));
    let outcome = history.end(Some(MS));
    assert_eq!(
        (outcome.harm.verdict, summary(&outcome)),
        (Verdict::Fail, "a bystander received an incorrect reply")
    );
}

#[test]
fn a_newcomer_that_cannot_connect_ends_the_session() {
    let mut history = History::begin(SCENE);
    history.record(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Newcomer)));
    history.at_ns += 10_900 * MS;
    history.record(TIMEKEEPER, 0, EventKind::Marked(1));
    assert!(history.collector.halt().is_none());
    history.at_ns += 200 * MS;
    history.record(TIMEKEEPER, 0, EventKind::Marked(1));
    assert!(history.collector.halt() == Some(Halt::Stuck));
    let outcome = history.finish().remove(0);
    assert_eq!(summary(&outcome), "the target does not serve a new client after the fault");
}

/// A target that closes the connections of all new clients, as one that has banned their address does.
#[test]
fn a_newcomer_that_is_closed_ends_the_session() {
    let mut history = History::begin(SCENE);
    history.record(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Newcomer)));
    history.record(CONDUCTOR, 9, EventKind::Opened(NEWCOMER));
    history.record(CONDUCTOR, 9, EventKind::Sent(Cow::Borrowed(b"QUERY|newcomer|\n")));
    history.record(CONDUCTOR, 9, EventKind::Ended);
    assert!(history.collector.halt() == Some(Halt::Stuck));
    let outcome = history.finish().remove(0);
    assert_eq!(summary(&outcome), "the target does not serve a new client after the fault");
}

#[test]
fn a_bystander_that_waits_since_before_the_first_fault_ends_the_run_under_the_clause_about_waiting() {
    // Returns the clause, and whether the run ends, if this request has no reply.
    let without_reply_to = |request| {
        let mut history = History::begin_after(&["lines/nul-bytes/idle"], request);
        history.send(request);
        history.at_ns = due_ns(request) + 10_000 * MS;
        history.record(0, 1, EventKind::TimedOut { waited_ns: 10_000 * MS, late_ns: 0 });
        let outcome = history.end(Some(MS));
        let clause = outcome.harm.findings.first().and_then(|finding| finding.clause);
        (clause.map(|clause| clause.id), outcome.harm.is_without_fault)
    };
    assert_eq!(without_reply_to(QUIET_REQUESTS - 2), (Some("C1"), true));
    // During the fault, the clause is that of the fault.
    assert_eq!(without_reply_to(QUIET_REQUESTS), (Some("A4"), false));
}
