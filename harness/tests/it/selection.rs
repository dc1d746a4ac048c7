//! Selection, known failures, and the configuration file.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;

use conformance::CaseBatch;
use harness::protocols;
use verdict::Verdict;

use crate::support::{HarnessOutput, Server, first_part, harness, rejudge, send, zoo};

/// Starts a server that follows the early edition of S2.
fn early() -> SocketAddr {
    zoo("update-is-not-checked")
}

/// Starts a server that violates a SHOULD and no MUST.
fn reversing() -> SocketAddr {
    zoo("replies-reversed")
}

fn judge(addr: SocketAddr, flags: &[&str]) -> HarnessOutput {
    harness(&[&["--addr", &addr.to_string(), "--seed", "1"], flags].concat())
}

#[test]
fn a_violated_should_warns_and_fails_with_strict() {
    let addr = reversing();
    let output = judge(addr, &["--only", "F3"]);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stdout.lines().last().unwrap().starts_with("WARN F3 (1): 6 cases passed"), "{output:?}");
    let output = judge(addr, &["--only", "F3", "--strict"]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stdout.contains("fail index/F3/2"), "{output:?}");
}

/// The first edition says only that INDEX of an indexed package is answered OK.
#[test]
fn a_server_of_the_first_edition_passes_with_its_flag_and_violates_only_s2_without() {
    let addr = early();
    let output = judge(addr, &["--only", "S2,index/contention", "--edition", "1"]);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(
        output.stdout.contains("not run: the selected edition of the protocol does not require it"),
        "{output:?}"
    );
    let output = judge(addr, &["--only", "S2,index/contention"]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stdout.contains("edition  S2 is violated"), "{output:?}");
    assert!(output.stdout.lines().last().unwrap().starts_with("FAIL S2 (4): "), "{output:?}");
}

#[test]
fn unselected_cases_are_not_run() {
    let addr = Server::correct().start();
    let output = judge(addr, &["--only", "R1,index/S?/1", "--skip", "info"]);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stdout.ends_with("PASS 14 cases passed\n"), "{output:?}");
    let output = judge(addr, &["--only", "C5"]);
    assert!(output.stdout.contains("--stall-limit runs it"), "{output:?}");
    assert_eq!(output.status, 3, "{output:?}");
    assert!(output.stdout.ends_with("\nUNKNOWN nothing that was selected was decided\n"), "{output:?}");
    assert_eq!(judge(addr, &["--only", "index/alive"]).status, 0);
    for (flags, message) in [
        (&["--only", "index/R1/77"][..], "'index/R1/77' matches nothing"),
        (&["--only", "R1", "--skip", "must"], "leave nothing to run"),
        (&["--process"], "--process watches the target's process"),
    ] {
        let output = judge(addr, flags);
        assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
        assert!(output.stderr.contains(message), "{output:?}");
    }
}

#[test]
fn a_listed_failure_is_expected_and_a_listed_pass_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("expected.txt");
    let flags = |path: &Path| {
        ["--only", "index/S2/4,index/S2/1", "--expect", path.to_str().unwrap()].map(str::to_owned)
    };
    let with_list = |list: &str| {
        fs::write(&path, list).unwrap();
        let flags = flags(&path);
        judge(early(), &flags.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let output = with_list("index/S2/4  the early edition\n");
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stdout.contains("the early edition"), "{output:?}");
    assert!(output.stdout.lines().last().unwrap().starts_with("EXPECTED "), "{output:?}");
    let output = with_list("index/S2/4  the early edition\nindex/S2/1  it was so once\n");
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stdout.contains("remove it from the list"), "{output:?}");
    // Many lines may be obsolete at once.
    fs::write(&path, "index/R1/1  a\nindex/R1/2  b\nindex/R1/3  c\n").unwrap();
    let output = judge(Server::correct().start(), &["--only", "R1", "--expect", path.to_str().unwrap()]);
    let rest = "also: it is listed as a known failure and passes: remove it from the list\n  index/R1/2 index/R1/3\n";
    assert!(output.status == 1 && output.stdout.contains(rest), "{output:?}");
    let output = with_list("index/S2/44  the early edition\n");
    assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
    assert!(output.stderr.contains("line 1: there is no case or workload 'index/S2/44'"), "{output:?}");
}

