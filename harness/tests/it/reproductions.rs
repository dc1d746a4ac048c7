//! Reproductions: each printed command shows the failure again when it is pasted into a shell.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::env;
use std::process::{Command, Output};
use std::thread;

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

use protocol::text::printable;

use crate::support::{TINY, harness, zoo};
use crate::zoo::ZOO;

/// A failure as a report shows it.
#[derive(Debug)]
struct Failure {
    id: String,
    verdict: String,
    actual: String,
    commands: Vec<String>,
}

/// Runs the harness and returns what failed or warned.
fn failures(flags: &[&str]) -> Vec<Failure> {
    let directory = tempfile::tempdir().unwrap();
    let json = directory.path().join("report.json");
    let output = harness(&[&["--seed", "1", "--json", json.to_str().unwrap()], flags].concat());
    let report: Value = serde_json::from_reader(std::fs::File::open(&json).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let failed: Vec<Failure> = report["runs"][0]["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| ["fail", "warn"].contains(&item["verdict"].as_str().unwrap()))
        .map(|item| Failure {
            id: text(&item["id"]),
            verdict: text(&item["verdict"]),
            actual: text(&item["findings"][0]["actual"]),
            commands: item["reproduction"]
                .as_array()
                .map_or(Vec::new(), |all| all.iter().map(text).collect()),
        })
        .collect();
    assert!(!failed.is_empty(), "{flags:?}: {}{}", output.stdout, output.stderr);
    failed
}

/// Runs a command in a shell that finds the harness.
fn in_shell(command: &str) -> Output {
    let harness = cargo_bin("harness");
    let path = format!("{}:{}", harness.parent().unwrap().display(), env::var("PATH").unwrap());
    Command::new("sh").args(["-c", command]).env("PATH", path).output().unwrap()
}

fn assert_reproduced(failure: &Failure) {
    assert!(!failure.commands.is_empty(), "{failure:?}");
    for command in &failure.commands {
        let output = in_shell(command);
        if command.starts_with("harness ") {
            let shown = String::from_utf8_lossy(&output.stdout);
            let heading = format!("{} {}", failure.verdict, failure.id);
            assert!(
                shown.contains(&heading),
                "{command}: {shown}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        } else {
            assert!(command.contains("| nc "), "{command}");
            let received = printable(&output.stdout);
            assert!(received.contains(&failure.actual), "{command}: {received}, not {}", failure.actual);
        }
    }
}

/// A wrong reply at an address and of a started command, the end of a process, a request without a reply, a leak, a SHOULD, a
/// workload, and the second protocol.
#[test]
fn every_printed_command_shows_the_failure_again() {
    let at_address = zoo("no-dependency-check").to_string();
    let of_zoo = |mutant: &str| format!("'{}' --mutant {mutant} --addr {{addr}}", ZOO.display());
    let of_wisdom = of_zoo("waits-for-the-announced-payload --protocol wisdom");
    let commands =
        ["no-dependency-check", "dies-of-an-empty-line", "half-line-blocks-all", "leaks-descriptors"];
    let [wrong, dies, hangs, leaks] = commands.map(of_zoo);
    // With several clients, their timing decides what the replay finds.
    let replay = ["--fixture", TINY, "--packages", "15", "--concurrency", "1", "--only", "index/replay"];
    let kinds: [&[&str]; 7] = [
        &["--addr", &at_address, "--only", "S1"],
        &["--exec", &wrong, "--only", "index/S1/1"],
        &["--exec", &dies, "--only", "A4"],
        &["--exec", &hangs, "--only", "C1"],
        &["--exec", &leaks, "--process", "--only", "C4"],
        &[&["--exec", &wrong], &replay[..]].concat(),
        &["--protocol", "wisdom", "--exec", &of_wisdom, "--only", "W09"],
    ];
    thread::scope(|scope| {
        for flags in kinds {
            scope.spawn(|| failures(flags).iter().take(2).for_each(assert_reproduced));
        }
    });
}
