//! Tests of the harm verdict, and the evidence that they begin with.

mod messages;
mod rules;

use protocol::index::clauses::{A3, A4, C1, C3, C4, F4, S5};
use verdict::{Finding, Verdict};

use super::*;
use crate::harm::evidence::{HarmClauses, IdleCpu, IncidentTime, Instead, Newcomer, Noted, Waiting};

const MS: u64 = 1_000_000;

/// Evidence without incidents about a scene during which service is promised.
fn evidence() -> Evidence {
    let newcomer = Newcomer { request: b"QUERY|newcomer|\n", is_served: |_| true, wanted: "OK or FAIL" };
    let requirements = Requirements {
        clauses: HarmClauses { silent: A4, newcomer: A4, closed: A3, impossible: C3, gone: C3, other: C3 },
        kept_waiting: C1,
        without_fault: |_| S5,
        idle: Some(C4),
        is_promised: true,
        may_refuse: false,
        ends_target: false,
        needs_block: false,
        deadline: None,
        newcomer,
    };
    Evidence {
        requirements,
        progress: Progress::Complete,
        target_lost: None,
        incidents: Vec::new(),
        violations: Vec::new(),
        newcomer_waited_ns: Some(MS),
        served: 100,
        refused: 0,
        quiet_latencies_ns: vec![MS; 30],
        latencies_ns: vec![MS; 30],
        idle_waits_ns: vec![MS; 30],
        idle_cpu: None,
        delays: Delays::default(),
        at_fault: AtFault::default(),
    }
}

/// Bystanders wait so long for this number of replies while the target does nothing.
fn wait(evidence: &mut Evidence, waited_ns: u64, times: usize) {
    evidence.latencies_ns = vec![waited_ns; times];
    evidence.idle_waits_ns.clone_from(&evidence.latencies_ns);
}

fn no_reply(waited_ns: u64, late_ns: u64, is_unserved: bool) -> Noted {
    let instead = Instead::Nothing { waited_ns, late_ns };
    of_bystander(Incident::NoReply { request: "QUERY|a|\\n".to_owned(), instead, is_unserved })
}

fn incorrect_reply() -> Noted {
    let [request, actual, expected] = ["QUERY|a|\\n", "OK", "FAIL"].map(str::to_owned);
    of_bystander(Incident::IncorrectReply { request, actual, expected, is_refusal: false })
}

/// An incident of a bystander while the fault is under way.
fn refusal(time: IncidentTime) -> Noted {
    let [request, actual, expected] = ["INDEX|a|\\n", "ERROR", "OK"].map(str::to_owned);
    Noted { time, ..of_bystander(Incident::IncorrectReply { request, actual, expected, is_refusal: true }) }
}

fn of_bystander(incident: Incident) -> Noted {
    Noted { client: Some(3), incident, time: IncidentTime::During }
}

fn general(incident: Incident) -> Noted {
    Noted { client: None, incident, time: IncidentTime::After }
}

fn at_fault(verdict: Verdict) -> AtFault {
    let finding = Finding { clause: Some(F4), ..Finding::new(verdict, "the case failed") };
    AtFault { finding: Some(finding), ..AtFault::default() }
}

/// A client at fault that never got a reply.
const ANY: Waiting = Waiting { has_any: true, has_crowd: false, has_later: false };

fn waiting_at_fault(waiting: Waiting) -> AtFault {
    AtFault { waiting, ..at_fault(Verdict::Fail) }
}

fn decided(change: fn(&mut Evidence)) -> Harm {
    let mut evidence = evidence();
    change(&mut evidence);
    decide(&evidence)
}

