//! Contention: races are detected, shown, reduced and reproduced, and no correct server is accused.

use std::fs;
use std::net::SocketAddr;

use insta::assert_snapshot;
use mutants::Mutant;
use mutants::index::Defect;
use protocol::Level;
use serde_json::Value;

use crate::support::{CORRECT, HarnessOutput, harness, is_full, zoo};

/// Runs only the contention workload.
fn contend(addr: SocketAddr, flags: &[&str]) -> HarnessOutput {
    harness(&[&["--addr", &addr.to_string(), "--only", "index/contention", "--seed", "1"], flags].concat())
}

#[test]
fn the_hash_of_the_default_plan_does_not_change() {
    let output = harness(&["--only", "index/contention*", "--seed", "7", "--episodes", "2"]);
    assert_snapshot!(output.redacted());
}

#[test]
fn a_race_is_detected_and_drawn() {
    let addr = zoo("check-then-act");
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (json, html) = (path("report.json"), path("report.html"));
    let output = contend(addr, &["--episodes", "6", "--json", &json, "--html", &html]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stdout.contains("the replies are not linearizable"), "{output:?}");
    assert!(output.stdout.contains("conflict     no linearization of these requests"), "{output:?}");
    let report: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let items = report["runs"][0]["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["id"] == "index/contention").unwrap();
    let operations = item["findings"][0]["window"]["operations"].as_array().unwrap();
    assert_eq!(operations.iter().filter(|operation| operation["is_violation"] == true).count(), 1, "{item}");
    assert!(fs::read_to_string(html).unwrap().contains("<svg class=\"window\""));
}

/// Whatever a server does where the protocol is silent, it passes. Each of these differs from the reference server.
#[test]
fn servers_that_differ_where_the_protocol_is_silent_pass() {
    let silent = |mutant: &&Mutant<Defect>| mutant.level == Level::Info;
    // Each run contends for seconds.
    let step = if is_full() { 1 } else { 3 };
    for mutant in mutants::index::MUTANTS.iter().filter(silent).step_by(step) {
        let output = contend(zoo(mutant.name), &["--episodes", "4"]);
        assert_eq!(output.status, 0, "{}: {output:?}", mutant.name);
    }
}

/// Sequential requests have only one order, and a race needs concurrent requests.
#[test]
fn a_lockstep_run_is_deterministic_and_hides_a_race() {
    let lockstep = |addr: SocketAddr| {
        let output = contend(addr, &["--episodes", "1", "--concurrency", "10", "--schedule", "lockstep"]);
        assert_eq!(output.status, 0, "{output:?}");
        let transcript = output.stdout.lines().find(|line| line.contains("transcript sha256")).unwrap();
        transcript.to_owned()
    };
    let correct = zoo(CORRECT);
    let first = lockstep(correct);
    assert_eq!(first, lockstep(correct));
    assert_eq!(first, lockstep(zoo("check-then-act")));
}

#[test]
fn lockstep_detects_an_incorrect_reply() {
    let addr = zoo("update-keeps-old-list");
    let output = contend(addr, &["--episodes", "1", "--concurrency", "10", "--schedule", "lockstep"]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stdout.contains("incorrect reply"), "{output:?}");
}

#[test]
fn a_server_that_keeps_the_old_list_conforms_to_the_first_edition() {
    assert_eq!(contend(zoo("update-keeps-old-list"), &["--episodes", "4"]).status, 1);
    // A server that keeps the old list cannot remove the packages of an earlier run, so this one is new.
    let output = contend(zoo("update-keeps-old-list"), &["--episodes", "4", "--edition", "1"]);
    assert_eq!(output.status, 0, "{output:?}");
}

#[test]
fn a_failure_is_reduced_to_a_file_that_reproduces_it() {
    let addr = zoo("update-keeps-old-list");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("small.requests");
    let file = file.to_str().unwrap();
    // A busy machine needs longer than the default time.
    let flags = ["--episodes", "4", "--shrink", file, "--shrink-time", "300"];
    let output = contend(addr, &flags);
    assert_eq!(output.status, 1, "{output:?}");
    let text = fs::read_to_string(file).unwrap();
    let requests = text.lines().filter(|line| line.starts_with("  ")).count();
    assert!((2..=6).contains(&requests), "{text}");
    assert_eq!(text.matches("client\n").count(), 1, "{text}");
    let output = harness(&["replay", file, "--addr", &addr.to_string(), "--times", "3"]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stdout.contains("FAIL fails 3 of 3 times"), "{output:?}");
    assert!(output.stdout.contains("| nc -w 1 127.0.0.1 "), "{output:?}");
    // A correct server passes the same requests.
    let output = harness(&["replay", file, "--addr", &zoo(CORRECT).to_string(), "--times", "3"]);
    assert_eq!(output.status, 0, "{output:?}");
}

#[test]
fn invalid_request_scripts_are_refused_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("invalid");
    let path = file.to_str().unwrap();
    for (text, message) in [
        ("", "the script contains no client"),
        ("QUERY|a|", "line 1: the first line must be `client`"),
        ("client\nLIZARD|a|", "line 2: expected `client`, `meet`, a request or a comment"),
    ] {
        fs::write(&file, text).unwrap();
        let output = harness(&["replay", path]);
        assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
        assert!(output.stderr.contains(message), "{output:?}");
    }
    assert_eq!(harness(&["replay", directory.path().join("nothing").to_str().unwrap()]).status, 2);
}
