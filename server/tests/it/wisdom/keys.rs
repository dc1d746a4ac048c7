//! Keys that change, and secrets that nobody sees: W28.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::fs;
use std::io::{BufRead, Read};
use std::path::Path;
use std::time::Instant;

use super::{start, start_with_environment};
use crate::binary::{Running, command};
use crate::support::PATIENCE;

const OLD: &str = "# the keys\n1 the-secret-that-goes\n";
const NEW: &str = "2 the-secret-that-comes\n";

/// Writes the file, and waits until its first key signs.
fn change_keys(server: &Running, file: &Path, text: &str, signing: u8) {
    fs::write(file, text).unwrap();
    let begun = Instant::now();
    while server.connect().ask_for_challenge().token.key_id != signing {
        assert!(begun.elapsed() < PATIENCE, "the file is not read");
    }
}

#[test]
fn w28_a_retired_key_is_honoured_within_its_grace() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys");
    let start = |grace| {
        fs::write(&file, OLD).unwrap();
        start(&["--secret-file", file.to_str().unwrap(), "--key-grace", grace])
    };
    let server = start("3600");
    let given = server.connect().ask_for_challenge();
    assert_eq!(given.token.key_id, 1);
    change_keys(&server, &file, NEW, 2);
    let mut client = server.connect();
    client.send(&given.solved());
    client.expect_quote_and_end();

    let server = start("0.2");
    let given = server.connect().ask_for_challenge();
    change_keys(&server, &file, NEW, 2);
    let begun = Instant::now();
    // With too little work it is not spent, and the signature is looked at first.
    loop {
        let mut client = server.connect();
        client.send(&given.nearly_solved());
        let (_, fields) = client.read_frame();
        if fields["code"] == "INVALID_SIGNATURE" {
            break;
        }
        assert_eq!(fields["code"], "INSUFFICIENT_WORK");
        assert!(begun.elapsed() < PATIENCE, "the key is honoured for ever");
    }
    let mut client = server.connect();
    client.send(&given.solved());
    client.expect_error_and_end("INVALID_SIGNATURE");
}

#[test]
fn a_restart_ends_tokens_unless_the_secret_is_shared() {
    let secret = [("PACKAGE_INDEXER_SECRET", "a secret that stays the same")];
    for (scope, is_honoured) in [("boot", false), ("shared", true)] {
        let flags = ["--secret-scope", scope];
        let given = start_with_environment(&flags, &secret).connect().ask_for_challenge();
        let again = start_with_environment(&flags, &secret);
        let mut asking = again.connect();
        asking.send(&given.solved());
        if is_honoured {
            asking.expect_quote_and_end();
        } else {
            asking.expect_error_and_end("INVALID_SIGNATURE");
        }
    }
}

#[test]
fn no_secret_is_ever_printed() {
    const SECRETS: [&str; 5] =
        ["the-secret-that", "secret-of-the-environment", "key=hidden", "user:word", "half-a"];
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys");
    fs::write(&file, OLD).unwrap();
    // Nobody listens there.
    let url = "http://user:word@127.0.0.1:9/quote?key=hidden";
    let flags = [
        "--secret-file",
        file.to_str().unwrap(),
        "--quote-url",
        url,
        "--log-level",
        "trace",
        "--log-format",
        "json",
    ];
    let environment = [("PACKAGE_INDEXER_SECRET", "secret-of-the-environment")];
    let mut server = start_with_environment(&flags, &environment);
    let mut client = server.connect();
    let given = client.ask_for_challenge();
    client.send(&given.solved());
    client.expect_quote_and_end();
    change_keys(&server, &file, NEW, 2);
    // A wrong one is logged. Each connection is logged too, so there is always a line to be read.
    fs::write(&file, "3 half-a-secret\n").unwrap();
    let (mut log, begun) = (String::new(), Instant::now());
    while !log.contains("has fewer than 16 bytes") {
        assert!(begun.elapsed() < PATIENCE, "{log}");
        let mut client = server.connect();
        client.ask_for_challenge();
        let peer = client.stream.local_addr().unwrap().to_string();
        while !log.contains(&peer) {
            server.stderr.read_line(&mut log).unwrap();
        }
    }
    change_keys(&server, &file, OLD, 1);
    let (_, metrics) = server.get("/metrics");
    let (status, rest) = server.stop();
    assert_eq!(status, Some(0));
    log.push_str(&rest);
    assert!(log.contains("the keys have changed"), "{log}");

    let output = |arguments: &[&str]| {
        let mut command = command();
        command.args(arguments).args(["--service", "wisdom"]).args(flags).envs(environment);
        let output = command.output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let config = output(&["config"]);
    assert!(config.contains("http://127.0.0.1:9"), "{config}");
    fs::write(&file, "1 half-a-secret\n").unwrap();
    let wrong = output(&[]);
    assert!(wrong.contains("line 1"), "{wrong}");
    let no_url = output(&["--quote-url", "ftp://user:word@127.0.0.1/quote?key=hidden"]);
    assert!(no_url.contains("each --quote-url"), "{no_url}");
    for said in [log, config, wrong, no_url, output(&["--help"]), metrics] {
        for secret in SECRETS {
            assert!(!said.contains(secret), "'{secret}' in {said}");
        }
    }
}

#[test]
fn a_secret_that_is_short_or_not_there_is_one_clear_line() {
    let missing = ["--secret-file", "/no/such/file"];
    for (flags, secret, needed) in [
        (&[][..], "too short", "PACKAGE_INDEXER_SECRET"),
        (&missing, "long enough to be one", "/no/such/file"),
    ] {
        let mut command = command();
        command.args(["--service", "wisdom", "--addr", "127.0.0.1:0", "--quiet"]).args(flags);
        let mut child = command
            .env("PACKAGE_INDEXER_SECRET", secret)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2), "{said}");
        assert!(said.lines().count() == 1 && said.contains(needed) && !said.contains(secret), "{said}");
    }
}
