//! Servers that are wrong on purpose: each is caught, with the fault that shows it and the clause that it breaks.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::fs;

use crate::support::{chaos, directory, wisdom_zoo, zoo};

/// Runs only these faults, and looks which of them harmed somebody.
#[track_caller]
fn is_caught(bug: &str, faults: &str, clause: &str) {
    is_caught_in("index", &zoo(Some(bug)), bug, faults, clause);
}

#[track_caller]
fn is_caught_in(protocol: &str, exec: &str, bug: &str, faults: &str, clause: &str) {
    let flags = ["--protocol", protocol, "--seed", "1", "--strict", "--matrix", "--faults", faults];
    let said = chaos(&[&flags[..], &["--exec", exec]].concat());
    assert_eq!(said.status, 1, "{bug}: {}{}", said.stdout, said.stderr);
    let verdict = said.stdout.lines().last().unwrap();
    assert!(verdict.starts_with("FAIL") && verdict.contains(clause), "{bug}: {verdict}");
}

#[test]
fn who_dies_is_caught() {
    is_caught("dies-of-a-reset", "disconnects/reset/*", "C3");
    is_caught("dies-of-a-half-line", "disconnects/end-at-every-offset/*", "C3");
    is_caught("dies-of-nul", "lines/nul-bytes/*", "A4");
    is_caught("dies-of-a-long-line", "lines/name-of-a-megabyte/*", "A4");
}

#[test]
fn who_carries_out_half_lines_is_caught() {
    is_caught("half-line-of-a-lost-client-done", "disconnects/reset/mid-line", "C3");
}

#[test]
fn who_keeps_others_waiting_is_caught() {
    is_caught("lock-held-while-writing", "readers/never-reading/*", "C1");
    is_caught("half-line-blocks-all", "writers/never-finished/*", "C1");
}

#[test]
fn who_never_gives_back_is_caught() {
    is_caught("leaks-descriptors", "resources/visits/*", "C4");
    is_caught("leaks-descriptors-of-lost-clients", "resources/resets/*", "C4");
    is_caught("leaks-threads", "resources/visits/*", "C4");
    is_caught("leaks-memory", "resources/connections/*", "C4");
    is_caught("leaks-memory-per-request", "resources/requests/*", "C4");
    is_caught("lost-clients-stay-counted", "disconnects/many-resets/*", "C3");
}

#[test]
fn who_keeps_without_bound_is_caught() {
    is_caught("no-line-limit", "resources/endless-line/*", "F6");
    is_caught("unread-replies-pile-up", "resources/unread-replies/*", "C5");
}

#[test]
fn who_gives_too_much_or_too_little_for_a_proof_of_work_is_caught() {
    for (bug, faults, clause) in [
        ("no-replay-check", "spending/reset/*", "W25"),
        ("replay-check-then-set", "spending/equal/*", "W27"),
        ("deadline-per-read", "clients/dribbling/*", "W29"),
        ("closes-without-draining", "frames/noise-behind/*", "W06"),
        ("allocates-the-announced-length", "frames/oversized/*", "W09"),
        ("unsigned", "process/killed-while-solving/new", "W16"),
        ("dies-of-nesting", "frames/nested/*", "W31"),
    ] {
        is_caught_in("wisdom", &wisdom_zoo(Some(bug)), bug, faults, clause);
    }
}

/// A target that died is started again, and everything has a verdict in every report.
#[test]
fn reports_are_whole_whatever_becomes_of_the_target() {
    let directory = directory();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (json, junit, html) = (path("a.json"), path("a.xml"), path("a.html"));
    let exec = zoo(Some("dies-of-a-reset"));
    let flags = ["--seed", "4", "--matrix", "--faults", "disconnects/*", "--exec", &exec];
    let reports = ["--json", &json, "--junit", &junit, "--html", &html];
    let said = chaos(&[&flags[..], &reports].concat());
    assert_eq!(said.status, 1, "{}{}", said.stdout, said.stderr);
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    let items = report["runs"][0]["items"].as_array().unwrap();
    let scenes =
        chaos::kit::KITS[0].scenes().iter().filter(|scene| scene.fault.id.starts_with("disconnects/"));
    assert_eq!(items.len(), scenes.count());
    assert!(items.iter().any(|item| item["verdict"] == "fail"));
    assert!(fs::read_to_string(&junit).unwrap().contains("<testsuite "));
    let page = fs::read_to_string(&html).unwrap();
    assert!(page.contains("<svg") && page.contains("Scorecard") && !page.contains("<script"));
}

#[test]
fn a_schedule_that_fails_is_shrunk_and_fails_again() {
    let directory = directory();
    let path = directory.path().join("shrunk.json").to_str().unwrap().to_owned();
    let exec = zoo(Some("dies-of-nul"));
    let said = chaos(&["--seed", "5", "--faults", "lines/*", "--exec", &exec, "--shrink", &path]);
    assert_eq!(said.status, 1, "{}{}", said.stdout, said.stderr);
    let shrunk = chaos::schedule::Schedule::parse(&fs::read_to_string(&path).unwrap()).unwrap();
    assert!(matches!(&shrunk.steps[..], [step] if step.starts_with("lines/")), "{:?}", shrunk.steps);
    let said = chaos(&["replay", &path, "--times", "2", "--exec", &exec]);
    assert_eq!(said.status, 1);
    assert!(said.stdout.contains("fails 2 of 2 times"), "{}", said.stdout);
}