#[test]
fn the_gate_of_a_server_is_set_up_by_one_command() {
    let directory = tempfile::tempdir().unwrap();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/servers/python/server.py");
    fs::copy(source, directory.path().join("server.py")).unwrap();
    let run = |arguments: &[&str]| {
        let output =
            Command::new(cargo_bin("harness")).args(arguments).current_dir(&directory).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, printed) = run(&["init"]);
    assert_eq!(status, 0, "{printed}");
    assert!(printed.contains("server.py:"), "{printed}");
    let (status, printed) = run(&["--only", "R1,S1", "--skip", "index/S1/8"]);
    assert_eq!(status, 0, "{printed}");
    assert!(printed.contains("PORT={port} python3 server.py"), "{printed}");
}

#[test]
fn a_configuration_is_written_read_and_overridden() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output =
            Command::new(cargo_bin("harness")).args(arguments).current_dir(&directory).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        HarnessOutput { stdout, stderr, status: output.status.code().unwrap() }
    };
    assert_eq!(run(&["init"]).status, 0);
    assert_eq!(run(&["init"]).status, 2, "it does not write over another");
    let path = directory.path().join("gauntlet.toml");
    let addr = Server::correct().start();
    let mut file = fs::File::options().append(true).open(&path).unwrap();
    writeln!(file, "addr = \"{addr}\"\nseed = 5\nonly = [\"R3\"]").unwrap();
    let output = run(&[]);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stdout.contains("--only R3") && output.stdout.contains("--seed 5 "), "{output:?}");
    assert!(run(&["--seed", "6"]).stdout.contains("--seed 6 "));
    for (line, message) in [
        ("sed = 7", "unknown key 'sed'; did you mean 'seed'?"),
        ("concurrency = \"many\"", "invalid value 'many' for '--concurrency"),
        ("strict = 7", "'strict' must be true or false"),
    ] {
        fs::write(&path, format!("{line}\n")).unwrap();
        let output = run(&[]);
        assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
        assert!(output.stderr.contains("gauntlet.toml") && output.stderr.contains(message), "{output:?}");
    }
    assert_eq!(run(&["--config", "missing.toml"]).status, 2);
}

/// A history contains everything that the judge of the cases needs.
#[test]
fn recorded_cases_are_judged_without_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.zst");
    let flags = ["--only", "S2,R1", "--record", path.to_str().unwrap()];
    let output = judge(early(), &flags);
    assert_eq!(output.status, 1, "{output:?}");
    let (header, events) = first_part(&path);
    let judgement = rejudge(&CaseBatch(protocols::INDEX.suite), &header, &events);
    assert_eq!(judgement.cases, Some(17), "{judgement:?}");
    let failed: Vec<&str> = judgement
        .found
        .iter()
        .filter(|found| found.finding.verdict == Verdict::Fail)
        .map(|found| found.id)
        .collect();
    assert!(!failed.is_empty());
    for case in protocols::INDEX.suite.cases() {
        let is_shown = output.stdout.split_whitespace().any(|word| word.trim_end_matches(':') == case.id);
        assert_eq!(failed.contains(&case.id), is_shown, "{}", case.id);
    }
}

/// A target that speaks another protocol is reported in one clear line with its exit code.
#[test]
fn targets_of_another_protocol_are_reported_in_one_line() {
    let http = Server::new(|_| send("HTTP/1.1 400 Bad Request\r\n\r\n"));
    let output = judge(http.start(), &[]);
    assert_eq!(output.status, 4, "{output:?}");
    assert!(
        output.stdout.ends_with("UNREACHABLE the target speaks HTTP, not the package index\n"),
        "{output:?}"
    );
    let tls = Server::new(|_| crate::support::Act::Send(b"\x15\x03\x01\x00\x02\x02\x16".to_vec()));
    let output = judge(tls.start(), &["--timeout", "1"]);
    assert_eq!(output.status, 4, "{output:?}");
    assert!(
        output.stdout.ends_with("UNREACHABLE the target speaks TLS, not the package index\n"),
        "{output:?}"
    );
    // A target that accepts connections and never replies fails with the first case.
    let silent = Server::new(|_| crate::support::Act::Ignore);
    let output = judge(silent.start(), &["--timeout", "1"]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stdout.lines().last().unwrap().starts_with("FAIL A1 (2): "), "{output:?}");
}
