//! The replay against the built-in server: the output and the files.

use std::fs::File;

use insta::assert_snapshot;
use serde_json::Value;

use driver::history::{Event, EventKind};
use harness::protocols::find_workload;
use verdict::{Finding, Verdict};

use crate::support::{TINY, first_part, harness, rejudge, replay};

#[test]
fn one_client_on_the_tiny_fixture() {
    assert_snapshot!(replay(&["--fixture", TINY, "--seed", "1", "--concurrency", "1"]).redacted());
}

#[test]
fn a_hundred_clients_on_the_default_fixture() {
    // Cases whose execution depends on the speed of the machine are skipped.
    let quick_only = "index/S1/8,index/C1/3,index/C1/6";
    let small = ["--packages", "10000", "--episodes", "3"];
    let output = harness(&[&["--seed", "7", "--verbose", "--skip", quick_only], &small[..]].concat());
    assert_snapshot!(output.redacted_with_counts());
}

#[test]
fn more_clients_than_packages() {
    let output = replay(&["--fixture", TINY, "--seed", "1", "--concurrency", "40"]);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stdout.contains("PASS replay: "), "{output:?}");
}

#[test]
fn a_matrix_is_one_table() {
    let output = replay(&["--fixture", TINY, "--seeds", "1..3", "--concurrency", "1,4"]);
    assert_snapshot!(output.redacted_with_counts());
}

#[test]
fn the_json_report_agrees_with_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    let output =
        replay(&["--fixture", TINY, "--seed", "1", "--concurrency", "3", "--json", path.to_str().unwrap()]);
    let report: Value = serde_json::from_reader(File::open(path).unwrap()).unwrap();
    assert_eq!((output.status, &report["verdict"]), (0, &Value::from("pass")));
    let run = &report["runs"][0]["workloads"][0];
    assert_eq!(run["id"], "index/replay");
    assert!(output.stdout.contains(run["plan_sha256"].as_str().unwrap()));
    let commands =
        || run["phases"].as_array().unwrap().iter().flat_map(|phase| phase["commands"].as_array().unwrap());
    let requests: u64 = commands().map(|command| command["requests"].as_u64().unwrap()).sum();
    assert_eq!(run["requests"], requests);
    assert!(commands().all(|command| {
        let figure = |name: &str| command[name].as_u64().unwrap();
        let (p50, p99, p999) =
            (figure("latency_ns_p50"), figure("latency_ns_p99"), figure("latency_ns_p999"));
        // A histogram has a relative error of up to 0.001; its maximum is exact.
        0 < p50 && p50 <= p99 && p99 <= p999 && p999 <= figure("latency_ns_max") * 1001 / 1000
    }));
    assert_eq!(report["fixture"]["packages"], 15);
}

#[test]
fn a_recorded_history_is_judged_without_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.zst");
    let output =
        replay(&["--fixture", TINY, "--seed", "1", "--concurrency", "3", "--record", path.to_str().unwrap()]);
    assert_eq!(output.status, 0, "{output:?}");

    let (header, events) = first_part(&path);
    assert!(output.stdout.contains(&header.plan_sha256));
    let judge = |events: &[Event<'_>]| -> (Verdict, Vec<Finding>) {
        let judgement = rejudge(find_workload("index/replay").unwrap(), &header, events);
        (judgement.verdict, judgement.found.into_iter().map(|found| found.finding).collect())
    };
    let (verdict, findings) = judge(&events);
    assert_eq!((verdict, findings.len()), (Verdict::Pass, 0));

    // With one changed reply, the history fails; a truncated one is unknown.
    let mut forged = events.clone();
    for event in &mut forged {
        if let EventKind::Received(bytes) = &mut event.event
            && bytes.as_ref() == b"ERROR\n"
        {
            *bytes = b"OK\n".to_vec().into();
        }
    }
    let (verdict, findings) = judge(&forged);
    assert_eq!(verdict, Verdict::Fail);
    assert!(["R1", "R2"].contains(&findings[0].clause.unwrap().id));
    assert_eq!(judge(&events[..50]).0, Verdict::Unknown);
    // A history without one of the clients is unknown, even with its final event.
    let without_one: Vec<Event<'_>> = events.into_iter().filter(|event| event.client != 2).collect();
    assert_eq!(judge(&without_one).0, Verdict::Unknown);
}
