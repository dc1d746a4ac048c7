//! Reproductions: each printed command shows the harm again when it is pasted into a shell.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::env;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;

use crate::support::{chaos, directory, wisdom_zoo, zoo};

/// Asserts that a run of chaos with these flags finds harm, and that the first printed command finds it again.
#[track_caller]
fn assert_reproduced(fault: &str, flags: &[&str]) {
    let found = chaos(&[&["--seed", "1", "--faults", fault], flags].concat());
    let heading = format!("fail {fault}: ");
    assert!(found.stdout.contains(&heading), "{}{}", found.stdout, found.stderr);
    let printed = found.stdout.lines().find_map(|line| line.trim_start().strip_prefix("reproduce "));
    let command = printed.expect("a failure has a command").trim_start();
    let chaos = cargo_bin("chaos");
    let path = format!("{}:{}", chaos.parent().unwrap().display(), env::var("PATH").unwrap());
    let output = Command::new("sh").args(["-c", command]).env("PATH", path).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && shown.contains(&heading), "{command}: {shown}{errors}");
}

#[test]
fn a_printed_command_of_each_protocol_shows_the_harm_again() {
    assert_reproduced("lines/nul-bytes/idle", &["--exec", &zoo(Some("dies-of-nul"))]);
    let flags = ["--protocol", "wisdom", "--exec", &wisdom_zoo(Some("no-replay-check"))];
    assert_reproduced("spending/reset/new", &flags);
}

/// The command of the target contains quotation marks, and a file that it needs.
#[test]
fn a_printed_command_with_words_in_quotation_marks_shows_the_harm_again() {
    let directory = directory();
    let log = directory.path().join("the log");
    let exec = format!("{} 2>>'{}'", zoo(Some("dies-of-a-reset")), log.display());
    assert_reproduced("disconnects/reset/idle", &["--strict", "--exec", &exec]);
}
