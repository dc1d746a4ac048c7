//! Bad input: one clear line, the documented exit code, and nothing sent.

use std::fs;
use std::net::TcpListener;

use insta::assert_snapshot;

use crate::support::{Said, Server, TINY, harness, replay, replay_tiny};

#[track_caller]
fn is_refused(said: &Said, status: i32, says: &[&str]) {
    assert_eq!(said.status, status, "{said:?}");
    for text in says {
        assert!(said.stderr.contains(text), "{said:?}");
    }
    assert!(!said.stderr.contains("panicked"), "{said:?}");
}

#[test]
fn help_names_every_flag_with_its_default() {
    let said = harness(&["--help"]);
    assert_eq!(said.status, 0);
    assert_snapshot!(said.stdout);
}

#[test]
fn flags_that_are_wrong() {
    is_refused(&harness(&["--no-such-flag"]), 2, &["--no-such-flag"]);
    is_refused(&harness(&["--concurrency", "0"]), 2, &["--concurrency", "1..=10000"]);
    is_refused(&harness(&["--seeds", "5..1"]), 2, &["the last seed is before the first"]);
    is_refused(&harness(&["--addr", "localhost"]), 2, &["a host and a port"]);
    is_refused(&harness(&["--host", "127.0.0.1:80"]), 2, &["a host and a port"]);
    is_refused(&harness(&["--addr", "a\nb:1"]), 2, &["a host and a port"]);
    is_refused(&harness(&["--record", "x", "--json", "x"]), 2, &["same file"]);
    is_refused(&harness(&["--exec", "sleep 1"]), 2, &["{port}", "--addr"]);
    is_refused(&harness(&["--record", "x", "--seeds", "1..2"]), 2, &["--record", "one run"]);
}

#[test]
fn files_that_are_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    is_refused(&harness(&["--fixture", &path("missing")]), 2, &["cannot read the fixture", "missing"]);
    for (name, text, says) in [
        ("no-colon", "a: b\nc d\n", "line 2, column 4: a colon is needed"),
        (
            "cycle",
            "a: b\nb: a\n",
            "line 1, column 4: a cycle, of which no package can be indexed first: a needs b needs a",
        ),
        ("itself", "a:\nb: a b\n", "line 2, column 6: 'b' lists itself"),
        ("bytes", "a: \u{1b}[2J\n", r"line 1, column 4: '\x1b[2J' is no name"),
        ("empty", "", "line 1, column 1: the file names no package"),
    ] {
        fs::write(path(name), text).unwrap();
        let said = harness(&["--fixture", &path(name)]);
        is_refused(&said, 2, &[says]);
        assert_eq!(said.stderr.lines().count(), 1, "{said:?}");
    }
    is_refused(&harness(&["--fixture", TINY, "--json", &path("no/such/directory")]), 2, &["cannot write"]);
}

#[test]
fn addresses_where_nobody_is() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = replay_tiny(free, &[]);
    let last = said.stdout.lines().last().unwrap();
    assert_eq!(said.status, 4, "{said:?}");
    assert!(last.starts_with("UNREACHABLE cannot connect to 127.0.0.1:"), "{last}");
    assert!(last.contains("refused"), "{last}");
    let said = harness(&["--addr", "no-such-host.invalid:80"]);
    assert_eq!(said.status, 4, "{said:?}");
    assert!(said.stdout.contains("cannot resolve the address no-such-host.invalid:80"), "{said:?}");
    // A table has one such line and no more.
    let said = replay_tiny(free, &["--concurrency", "1,2,3"]);
    assert_eq!(
        (said.status, said.stdout.matches("check that the server is running").count()),
        (4, 1),
        "{said:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_hides_no_violation() {
    let wrong = || Server::new(|_| crate::support::say("NO\n")).start();
    for flag in ["--json", "--record"] {
        let said = replay_tiny(wrong(), &["--concurrency", "1", flag, "/dev/full"]);
        assert_eq!(said.status, 1, "{flag}: {said:?}");
        assert!(said.stderr.contains("cannot write /dev/full"), "{flag}: {said:?}");
        assert!(said.stdout.contains("FAIL A1 (1): replay"), "{flag}: {said:?}");
        let said = replay_tiny(Server::right().start(), &["--concurrency", "1", flag, "/dev/full"]);
        assert_eq!(said.status, 2, "{flag}: {said:?}");
    }
}

#[test]
fn a_report_is_written_also_when_there_is_no_target() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(replay_tiny(free, &["--json", path.to_str().unwrap()]).status, 4);
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(report["verdict"], "unreachable");
    let summary = report["runs"][0]["cause"].as_str().unwrap();
    assert!(summary.contains("cannot connect to"), "{report}");

    // A command line that is refused leaves the report of an earlier run alone.
    let before = fs::read_to_string(&path).unwrap();
    assert_eq!(harness(&["--json", path.to_str().unwrap(), "--fixture", "missing"]).status, 2);
    assert_eq!(harness(&["--json", path.to_str().unwrap(), "--record", "/no/such/directory/x"]).status, 2);
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
}

#[test]
fn the_challenges_flags_are_understood() {
    let addr = Server::right().start();
    let port = addr.port().to_string();
    let said = harness(&[
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
    assert_eq!(said.status, 0, "{said:?}");
    for option in ["--concurrency 3 ", "--seed 9 ", "--unluckiness 20\n"] {
        assert!(said.stdout.contains(option), "{said:?}");
    }
    let said = replay(&["--port", &port, "--fixture", TINY, "--debug"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.stderr.contains(r"-> QUERY|zlib|\n") && said.stderr.contains(r"<- OK\n"), "{said:?}");
}

#[test]
fn a_random_seed_is_printed_and_can_be_given_again() {
    let seed =
        |said: &Said| said.stdout.split("--seed ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let first = replay(&["--fixture", TINY]);
    let again = replay(&["--fixture", TINY, "--seed", &seed(&first)]);
    let plan = |said: &Said| said.stdout.lines().find(|line| line.starts_with("plan")).unwrap().to_owned();
    assert_eq!(plan(&first), plan(&again));
    let others: Vec<String> = (0..5).map(|_| seed(&replay(&["--fixture", TINY]))).collect();
    assert!(others.iter().any(|other| *other != others[0]), "{others:?}");
}

#[cfg(not(feature = "docker"))]
#[test]
fn a_build_without_docker_says_so() {
    let said = harness(&["--image", "server"]);
    is_refused(
        &said,
        2,
        &["this build has no container support; build it with `cargo build --release --features docker`"],
    );
    assert_eq!(said.stderr.lines().count(), 1, "{said:?}");
}
