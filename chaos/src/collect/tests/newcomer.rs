//! Tests of what a newcomer shows.

use super::*;

/// A server that answers every QUERY with ERROR was accused of each fault, because each newcomer receives ERROR.
#[test]
fn a_newcomer_is_not_refused_because_of_a_fault_if_bystanders_were_before() {
    let outcome = |before: Option<&'static [u8]>| {
        let mut history = History::begin_after(&[SCENE, "lines/noise/idle"], 0);
        history.at_ns = 0;
        (0..QUIET_REQUESTS).for_each(|request| history.bystander(request, MS, before));
        history.at_ns = u64::try_from(QUIET.as_nanos()).unwrap();
        history.end_scene_with(Some(MS), b"ERROR\n");
        let halt = history.collector.halt();
        let harm = history.finish().remove(0).harm;
        (
            halt,
            harm.findings.len(),
            harm.findings.iter().any(|finding| finding.summary.contains("new client")),
        )
    };
    let (halt, _, is_accused) = outcome(Some(b"ERROR"));
    assert_eq!((halt, is_accused), (None, false));
    let (halt, count, is_accused) = outcome(None);
    assert_eq!((halt, count, is_accused), (Some(Halt::Stuck), 1, true));
}
