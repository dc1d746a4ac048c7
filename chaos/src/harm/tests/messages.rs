//! A snapshot of every message of the harm verdict.

use std::time::Duration;

use driver::moves::Act;
use protocol::index::clauses::F4;
use verdict::Verdict;

use super::{MS, at_fault, decided, evidence, incorrect_reply, of_bystander, wait};
use crate::harm::evidence::{Delays, Evidence, IdleCpu, Incident, Instead, Progress, SessionEnd};
use crate::harm::{Harm, decide};

/// Every finding and every cause, in the words of the report.
#[test]
fn every_message_is_plain() {
    let text = str::to_owned;
    let session = |end, actual: &str| Incident::SessionBroken {
        clause: F4,
        end,
        sent: text("its solution"),
        actual: text(actual),
    };
    let instead = [
        Instead::Reply(text("ERROR")),
        Instead::Nothing { waited_ns: 10_000 * MS, late_ns: 0 },
        Instead::Error(text("connection reset by peer")),
        Instead::End,
    ];
    let no_reply = |instead| Incident::NoReply { request: text("QUERY|a|\\n"), instead, is_unserved: false };
    let mut incidents = vec![
        Incident::ActionFailed(Act::BeginCondition(0)),
        Incident::ActionFailed(Act::EndCondition),
        Incident::ActionFailed(Act::Stop),
        incorrect_reply().incident,
        Incident::UnsolicitedBytes { after: text("QUERY|a|\\n"), bytes: text("OK") },
        no_reply(Instead::Nothing { waited_ns: 10_000 * MS, late_ns: 3_000 * MS }),
        Incident::IdleConnectionClosed,
        session(SessionEnd::StaysOpen, "the connection is open after 5 s"),
        session(SessionEnd::Reset, "connection reset by peer"),
        session(SessionEnd::TooEarly, "the end of the connection"),
        Incident::ChallengeTooHard { bits: 20, bits_max: 16 },
        Incident::NewcomerNotStarted(text("too many open files")),
    ];
    incidents.extend(instead.clone().map(no_reply));
    incidents.extend(instead.map(Incident::NewcomerNotServed));
    let mut lines = Vec::new();
    let mut describe = |harm: Harm| {
        for finding in &harm.findings {
            lines.push(format!("{:?}: {}", finding.verdict, finding.summary));
            let parts = [&finding.sent, &finding.actual, &finding.expected, &finding.reason];
            for (name, part) in ["sent", "actual", "expected", "reason"].iter().zip(parts) {
                lines.extend(part.as_ref().map(|part| format!("    {name}: {part}")));
            }
        }
        lines.extend(harm.cause.map(|cause| format!("{:?}, cause: {cause}", harm.verdict)));
    };
    for incident in incidents {
        describe(decide(&Evidence { incidents: vec![of_bystander(incident)], ..evidence() }));
    }
    describe(decided(|e| e.target_lost = Some("the target's process ended: exit status 1".to_owned())));
    describe(decided(|e| e.newcomer_waited_ns = Some(1500 * MS)));
    describe(decided(|e| (e.served, e.refused) = (90, 10)));
    describe(decided(|e| e.idle_cpu = Some(IdleCpu { before_percent: 3, after_percent: 99 })));
    describe(decided(|e| wait(e, 60 * MS, 30)));
    describe(decided(|e| {
        wait(e, 60 * MS, 30);
        e.delays = Delays { harness_ns: 40 * MS, target_ns: 5 * MS, ..Delays::default() };
    }));
    describe(decided(|e| {
        e.requirements.deadline = Some(Duration::from_secs(5));
        e.delays.target_ns = 2000 * MS;
        e.at_fault = at_fault(Verdict::Fail);
    }));
    describe(decided(|e| e.progress = Progress::NotBegun));
    describe(decided(|e| e.progress = Progress::Incomplete));
    insta::assert_snapshot!(lines.join("\n"));
}
