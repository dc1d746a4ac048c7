//! Tests of delays and shortages of this machine, which must not accuse the target.

use std::borrow::Cow;

use verdict::Verdict;

use super::*;

#[test]
fn a_shortage_of_this_machine_is_inconclusive() {
    let mut history = History::begin(SCENE);
    history.record(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Newcomer)));
    history.record(CONDUCTOR, 0, EventKind::NotOpened(refused(FailureKind::OutOfResources)));
    history.record(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Over)));
    assert_eq!(history.collector.finish(&mut Known::default()).0.remove(0).harm.verdict, Verdict::Unknown);
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

/// The scene is over before the machine delays the reply to a request that was due in it.
#[test]
fn a_reply_after_the_scene_is_inconclusive_if_the_harness_was_late_then() {
    for (is_late, verdict) in [(false, Verdict::Warn), (true, Verdict::Unknown)] {
        let mut history = History::begin(SCENE);
        replies_during(&mut history, 2 * MS);
        history.send(QUIET_REQUESTS + 30);
        history.end_scene(Some(MS));
        let sent_ns = history.at_ns;
        if is_late {
            let tick = u32::try_from(sent_ns / u64::try_from(TICK.as_nanos()).unwrap()).unwrap() + 1;
            history.at_ns = u64::try_from((TICK * tick).as_nanos()).unwrap() + 200 * MS;
            history.record(TIMEKEEPER, 0, EventKind::Marked(tick));
        }
        history.at_ns = sent_ns + 300 * MS;
        let reply: &[u8] = if (QUIET_REQUESTS + 30) % 4 == 3 { b"FAIL\n" } else { b"OK\n" };
        history.record(0, 1, EventKind::Received(Cow::Borrowed(reply)));
        let outcome = history.finish().remove(0);
        assert_eq!(outcome.harm.verdict, verdict, "{:?}", outcome.harm.findings);
    }
}

#[test]
fn slow_replies_are_inconclusive_if_the_target_had_no_processor() {
    let mut history = History::begin(SCENE);
    replies_during(&mut history, 60 * MS);
    for waited_ns in [0, 40 * MS] {
        history.at_ns += 1;
        let sample = Sample { descriptors: 9, memory_bytes: 1, threads: 1, waited_ns, ..Sample::default() };
        history.record(TIMEKEEPER, 0, EventKind::Sampled(sample));
    }
    let outcome = history.end(Some(MS));
    assert_eq!(outcome.harm.verdict, Verdict::Unknown, "{:?}", outcome.harm.findings);
}
