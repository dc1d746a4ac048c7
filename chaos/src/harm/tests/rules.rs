//! A table of the rules of the harm verdict.

use std::time::Duration;

use driver::moves::Act;
use verdict::{Finding, Verdict};

use super::*;

/// A rule: its name, how the evidence differs from a held fault, the verdict, and the clause of the first finding.
type Rule = (&'static str, fn(&mut Evidence), Verdict, Option<&'static str>);

const RULES: &[Rule] = &[
    ("no incident: held", |_| (), Verdict::Pass, None),
    ("an incorrect reply harms", |e| e.incidents.push(incorrect_reply()), Verdict::Fail, Some("C3")),
    (
        "unsolicited bytes harm",
        |e| {
            let [after, bytes] = ["QUERY|a|\\n", "OK"].map(str::to_owned);
            e.incidents.push(of_bystander(Incident::UnsolicitedBytes { after, bytes }));
        },
        Verdict::Fail,
        Some("C3"),
    ),
    (
        "no reply until the timeout harms under the clause about silence",
        |e| e.incidents.push(no_reply(10_000 * MS, 0, false)),
        Verdict::Fail,
        Some("A4"),
    ),
    (
        "no reply before the first fault harms under the clause about waiting",
        |e| e.incidents.push(Noted { time: IncidentTime::BeforeFaults, ..no_reply(10_000 * MS, 0, false) }),
        Verdict::Fail,
        Some("C1"),
    ),
    (
        "a closed connection harms under the clause about closing",
        |e| e.incidents.push(of_bystander(Incident::IdleConnectionClosed)),
        Verdict::Fail,
        Some("A3"),
    ),
    (
        "no reply while the harness was late is inconclusive",
        |e| e.incidents.push(no_reply(10_000 * MS, 10_000 * MS, false)),
        Verdict::Unknown,
        Some("C3"),
    ),
    ("a refusal harms", |e| e.incidents.push(refusal(IncidentTime::During)), Verdict::Fail, Some("C3")),
    (
        "a refusal while a service that the target uses is unreachable is allowed",
        |e| {
            (e.requirements.may_refuse, e.requirements.is_promised) = (true, false);
            e.incidents.push(refusal(IncidentTime::During));
        },
        Verdict::Pass,
        None,
    ),
    (
        "a refusal after that harms",
        |e| {
            (e.requirements.may_refuse, e.requirements.is_promised) = (true, false);
            e.incidents.push(refusal(IncidentTime::After));
        },
        Verdict::Fail,
        Some("C3"),
    ),
    (
        "an incorrect reply that is no refusal harms meanwhile",
        |e| {
            (e.requirements.may_refuse, e.requirements.is_promised) = (true, false);
            e.incidents.push(Noted { time: IncidentTime::During, ..incorrect_reply() });
        },
        Verdict::Fail,
        Some("C3"),
    ),
    (
        "a scene that the target is too slow for is not run",
        |e| e.at_fault.left_out = Some("too slow".to_owned()),
        Verdict::NotRun,
        None,
    ),
    (
        "a scene that a busy machine is too slow for is inconclusive",
        |e| {
            e.at_fault.left_out = Some("too slow".to_owned());
            e.delays.harness_ns = 200 * MS;
        },
        Verdict::Unknown,
        None,
    ),
    (
        "a bystander that is never served is harmed if service is promised",
        |e| e.incidents.push(no_reply(10_000 * MS, 0, true)),
        Verdict::Fail,
        Some("A4"),
    ),
    (
        "a bystander that is never served is not harmed if service is not promised",
        |e| {
            e.requirements.is_promised = false;
            e.incidents.push(no_reply(10_000 * MS, 0, true));
        },
        Verdict::Pass,
        None,
    ),
    (
        "beyond the promises, a connection may end during the fault",
        |e| {
            e.requirements.is_promised = false;
            e.incidents.push(of_bystander(Incident::IdleConnectionClosed));
        },
        Verdict::Pass,
        None,
    ),
    (
        "beyond the promises, the service after the fault counts",
        |e| {
            e.requirements.is_promised = false;
            e.incidents.push(Noted { time: IncidentTime::After, ..no_reply(10_000 * MS, 0, false) });
        },
        Verdict::Fail,
        Some("A4"),
    ),
    (
        "beyond the promises, the clients at fault need not be served",
        |e| {
            e.requirements.is_promised = false;
            e.at_fault = waiting_at_fault(ANY);
        },
        Verdict::Pass,
        None,
    ),
    (
        "a request after a fault beyond the promises must be answered: the clause of its case",
        |e| {
            e.requirements.is_promised = false;
            e.at_fault = waiting_at_fault(Waiting { has_crowd: true, has_later: true, ..ANY });
        },
        Verdict::Fail,
        Some("F4"),
    ),
    (
        "incorrect replies harm although service is not promised",
        |e| {
            e.requirements.is_promised = false;
            e.incidents.push(incorrect_reply());
        },
        Verdict::Fail,
        Some("C3"),
    ),
    (
        "a failed action is inconclusive: nothing proves the fault",
        |e| e.incidents.push(general(Incident::ActionFailed(Act::EndCondition))),
        Verdict::Unknown,
        None,
    ),
    (
        "unknown does not hide harm",
        |e| {
            e.incidents.push(general(Incident::ActionFailed(Act::EndCondition)));
            e.incidents.push(incorrect_reply());
        },
        Verdict::Fail,
        Some("C3"),
    ),
    (
        "a violated invariant harms",
        |e| e.violations.push(Finding::new(Verdict::Fail, "not linearizable")),
        Verdict::Fail,
        Some("C3"),
    ),
    (
        "a newcomer that is not served is harmed",
        |e| {
            e.newcomer_waited_ns = None;
            e.incidents.push(general(Incident::NewcomerNotServed(Instead::End)));
        },
        Verdict::Fail,
        Some("C3"),
    ),
    ("a newcomer served after 1 s: held", |e| e.newcomer_waited_ns = Some(1000 * MS), Verdict::Pass, None),
    (
        "a newcomer served after more than 1 s warns",
        |e| e.newcomer_waited_ns = Some(1001 * MS),
        Verdict::Warn,
        Some("C1"),
    ),
    (
        "a newcomer served late by a target that had no processor: inconclusive",
        |e| {
            e.newcomer_waited_ns = Some(1001 * MS);
            e.delays.target_ns = 501 * MS;
        },
        Verdict::Unknown,
        Some("C1"),
    ),
    (
        "a lack of resources on this machine is inconclusive",
        |e| e.incidents.push(general(Incident::NewcomerNotStarted("EMFILE".to_owned()))),
        Verdict::Unknown,
        Some("C3"),
    ),
    ("one refusal in a hundred is allowed", |e| (e.served, e.refused) = (99, 1), Verdict::Pass, None),
    ("more refusals warn", |e| (e.served, e.refused) = (98, 2), Verdict::Warn, Some("C1")),
    (
        "refusals are allowed if service is not promised",
        |e| (e.served, e.refused, e.requirements.is_promised) = (0, 9, false),
        Verdict::Pass,
        None,
    ),
    ("51 ms is five times 1 ms, or 50 ms more", |e| wait(e, 51 * MS, 30), Verdict::Pass, None),
    ("slower replies warn", |e| wait(e, 52 * MS, 30), Verdict::Warn, Some("C1")),
    (
        "slower replies while the target works for the clients at fault: held",
        |e| e.latencies_ns = vec![1000 * MS; 30],
        Verdict::Pass,
        None,
    ),
    (
        "replies after more than 1 s warn also then",
        |e| e.latencies_ns = vec![1001 * MS; 30],
        Verdict::Warn,
        Some("C1"),
    ),
    (
        "work does not explain the time in which the target did nothing",
        |e| {
            wait(e, 52 * MS, 30);
            e.latencies_ns = vec![300 * MS; 30];
        },
        Verdict::Warn,
        Some("C1"),
    ),
    ("too few replies have no percentile", |e| wait(e, 52 * MS, 19), Verdict::Pass, None),
    (
        "slower replies are inconclusive if the harness was late",
        |e| {
            wait(e, 52 * MS, 30);
            e.delays.harness_ns = 26 * MS;
        },
        Verdict::Unknown,
        Some("C1"),
    ),
    (
        "slower replies are inconclusive if the target had no processor",
        |e| {
            wait(e, 52 * MS, 30);
            e.delays.target_ns = 26 * MS;
        },
        Verdict::Unknown,
        Some("C1"),
    ),
    (
        "slower replies are inconclusive if the target had no processor for most of half a second",
        |e| {
            wait(e, 900 * MS, 30);
            e.delays.target_percent = 51;
        },
        Verdict::Unknown,
        Some("C1"),
    ),
    (
        "a target with threads that works is inconclusive if it had less than a processor",
        |e| {
            wait(e, 1200 * MS, 30);
            e.idle_waits_ns = vec![MS; 30];
            e.delays.starved_percent = 51;
        },
        Verdict::Unknown,
        Some("C1"),
    ),
    (
        "a target with threads that lets clients wait and does not work warns",
        |e| {
            wait(e, 1200 * MS, 30);
            e.delays.starved_percent = 51;
        },
        Verdict::Warn,
        Some("C1"),
    ),
    (
        "a target that is busy although it has nothing to do warns",
        |e| e.idle_cpu = Some(IdleCpu { before_percent: 3, after_percent: 99 }),
        Verdict::Warn,
        Some("C4"),
    ),
    (
        "without a clause about processor time, a busy target is held",
        |e| {
            e.requirements.idle = None;
            e.idle_cpu = Some(IdleCpu { before_percent: 3, after_percent: 99 });
        },
        Verdict::Pass,
        None,
    ),
    ("a lost target harms", |e| e.target_lost = Some("it exited".to_owned()), Verdict::Fail, Some("C3")),
    (
        "a target that the fault is meant to end is not accused",
        |e| {
            e.requirements.ends_target = true;
            e.progress = Progress::Incomplete;
            e.target_lost = Some("it exited".to_owned());
            e.newcomer_waited_ns = None;
        },
        Verdict::Pass,
        None,
    ),
    (
        "harm that was done before the fault ended the target remains",
        |e| {
            e.requirements.ends_target = true;
            e.target_lost = Some("it exited".to_owned());
            e.incidents.push(incorrect_reply());
        },
        Verdict::Fail,
        Some("C3"),
    ),
    (
        "violations count although the fault ended the target",
        |e| {
            e.requirements.ends_target = true;
            e.target_lost = Some("it exited".to_owned());
            e.violations.push(Finding::new(Verdict::Fail, "not linearizable"));
        },
        Verdict::Fail,
        Some("C3"),
    ),
    (
        "a client at fault received incorrect replies",
        |e| e.at_fault = at_fault(Verdict::Fail),
        Verdict::Fail,
        Some("F4"),
    ),
    (
        "a client at fault that waits alone: the clause of its case",
        |e| e.at_fault = waiting_at_fault(ANY),
        Verdict::Fail,
        Some("F4"),
    ),
    (
        "a client at fault that waits as others do: the clause about silence",
        |e| {
            e.at_fault = waiting_at_fault(ANY);
            e.incidents.push(general(Incident::NewcomerNotServed(Instead::Nothing {
                waited_ns: 10_000 * MS,
                late_ns: 0,
            })));
        },
        Verdict::Fail,
        Some("A4"),
    ),
    (
        "a client of a crowd that waits: the clause about silence",
        |e| {
            e.at_fault = waiting_at_fault(Waiting { has_crowd: true, ..ANY });
        },
        Verdict::Fail,
        Some("A4"),
    ),
    (
        "a violated invariant comes before what follows from it",
        |e| {
            e.incidents.push(incorrect_reply());
            e.violations.push(Finding { clause: Some(C4), ..Finding::new(Verdict::Fail, "a cause") });
        },
        Verdict::Fail,
        Some("C4"),
    ),
    (
        "a delay of a third of the protocol's deadline may be the cause",
        |e| {
            e.requirements.deadline = Some(Duration::from_millis(300));
            e.delays.target_ns = 101 * MS;
            e.at_fault = at_fault(Verdict::Fail);
        },
        Verdict::Unknown,
        Some("F4"),
    ),
    (
        "memory does not grow because the machine is slow",
        |e| {
            e.requirements.deadline = Some(Duration::from_millis(300));
            e.delays.target_ns = 101 * MS;
            e.at_fault = AtFault { is_beyond_memory: true, ..at_fault(Verdict::Fail) };
        },
        Verdict::Fail,
        Some("F4"),
    ),
    (
        "a client at fault does not count before the fault is complete",
        |e| {
            e.progress = Progress::Incomplete;
            e.at_fault = at_fault(Verdict::Fail);
        },
        Verdict::NotRun,
        None,
    ),
    ("a fault that did not begin was not run", |e| e.progress = Progress::NotBegun, Verdict::NotRun, None),
    ("a fault that was cut off was not run", |e| e.progress = Progress::Incomplete, Verdict::NotRun, None),
    (
        "a block is required and did not occur",
        |e| {
            e.requirements.needs_block = true;
            e.at_fault.cause = Some("the target was not blocked".to_owned());
        },
        Verdict::Unknown,
        None,
    ),
    (
        "replies that are lost cannot block a target, however busy the machine is",
        |e| {
            e.requirements.needs_block = true;
            e.at_fault.cause = Some("the target was not blocked".to_owned());
            e.at_fault.cannot_be_blocked = true;
            e.delays.harness_ns = 2 * BUSY_NS;
        },
        Verdict::NotRun,
        None,
    ),
    (
        "a missing block does not hide harm",
        |e| {
            e.requirements.needs_block = true;
            e.at_fault.cause = Some("the target was not blocked".to_owned());
            e.incidents.push(incorrect_reply());
        },
        Verdict::Fail,
        Some("C3"),
    ),
    (
        "another cause of an inconclusive case has no effect",
        |e| e.at_fault.cause = Some("too few samples".to_owned()),
        Verdict::Pass,
        None,
    ),
];

#[test]
fn every_rule_has_its_verdict() {
    for (name, change, verdict, clause) in RULES {
        let harm = decided(*change);
        let actual = harm.findings.first().and_then(|finding| finding.clause).map(|clause| clause.id);
        assert_eq!((harm.verdict, actual), (*verdict, *clause), "{name}: {:?}", harm.findings);
    }
}
