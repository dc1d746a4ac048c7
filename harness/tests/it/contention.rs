//! Clients that contend: races are found, shown, reduced and run again, and no right server is accused.

use std::fs;
use std::net::SocketAddr;

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{RIGHT, Said, harness, zoo};

/// Clients contend, and do nothing else.
fn contend(addr: SocketAddr, flags: &[&str]) -> Said {
    harness(&[&["--addr", &addr.to_string(), "--only", "index/contention", "--seed", "1"], flags].concat())
}

#[test]
fn the_plan_of_the_default_run_is_known() {
    let said = harness(&["--only", "index/contention*", "--seed", "7", "--episodes", "2"]);
    assert_snapshot!(said.redacted());
}

#[test]
fn a_race_is_found_and_drawn() {
    let addr = zoo("check-then-act");
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (json, html) = (path("report.json"), path("report.html"));
    let said = contend(addr, &["--episodes", "6", "--json", &json, "--html", &html]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.stdout.contains("the replies are not linearizable"), "{said:?}");
    assert!(said.stdout.contains("conflict     no linearization of these requests"), "{said:?}");
    let report: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let items = report["runs"][0]["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["id"] == "index/contention").unwrap();
    let operations = item["findings"][0]["window"]["operations"].as_array().unwrap();
    assert_eq!(operations.iter().filter(|operation| operation["is_violation"] == true).count(), 1, "{item}");
    assert!(fs::read_to_string(html).unwrap().contains("<svg class=\"window\""));
}

/// One request at a time has one order only, and a race needs two.
#[test]
fn in_lockstep_a_run_is_the_same_each_time_and_a_race_does_not_show() {
    let lockstep = |addr: SocketAddr| {
        let said = contend(addr, &["--episodes", "1", "--concurrency", "10", "--schedule", "lockstep"]);
        assert_eq!(said.status, 0, "{said:?}");
        let transcript = said.stdout.lines().find(|line| line.contains("transcript sha256")).unwrap();
        transcript.to_owned()
    };
    let right = zoo(RIGHT);
    let first = lockstep(right);
    assert_eq!(first, lockstep(right));
    assert_eq!(first, lockstep(zoo("check-then-act")));
}

#[test]
fn in_lockstep_a_wrong_reply_is_found_at_once() {
    let addr = zoo("update-keeps-old-list");
    let said = contend(addr, &["--episodes", "1", "--concurrency", "10", "--schedule", "lockstep"]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.stdout.contains("a wrong reply"), "{said:?}");
}

#[test]
fn the_first_edition_is_kept_by_who_leaves_the_old_list() {
    assert_eq!(contend(zoo("update-keeps-old-list"), &["--episodes", "4"]).status, 1);
    // What the first run left behind no such server can be rid of.
    let said = contend(zoo("update-keeps-old-list"), &["--episodes", "4", "--edition", "1"]);
    assert_eq!(said.status, 0, "{said:?}");
}

#[test]
fn what_fails_is_reduced_to_a_file_that_fails_again() {
    let addr = zoo("update-keeps-old-list");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("small.requests");
    let file = file.to_str().unwrap();
    let said = contend(addr, &["--episodes", "4", "--shrink", file]);
    assert_eq!(said.status, 1, "{said:?}");
    let text = fs::read_to_string(file).unwrap();
    let requests = text.lines().filter(|line| line.starts_with("  ")).count();
    assert!((2..=6).contains(&requests), "{text}");
    assert_eq!(text.matches("client\n").count(), 1, "{text}");
    let said = harness(&["replay", file, "--addr", &addr.to_string(), "--times", "3"]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.stdout.contains("FAIL fails 3 of 3 times"), "{said:?}");
    assert!(said.stdout.contains("| nc -w 1 127.0.0.1 "), "{said:?}");
    // And a right server passes the same.
    let said = harness(&["replay", file, "--addr", &zoo(RIGHT).to_string(), "--times", "3"]);
    assert_eq!(said.status, 0, "{said:?}");
}

#[test]
fn files_that_hold_no_requests_are_one_clear_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("wrong");
    let path = file.to_str().unwrap();
    for (text, says) in [
        ("", "the script contains no client"),
        ("QUERY|a|", "line 1: the first line must be `client`"),
        ("client\nLIZARD|a|", "line 2: expected `client`, `meet`, a request or a comment"),
    ] {
        fs::write(&file, text).unwrap();
        let said = harness(&["replay", path]);
        assert_eq!((said.status, said.stderr.lines().count()), (2, 1), "{said:?}");
        assert!(said.stderr.contains(says), "{said:?}");
    }
    assert_eq!(harness(&["replay", directory.path().join("nothing").to_str().unwrap()]).status, 2);
}
