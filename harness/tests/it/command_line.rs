//! Invalid input: one clear line, the documented exit code, and no request sent. The help texts.

use std::fs;
use std::net::TcpListener;

use insta::assert_snapshot;

use crate::support::{HarnessOutput, Server, TINY, harness, replay, replay_tiny};

#[track_caller]
fn is_refused(output: &HarnessOutput, status: i32, texts: &[&str]) {
    assert_eq!(output.status, status, "{output:?}");
    for text in texts {
        assert!(output.stderr.contains(text), "{output:?}");
    }
    assert!(!output.stderr.contains("panicked"), "{output:?}");
}

#[test]
fn help_names_every_flag_with_its_default() {
    let output = harness(&["--help"]);
    assert_eq!(output.status, 0);
    assert_snapshot!(output.stdout);
}

#[test]
fn every_subcommand_has_help() {
    for subcommand in ["cases", "explain", "compare", "matrix", "replay", "judge", "init"] {
        let output = harness(&[subcommand, "--help"]);
        assert_eq!(output.status, 0);
        assert_snapshot!(format!("help_of_{subcommand}"), output.stdout);
    }
}

#[test]
fn invalid_flags_are_refused() {
    is_refused(&harness(&["--no-such-flag"]), 2, &["--no-such-flag"]);
    is_refused(&harness(&["--concurrency", "0"]), 2, &["--concurrency", "1..=10000"]);
    is_refused(&harness(&["--seeds", "5..1"]), 2, &["the last seed is smaller than the first"]);
    is_refused(&harness(&["--addr", "localhost"]), 2, &["both a host and a port are required"]);
    is_refused(&harness(&["--host", "127.0.0.1:80"]), 2, &["both a host and a port are required"]);
    is_refused(&harness(&["--addr", "a\nb:1"]), 2, &["both a host and a port are required"]);
    is_refused(&harness(&["--record", "x", "--json", "x"]), 2, &["same file"]);
    is_refused(&harness(&["--exec", "sleep 1"]), 2, &["{port}", "--addr"]);
    is_refused(&harness(&["--record", "x", "--seeds", "1..2"]), 2, &["--record", "one run"]);
}

#[test]
fn invalid_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    is_refused(&harness(&["--fixture", &path("missing")]), 2, &["cannot read the fixture", "missing"]);
    for (name, text, message) in [
        ("no-colon", "a: b\nc d\n", "line 2, column 4: expected a colon"),
        (
            "cycle",
            "a: b\nb: a\n",
            "line 1, column 4: the packages of a cycle cannot be indexed: a depends on b depends on a",
        ),
        ("itself", "a:\nb: a b\n", "line 2, column 6: 'b' lists itself"),
        ("bytes", "a: \u{1b}[2J\n", r"line 1, column 4: '\x1b[2J' is not a portable name"),
        ("empty", "", "line 1, column 1: the file contains no package"),
    ] {
        fs::write(path(name), text).unwrap();
        let output = harness(&["--fixture", &path(name)]);
        is_refused(&output, 2, &[message]);
        assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    }
    is_refused(&harness(&["--fixture", TINY, "--json", &path("no/such/directory")]), 2, &["cannot write"]);
}

#[test]
fn an_address_without_a_server_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = replay_tiny(free, &[]);
    let last = output.stdout.lines().last().unwrap();
    assert_eq!(output.status, 4, "{output:?}");
    assert!(last.starts_with("UNREACHABLE cannot connect to 127.0.0.1:"), "{last}");
    assert!(last.contains("refused"), "{last}");
    let output = harness(&["--addr", "no-such-host.invalid:80"]);
    assert_eq!(output.status, 4, "{output:?}");
    assert!(output.stdout.contains("cannot resolve the address no-such-host.invalid:80"), "{output:?}");
    // A table contains this line only once.
    let output = replay_tiny(free, &["--concurrency", "1,2,3"]);
    assert_eq!(
        (output.status, output.stdout.matches("check that the server is running").count()),
        (4, 1),
        "{output:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn an_unwritable_report_does_not_hide_a_violation() {
    let defective = || Server::new(|_| crate::support::send("NO\n")).start();
    for flag in ["--json", "--record"] {
        let output = replay_tiny(defective(), &["--concurrency", "1", flag, "/dev/full"]);
        assert_eq!(output.status, 1, "{flag}: {output:?}");
        assert!(output.stderr.contains("cannot write /dev/full"), "{flag}: {output:?}");
        assert!(output.stdout.contains("FAIL A1 (1): replay"), "{flag}: {output:?}");
        let output = replay_tiny(Server::correct().start(), &["--concurrency", "1", flag, "/dev/full"]);
        assert_eq!(output.status, 2, "{flag}: {output:?}");
    }
}

#[test]
fn a_report_is_written_without_a_target() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(replay_tiny(free, &["--json", path.to_str().unwrap()]).status, 4);
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(report["verdict"], "unreachable");
    let summary = report["runs"][0]["cause"].as_str().unwrap();
    assert!(summary.contains("cannot connect to"), "{report}");

    // An invalid command line does not overwrite the report of an earlier run.
    let before = fs::read_to_string(&path).unwrap();
    assert_eq!(harness(&["--json", path.to_str().unwrap(), "--fixture", "missing"]).status, 2);
    assert_eq!(harness(&["--json", path.to_str().unwrap(), "--record", "/no/such/directory/x"]).status, 2);
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
}

#[test]
fn the_flags_of_the_challenge_are_accepted() {
    let addr = Server::correct().start();
    let port = addr.port().to_string();
    let output = harness(&[
        "-host",
        "127.0.0.1",
        "-port",
        &port,
        "-concurrency=3",
        "-seed",
        "9",
        "-unluckiness",
        "20",
        "-fixture",
        TINY,
    ]);
    assert_eq!(output.status, 0, "{output:?}");
    for option in ["--concurrency 3 ", "--seed 9 ", "--unluckiness 20\n"] {
        assert!(output.stdout.contains(option), "{output:?}");
    }
    let output = replay(&["--port", &port, "--fixture", TINY, "--debug"]);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stderr.contains(r"-> QUERY|zlib|\n") && output.stderr.contains(r"<- OK\n"), "{output:?}");
}

#[test]
fn a_printed_random_seed_reproduces_the_plan() {
    let seed = |output: &HarnessOutput| {
        output.stdout.split("--seed ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
    };
    let first = replay(&["--fixture", TINY]);
    let again = replay(&["--fixture", TINY, "--seed", &seed(&first)]);
    let plan = |output: &HarnessOutput| {
        output.stdout.lines().find(|line| line.starts_with("plan")).unwrap().to_owned()
    };
    assert_eq!(plan(&first), plan(&again));
    let others: Vec<String> = (0..5).map(|_| seed(&replay(&["--fixture", TINY]))).collect();
    assert!(others.iter().any(|other| *other != others[0]), "{others:?}");
}

#[cfg(not(feature = "docker"))]
#[test]
fn a_build_without_docker_reports_it() {
    let output = harness(&["--image", "server"]);
    is_refused(
        &output,
        2,
        &["this build has no container support; build it with `cargo build --release --features docker`"],
    );
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
}
