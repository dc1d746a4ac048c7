//! Runs that are repeated.

use std::fs;

use serde_json::Value;

use crate::support::{harness, zoo};

#[test]
fn repeated_runs_show_how_often_each_item_is_violated() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("flaky"), "index/R1/1  it failed once\n").unwrap();
    let addr = zoo("no-dependency-check").to_string();
    let (flaky, json, html) = (path("flaky"), path("r.json"), path("r.html"));
    let flags = ["--addr", &addr, "--only", "index/S1/1,index/R1/1", "--flaky", &flaky, "--repeat", "3"];
    let output = harness(&[&flags[..], &["--json", &json, "--html", &html, "--seed", "1"]].concat());
    assert_eq!(output.status, 1, "{}{}", output.stdout, output.stderr);
    let violated = "index/S1/1                        3 of 3   44 % to 100 %";
    let never =
        "listed as flaky, and never violated\n  index/R1/1                        0 of 3   0 % to 56 %";
    assert!(output.stdout.contains(violated) && output.stdout.contains(never), "{}", output.stdout);
    let report: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(report["runs"].as_array().unwrap().len(), 3);
    let ids: Vec<&str> =
        report["frequencies"].as_array().unwrap().iter().filter_map(|row| row["id"].as_str()).collect();
    assert_eq!(ids, ["index/R1/1", "index/S1/1"]);
    assert!(fs::read_to_string(html).unwrap().contains("44 % to 100 %"));
    // Without repetitions nothing is counted.
    let output = harness(&[&flags[..6], &["--seed", "1"]].concat());
    assert!(!output.stdout.contains("flaky, and never"), "{}", output.stdout);
}