#[test]
fn only_slow_replies_are_repeated() {
    let slow = |evidence: &mut Evidence| wait(evidence, 52 * MS, 30);
    assert!(decided(slow).is_only_slow);
    for other in [
        |evidence: &mut Evidence| evidence.newcomer_waited_ns = Some(1001 * MS),
        |evidence: &mut Evidence| evidence.incidents.push(incorrect_reply()),
        |evidence: &mut Evidence| evidence.at_fault = at_fault(Verdict::Fail),
    ] {
        let mut evidence = evidence();
        slow(&mut evidence);
        other(&mut evidence);
        assert!(!decide(&evidence).is_only_slow);
    }
    assert!(!decided(|_| ()).is_only_slow);
    let late_of_a_busy_machine = decided(|e| {
        e.newcomer_waited_ns = Some(1001 * MS);
        e.delays.harness_ns = 501 * MS;
    });
    assert!(late_of_a_busy_machine.is_only_slow);
}

/// A run that reached its time limit on a busy machine accused correct servers of delays that it had seen in one process.
#[test]
fn slowness_that_was_seen_once_is_inconclusive() {
    let slow = decided(|evidence| wait(evidence, 52 * MS, 30));
    assert_eq!((slow.verdict, strict(&slow, true)), (Verdict::Warn, Verdict::Fail));
    let unconfirmed = slow.unconfirmed("the run ended");
    assert_eq!((unconfirmed.verdict, strict(&unconfirmed, true)), (Verdict::Unknown, Verdict::Unknown));
    assert_eq!(unconfirmed.findings[0].reason.as_deref(), Some("the run ended"));
    assert_eq!(of_run([&unconfirmed, &decided(|_| ())].into_iter(), false), Verdict::Pass);
}

#[test]
fn a_sequel_and_the_scene_before_it_have_the_worse_verdict() {
    let (held, warned) = (|| decided(|_| ()), || decided(|e| e.newcomer_waited_ns = Some(1001 * MS)));
    assert_eq!(held().after(warned()).verdict, Verdict::Warn);
    assert_eq!(warned().after(held()).verdict, Verdict::Warn);
    assert_eq!(
        held().after(Harm::not_run("the target is gone")).cause.as_deref(),
        Some("the target is gone")
    );
}

#[test]
fn with_strict_a_violated_should_fails_although_something_else_is_undecided() {
    let harm = decided(|e| {
        e.newcomer_waited_ns = Some(1001 * MS);
        e.at_fault = at_fault(Verdict::Unknown);
    });
    assert_eq!((harm.verdict, strict(&harm, false)), (Verdict::Unknown, Verdict::Unknown));
    assert_eq!(strict(&harm, true), Verdict::Fail);
    let undecided = decided(|e| e.at_fault = at_fault(Verdict::Unknown));
    assert_eq!(strict(&undecided, true), Verdict::Unknown);
}

#[test]
fn a_run_has_the_worst_verdict_of_its_scenes() {
    let of = |verdicts: &[(Verdict, bool)], is_strict| {
        let harm = |(verdict, is_only_slow): &(Verdict, bool)| Harm {
            verdict: *verdict,
            is_only_slow: *is_only_slow,
            ..Harm::not_run("")
        };
        let scenes: Vec<Harm> = verdicts.iter().map(harm).collect();
        of_run(scenes.iter(), is_strict)
    };
    let (pass, slow) = ((Verdict::Pass, false), (Verdict::Unknown, true));
    assert_eq!(of(&[], false), Verdict::Unknown);
    assert_eq!(of(&[(Verdict::NotRun, false)], false), Verdict::Unknown);
    assert_eq!(of(&[pass, (Verdict::NotRun, false)], false), Verdict::Pass);
    assert_eq!(of(&[pass, slow], false), Verdict::Pass);
    assert_eq!(of(&[pass, slow], true), Verdict::Unknown);
    assert_eq!(of(&[pass, (Verdict::Unknown, false)], false), Verdict::Unknown);
    assert_eq!(of(&[pass, (Verdict::Warn, true)], false), Verdict::Warn);
    assert_eq!(of(&[pass, (Verdict::Warn, true)], true), Verdict::Fail);
}
