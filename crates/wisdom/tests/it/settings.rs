//! The settings of `wisdom serve` and `wisdom config`.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::process::Output;

use crate::command;

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    command().args(arguments).envs(environment.iter().copied()).output().unwrap()
}

fn config(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(&[&["config"], arguments].concat(), environment);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_defaults_suit_short_connections_of_untrusted_clients() {
    insta::assert_snapshot!(config(&[], &[]));
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wisdom.yaml");
    std::fs::write(
        &path,
        "lifetime: 8\nttl: 7\nquote-url: [\"http://127.0.0.1:1/a\", \"http://127.0.0.1:2/b\"]\n",
    )
    .unwrap();
    let flags = ["--config", path.to_str().unwrap(), "--max-connections", "9"];
    let text = config(&flags, &[("PACKAGE_INDEXER_READ_TIMEOUT", "7"), ("PACKAGE_INDEXER_TTL", "6")]);
    for expected in [
        "max-connections 9 flag",
        "read-timeout 7 environment PACKAGE_INDEXER_READ_TIMEOUT",
        "ttl 6 environment PACKAGE_INDEXER_TTL",
        &format!("lifetime 8 file {}:1", path.display()),
        &format!("quote-url http://127.0.0.1:1 http://127.0.0.1:2 file {}:3", path.display()),
        "shutdown-timeout 10 default",
    ] {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.lines().any(|line| words(line) == expected), "{expected} in {text}");
    }
}

/// The forms that the original server of the challenge takes.
#[test]
fn flags_with_one_dash_durations_with_units_and_addresses_without_a_host() {
    let flags = ["-addr", ":0", "-solve-timeout", "1m30s", "-read-timeout=500ms"];
    let text = config(&flags, &[("PACKAGE_INDEXER_TTL", "2m")]);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "addr :0 flag",
        "solve-timeout 1m30s flag",
        "read-timeout 500ms flag",
        "ttl 2m environment PACKAGE_INDEXER_TTL",
    ] {
        assert!(text.lines().any(|line| words(line) == expected), "{expected} in {text}");
    }
    let server = crate::start(&flags);
    let port = server.addr.rsplit_once(':').unwrap().1;
    for host in ["127.0.0.1", "127.0.0.2"] {
        crate::binary::connect(&format!("{host}:{port}")).request_challenge();
    }
    for client in [&["get", "-addr"][..], &["health", "-addr"]] {
        let output = run(&[client, &[&format!(":{port}")]].concat(), &[]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

/// Arguments, environment, and a part of the expected message.
type Wrong = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static str);

#[test]
fn each_wrong_setting_is_one_line_and_exit_status_2() {
    let cases: [Wrong; 10] = [
        (&[], &[], "requires a subcommand"),
        (&["serve", "--no-such-flag"], &[], "--no-such-flag"),
        (&["serve", "--difficulty", "12"], &[], "lower --difficulty-min too"),
        (&["serve", "--difficulty-max", "18"], &[], "raise --difficulty-max too"),
        (&["config", "--difficulty-max", "27"], &[], "--difficulty-max"),
        (&["serve", "--quote-url", "ftp://somewhere"], &[], "http://"),
        (&["health", "--pprof"], &[], "--pprof needs --admin"),
        (&["serve"], &[("PACKAGE_INDEXER_TLL", "1")], "did you mean 'PACKAGE_INDEXER_TTL'?"),
        (&["serve", "--service", "wisdom"], &[], "--service"),
        (&["serve", "--secret-scope", "shared"], &[], "--secret-scope shared needs the secret"),
    ];
    for (arguments, environment, expected) in cases {
        let output = run(arguments, environment);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert_eq!(message.lines().count(), 1, "{arguments:?}: {message}");
        assert!(message.starts_with("wisdom: ") && message.contains(expected), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn the_server_reports_its_own_name() {
    let (status, information) = crate::start(&[]).get("/buildinfo");
    assert!(status == 200 && information.contains("\"name\":\"wisdom\""), "{status} {information}");
}
