//! Attribution: a defect is reported under the clause that it violates, and does not prevent the judgement of others.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::harness;
use crate::zoo::ZOO;

/// The violated clauses of the default run.
struct Violated {
    must: BTreeSet<String>,
    should: BTreeSet<String>,
    /// The ids of the failed items.
    failed: Vec<String>,
    /// The cases that were not run or are undecided.
    undecided_cases: usize,
}

fn run(mutant: &str) -> Violated {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    let command = format!("{} --mutant {mutant} --addr {{addr}}", ZOO.display());
    let output = harness(&["--exec", &command, "--seed", "7", "--json", path.to_str().unwrap()]);
    let report: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let items = report["runs"][0]["items"].as_array().unwrap_or_else(|| panic!("{output:?}")).clone();
    let with = |verdict: &str| -> Vec<Value> {
        items.iter().filter(|item| item["verdict"] == verdict).cloned().collect()
    };
    let clauses = |items: &[Value]| -> BTreeSet<String> {
        let findings = items.iter().flat_map(|item| item["findings"].as_array().unwrap());
        findings.map(|finding| finding["clause"]["id"].as_str().unwrap_or("none").to_owned()).collect()
    };
    let (fail, warn) = (with("fail"), with("warn"));
    Violated {
        must: clauses(&fail),
        should: clauses(&warn),
        failed: fail.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect(),
        undecided_cases: ["not_run", "unknown"]
            .iter()
            .flat_map(|verdict| with(verdict))
            // On a busy machine, any target is too slow for some cases.
            .filter(|item| {
                item["kind"] == "case" && !item["cause"].as_str().unwrap().contains("too slow for this case")
            })
            .count(),
    }
}

fn set(clauses: &[&str]) -> BTreeSet<String> {
    clauses.iter().map(|&clause| clause.to_owned()).collect()
}

/// The cases that a default run leaves out: four leak checks, two that wait for deadlines, and one that must block the target.
const LEFT_OUT_MAX: usize = 7;

#[test]
fn a_server_that_loses_lines_of_one_read_violates_f3_only() {
    let violated = run("first-line-of-a-read-only");
    assert_eq!((violated.must, violated.should), (set(&[]), set(&["F3"])), "{:?}", violated.failed);
}

#[test]
fn a_server_that_refuses_dots_in_names_violates_r9_only() {
    let violated = run("names-with-dots-refused");
    assert_eq!(violated.must, set(&["R9"]), "{:?}", violated.failed);
    // The challenge's own harness uses such names.
    assert!(violated.should.is_subset(&set(&["C6"])), "{:?}", violated.should);
}

#[test]
fn a_server_that_takes_each_read_for_a_line_is_judged_in_everything_else() {
    let violated = run("read-is-a-line");
    assert_eq!(violated.must, set(&["F2", "F4"]), "{:?}", violated.failed);
    assert!(violated.should.is_subset(&set(&["F3", "F6", "R8"])), "{:?}", violated.should);
    assert!(violated.undecided_cases <= LEFT_OUT_MAX, "{}", violated.undecided_cases);
}

#[test]
fn a_server_that_ends_after_many_requests_is_lost_and_violates_nothing_else() {
    let violated = run("dies-after-3000-requests");
    assert_eq!((violated.failed, violated.should), (vec!["index/alive".to_owned()], set(&[])));
}
