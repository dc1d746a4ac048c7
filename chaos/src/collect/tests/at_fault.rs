//! Tests of what the clients at fault show: their requests as work, their replies, and a fault that does not occur.

use std::borrow::Cow;

use conformance::case::{A, B, D};
use driver::moves::{Act, Slot};
use protocol::index::clauses::A4;
use verdict::Verdict;

use super::*;

/// Returns the outcome of a flood of requests during which replies take 300 ms. The target uses a whole processor meanwhile if it works
/// for the clients at fault.
fn flood(works: bool) -> SceneOutcome {
    let mut history = History::begin("readers/never-reading/idle");
    history.record(CONDUCTOR, 1, EventKind::Opened(1));
    history.record(CONDUCTOR, 1, EventKind::Flooded { bytes: 1_000_000, has_stalled: true });
    replies_during(&mut history, 300 * MS);
    let (quiet_ns, end_ns) = (2000 * MS, 20_000 * MS);
    let worked_ns = if works { end_ns - quiet_ns } else { 0 };
    let ended_ns = history.at_ns;
    for (at_ns, cpu_ns) in [(0, 0), (quiet_ns, 100 * MS), (end_ns, 100 * MS + worked_ns)] {
        history.at_ns = at_ns;
        let sample = Sample { descriptors: 9, memory_bytes: 1, threads: 1, cpu_ns, ..Sample::default() };
        history.record(TIMEKEEPER, 0, EventKind::Sampled(sample));
    }
    history.at_ns = ended_ns;
    history.end(Some(MS))
}

#[test]
fn a_flood_that_the_target_works_through_may_delay_others() {
    assert_eq!(summary(&flood(true)), "");
    assert_eq!(summary(&flood(false)), "the fault slows bystanders down");
}

#[test]
fn a_reader_that_stops_early_shows_nothing() {
    let outcome = |what: &[EventKind<'static>]| {
        let mut history = History::begin("readers/resuming/idle");
        history.record(CONDUCTOR, 1, EventKind::Opened(B));
        for what in what {
            history.record(CONDUCTOR, 1, what.clone());
        }
        history.end(Some(MS)).harm
    };
    let flood = |has_stalled| EventKind::Flooded { bytes: 1_000_000, has_stalled };
    assert_eq!(outcome(&[flood(true)]).verdict, Verdict::Pass);
    assert_eq!(outcome(&[flood(false)]).verdict, Verdict::Unknown);
    let harm = outcome(&[flood(true), EventKind::StoppedReading]);
    assert_eq!(harm.verdict, Verdict::Unknown, "{:?}", harm.findings);
    assert!(harm.cause.is_some_and(|cause| cause.contains("stopped reading")));
}

#[test]
fn a_shortage_of_descriptors_that_does_not_occur_was_not_run() {
    let outcome = |is_done| {
        let mut history = History::begin("process/no-descriptors/idle");
        for (act, is_done) in [(Act::LeaveDescriptors(1), true), (Act::RestoreDescriptors, is_done)] {
            history.record(CONDUCTOR, 0, EventKind::Acted { act, is_done });
        }
        history.end(Some(MS)).harm
    };
    assert_eq!(outcome(true).verdict, Verdict::Pass);
    let harm = outcome(false);
    assert_eq!(harm.verdict, Verdict::NotRun, "{:?}", harm.findings);
    assert!(harm.cause.is_some_and(|cause| cause.contains("in reserve")));
}

#[test]
fn a_client_that_leaves_before_requests_that_a_slow_target_is_spared_got_all_replies() {
    let outcome = |replies: usize| {
        let mut history = History::begin("crowds/lines-at-once/idle");
        history.record(CONDUCTOR, 1, EventKind::Opened(A));
        for _ in 0..replies {
            history.record(CONDUCTOR, 1, EventKind::Sent(Cow::Borrowed(b"QUERY|a|\n")));
            history.record(CONDUCTOR, 1, EventKind::Received(Cow::Borrowed(b"FAIL\n")));
        }
        // The client has shut down its sending half.
        history.record(CONDUCTOR, 1, EventKind::Ended);
        history.end(Some(MS)).harm
    };
    // One request of the state, and a hundred of the fault.
    let harm = outcome(101);
    assert_eq!(harm.verdict, Verdict::Pass, "{:?}", harm.findings);
    assert_eq!(outcome(60).verdict, Verdict::Warn);
}

#[test]
fn a_reply_that_a_client_does_not_get_after_it_has_shut_down_its_sending_half_is_a_should() {
    let outcome = |first_reply: Option<&'static [u8]>| {
        let mut history = History::begin("disconnects/end-of-stream/awaiting-reply");
        history.record(CONDUCTOR, 1, EventKind::Opened(A));
        for reply in first_reply.map(Some).into_iter().chain([None]) {
            history.record(CONDUCTOR, 1, EventKind::Sent(Cow::Borrowed(b"QUERY|a|\n")));
            if let Some(reply) = reply {
                history.record(CONDUCTOR, 1, EventKind::Received(Cow::Borrowed(reply)));
            }
        }
        history.record(CONDUCTOR, 1, EventKind::Ended);
        let harm = history.end(Some(MS)).harm;
        (harm.verdict, harm.findings.first().and_then(|finding| finding.clause).map(|clause| clause.id))
    };
    assert_eq!(outcome(Some(b"FAIL\n")), (Verdict::Warn, Some("F5")));
    // The client waits for this reply, and closes its connection only afterwards.
    assert_eq!(outcome(None), (Verdict::Fail, Some("C3")));
}

#[test]
fn the_client_that_asks_after_a_fault_beyond_the_promises_must_be_served() {
    let outcome = |slot: Slot| {
        let mut history = History::begin("lines/endless/idle");
        history.record(CONDUCTOR, 1, EventKind::Opened(slot));
        history.record(CONDUCTOR, 1, EventKind::Sent(Cow::Borrowed(b"QUERY|a|\n")));
        history.at_ns += 10_000 * MS;
        history.record(CONDUCTOR, 1, EventKind::TimedOut { waited_ns: 10_000 * MS, late_ns: 0 });
        history.end(Some(MS)).harm
    };
    assert_eq!(outcome(A).verdict, Verdict::Pass);
    let harm = outcome(D);
    assert_eq!(harm.verdict, Verdict::Fail);
    assert_eq!(harm.findings[0].clause, Some(A4));
}
