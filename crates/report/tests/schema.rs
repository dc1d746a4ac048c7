//! The JSON output conforms to the published schemas, and the terminal shows every field of an item.
#![expect(clippy::unwrap_used, reason = "a failing test panics with the message")]

use std::fs;
use std::time::SystemTime;

use driver::history::{Ending, Event, EventKind, Failure, FailureKind, Header, Params, Sample};
use driver::moves::Act;
use jsonschema::Validator;
use protocol::Level;
use protocol::index::clauses::S1;
use report::statistics::{LatencyAt, Pace, Statistics};
use report::terminal::{EXPLAIN_COMMAND, write_items};
use report::{FixtureSummary, Frequency, Item, ItemKind, Origin, Report, RunReport, VERSION, WorkloadRun};
use serde_json::Value;
use verdict::{Finding, Verdict, Window, WindowOperation};

fn validator(name: &str) -> Validator {
    validator_of(&format!("{}/../../docs/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR")))
}

fn validator_of(path: &str) -> Validator {
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn assert_valid(validator: &Validator, value: &Value) {
    let errors: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {value}");
}

/// An item in which every optional field is set.
fn full_item() -> Item {
    let operation = |client, replied_ns: Option<u64>, request: &str, is_violation| WindowOperation {
        client,
        sent_ns: 1_000,
        replied_ns,
        request: request.to_owned(),
        reply: replied_ns.map(|_| r"OK\n".to_owned()),
        is_violation,
    };
    let mut finding = Finding::new(Verdict::Fail, "incorrect reply");
    finding.reason = Some("a was not indexed at any time in the interval".to_owned());
    finding.clause = Some(S1);
    finding.client = Some(3);
    finding.phase = Some("index");
    finding.show(r"INDEX|b|a\n".to_owned(), r"OK\n".to_owned(), r"FAIL\n".to_owned());
    finding.differs_at = Some(0);
    finding.window = Some(Window {
        operations: vec![
            operation(3, Some(9_000), "INDEX|b|a", true),
            operation(4, None, "REMOVE|a|", false),
        ],
        states: vec!["a not indexed; b not indexed".to_owned()],
    });
    let mut item = Item::new("index/S1/1", ItemKind::Case, Level::Must);
    item.clause = Some(S1);
    item.usual_cause = "the dependencies are not checked";
    "A package whose dependency is not indexed is answered FAIL.".clone_into(&mut item.requirement);
    item.verdict = Verdict::Fail;
    item.cause = Some("listed as a known failure".to_owned());
    item.findings = vec![finding];
    item.observed = Some("an observation".to_owned());
    item.duration_ns = 5;
    item.reproduction = vec!["harness --only index/S1/1".to_owned(), "nc 127.0.0.1 8080".to_owned()];
    item.wire_omitted = 1;
    item
}

fn run_with(item: Item) -> RunReport {
    RunReport {
        addr: "127.0.0.1:8080".to_owned(),
        seed: 1,
        concurrency: 100,
        options: Params::default().with("seed", 1),
        verdict: item.verdict,
        hint: Some("a hint".to_owned()),
        cause: Some("a cause".to_owned()),
        items: vec![item],
        workloads: vec![WorkloadRun {
            id: "index/replay",
            plan_sha256: "0".repeat(64),
            duration_ns: 1,
            requests: 1,
            latencies: vec![LatencyAt { percentile: 99.9, latency_ns: 1 }],
            pace: Pace::default(),
            phases: Statistics::default().phases(&[]),
        }],
        case_requests: 1,
        target_ended: Some("by signal 9".to_owned()),
    }
}

#[test]
fn a_report_with_all_fields_conforms_to_its_schema() {
    let mut text = Vec::new();
    report::json::write(&mut text, &full_report()).unwrap();
    let mut value: Value = serde_json::from_slice(&text).unwrap();
    assert_valid(&validator("report"), &value);
    value["runs"][0]["items"][0]["unknown"] = Value::Null;
    assert!(!validator("report").is_valid(&value), "unknown keys are rejected");
}

fn full_report() -> Report {
    let run = run_with(full_item());
    let fixture = FixtureSummary { name: "tiny".to_owned(), packages: 4, named_only: 1, dependencies: 3 };
    let verdict = run.verdict;
    Report {
        report: VERSION,
        origin: Origin::new("harness", SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH),
        target: "127.0.0.1:8080".to_owned(),
        fixture: Some(fixture),
        verdict,
        frequencies: vec![Frequency {
            id: "index/S2/2",
            violated: 1,
            decided: 3,
            interval: [0.06, 0.79],
            is_flaky: false,
        }],
        runs: vec![run],
    }
}

#[test]
fn a_common_test_report_conforms_to_its_schema() {
    let validator = validator_of(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ctrf.schema.json"));
    let written = |verdict| {
        let mut report = full_report();
        report.runs[0].items[0].verdict = verdict;
        report.runs[0].items[0].repetitions = 1;
        let mut text = Vec::new();
        report::ctrf::write(&mut text, &report).unwrap();
        let value: Value = serde_json::from_slice(&text).unwrap();
        assert_valid(&validator, &value);
        value["results"]["tests"][0]["status"].as_str().unwrap().to_owned()
    };
    let expected = ["passed", "failed", "passed", "failed", "failed", "other", "skipped"];
    assert_eq!(Verdict::ALL.map(written), expected, "{:?}", Verdict::ALL);
}

#[test]
fn every_history_line_conforms_to_its_schema() {
    let validator = validator("history");
    let params = Params::default().with("seed", 1);
    let header = Header {
        history: driver::history::VERSION,
        workload: "index/replay".to_owned(),
        params,
        plan_sha256: "a".repeat(64),
    };
    assert_valid(&validator, &serde_json::to_value(&header).unwrap());
    let failure = |kind| Failure { kind, message: "refused".to_owned() };
    let mut kinds = vec![
        EventKind::Phase(1),
        EventKind::Opened(0),
        EventKind::Sent(b"a\n\xff".as_slice().into()),
        EventKind::Received(b"OK\n".as_slice().into()),
        EventKind::Ended,
        EventKind::TimedOut { waited_ns: 1, late_ns: 0 },
        EventKind::Flooded { bytes: 1, has_stalled: true },
        EventKind::EndedSending,
        EventKind::StoppedReading,
        EventKind::StayedOpen { waited_ns: 1 },
        EventKind::Closed,
        EventKind::Reset,
        EventKind::Marked(1),
        EventKind::Sampled(Sample {
            descriptors: 1,
            memory_bytes: 1,
            memory_peak_bytes: 1,
            threads: 1,
            waited_ns: 1,
            waited_by_all_ns: 1,
            cpu_ns: 1,
        }),
        EventKind::ClientDone,
    ];
    let failures =
        [FailureKind::Refused, FailureKind::TimedOut, FailureKind::OutOfResources, FailureKind::Other];
    kinds.extend(failures.map(|kind| EventKind::NotOpened(failure(kind))));
    kinds.extend(failures.map(|kind| EventKind::Lost(failure(kind))));
    let acts = [
        Act::Stop,
        Act::Continue,
        Act::Kill,
        Act::Terminate,
        Act::LeaveDescriptors(1),
        Act::RestoreDescriptors,
        Act::BlockOutput,
        Act::UnblockOutput,
        Act::ChangeSetting(1),
        Act::BeginCondition(1),
        Act::EndCondition,
    ];
    kinds.extend(acts.map(|act| EventKind::Acted { act, is_done: true }));
    let endings = [Ending::Finished, Ending::Stopped, Ending::TimeOver, Ending::Interrupted];
    kinds.extend(endings.map(EventKind::RunEnded));
    for event in kinds {
        let event = Event { at_ns: 1, client: 0, connection: 1, event };
        assert_valid(&validator, &serde_json::to_value(&event).unwrap());
    }
}

#[test]
fn the_terminal_shows_every_field_of_an_item() {
    let mut out = Vec::new();
    let run = run_with(full_item());
    write_items(&mut out, &run, Verdict::Fail, EXPLAIN_COMMAND).unwrap();
    insta::assert_snapshot!(anstream::adapter::strip_str(&String::from_utf8(out).unwrap()));
}
