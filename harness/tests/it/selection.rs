//! What is run, what may fail, and where flags come from.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;

use conformance::CaseBatch;
use harness::protocols;
use verdict::Verdict;

use crate::support::{Said, Server, first_part, harness, rejudge, say, zoo};

/// It follows the early edition of S2.
fn early() -> SocketAddr {
    zoo("update-is-not-checked")
}

/// It breaks a SHOULD and no MUST.
fn reversing() -> SocketAddr {
    zoo("replies-reversed")
}

fn judge(addr: SocketAddr, flags: &[&str]) -> Said {
    harness(&[&["--addr", &addr.to_string(), "--seed", "1"], flags].concat())
}

#[test]
fn a_broken_should_warns_and_fails_if_that_is_wanted() {
    let addr = reversing();
    let said = judge(addr, &["--only", "F3"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.stdout.lines().last().unwrap().starts_with("WARN F3 (1): 6 cases passed"), "{said:?}");
    let said = judge(addr, &["--only", "F3", "--strict"]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.stdout.contains("fail index/F3/2"), "{said:?}");
}

#[test]
fn what_is_not_asked_for_is_not_run() {
    let addr = Server::right().start();
    let said = judge(addr, &["--only", "R1,index/S?/1", "--skip", "info"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.stdout.ends_with("PASS 14 cases passed\n"), "{said:?}");
    let said = judge(addr, &["--only", "C5"]);
    assert!(said.stdout.contains("--stall-limit runs it"), "{said:?}");
    for (flags, says) in [
        (&["--only", "index/R1/77"][..], "'index/R1/77' matches nothing"),
        (&["--only", "R1", "--skip", "must"], "leave nothing to run"),
        (&["--process"], "--process watches the target's process"),
    ] {
        let said = judge(addr, flags);
        assert_eq!((said.status, said.stderr.lines().count()), (2, 1), "{said:?}");
        assert!(said.stderr.contains(says), "{said:?}");
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
    let said = with_list("index/S2/4  the early edition\n");
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.stdout.contains("the early edition"), "{said:?}");
    assert!(said.stdout.lines().last().unwrap().starts_with("EXPECTED "), "{said:?}");
    let said = with_list("index/S2/4  the early edition\nindex/S2/1  it was so once\n");
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.stdout.contains("take it off the list"), "{said:?}");
    let said = with_list("index/S2/44  the early edition\n");
    assert_eq!((said.status, said.stderr.lines().count()), (2, 1), "{said:?}");
    assert!(said.stderr.contains("line 1: there is no case or workload 'index/S2/44'"), "{said:?}");
}

#[test]
fn a_configuration_is_written_read_and_overridden() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output =
            Command::new(cargo_bin("harness")).args(arguments).current_dir(&directory).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Said { stdout, stderr, status: output.status.code().unwrap() }
    };
    assert_eq!(run(&["init"]).status, 0);
    assert_eq!(run(&["init"]).status, 2, "it does not write over another");
    let path = directory.path().join("gauntlet.toml");
    let addr = Server::right().start();
    let mut file = fs::File::options().append(true).open(&path).unwrap();
    writeln!(file, "addr = \"{addr}\"\nseed = 5\nonly = [\"R3\"]").unwrap();
    let said = run(&[]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.stdout.contains("--only R3") && said.stdout.contains("--seed 5 "), "{said:?}");
    assert!(run(&["--seed", "6"]).stdout.contains("--seed 6 "));
    for (line, says) in [
        ("sed = 7", "unknown key 'sed'; 'seed' is nearest"),
        ("concurrency = \"many\"", "invalid value 'many' for '--concurrency"),
        ("strict = 7", "'strict' is true or false"),
    ] {
        fs::write(&path, format!("{line}\n")).unwrap();
        let said = run(&[]);
        assert_eq!((said.status, said.stderr.lines().count()), (2, 1), "{said:?}");
        assert!(said.stderr.contains("gauntlet.toml") && said.stderr.contains(says), "{said:?}");
    }
    assert_eq!(run(&["--config", "missing.toml"]).status, 2);
}

/// A history holds all that the judge of the cases looks at.
#[test]
fn recorded_cases_are_judged_again_without_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.zst");
    let flags = ["--only", "S2,R1", "--record", path.to_str().unwrap()];
    let said = judge(early(), &flags);
    assert_eq!(said.status, 1, "{said:?}");
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
        let is_shown = said.stdout.contains(&format!("fail {}: ", case.id));
        assert_eq!(failed.contains(&case.id), is_shown, "{}", case.id);
    }
}

/// What does not speak the protocol at all gets one clear line and the exit code for it.
#[test]
fn targets_of_another_kind() {
    let http = Server::new(|_| say("HTTP/1.1 400 Bad Request\r\n\r\n"));
    let said = judge(http.start(), &[]);
    assert_eq!(said.status, 4, "{said:?}");
    assert!(said.stdout.ends_with("UNREACHABLE the target speaks HTTP, not the package index\n"), "{said:?}");
    let tls = Server::new(|_| crate::support::Act::Say(b"\x15\x03\x01\x00\x02\x02\x16".to_vec()));
    let said = judge(tls.start(), &["--timeout", "1"]);
    assert_eq!(said.status, 4, "{said:?}");
    assert!(said.stdout.ends_with("UNREACHABLE the target speaks TLS, not the package index\n"), "{said:?}");
    // One that takes connections and never answers is wrong, and known to be after the first case.
    let silent = Server::new(|_| crate::support::Act::Ignore);
    let said = judge(silent.start(), &["--timeout", "1"]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.stdout.lines().last().unwrap().starts_with("FAIL A1 (2): "), "{said:?}");
}
