//! Key changes, and the confidentiality of secrets: W28.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::fs;
use std::io::{BufRead, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use crate::binary::Running;
use crate::support::WAIT_MAX;
use crate::{command, start, start_with_environment};

const OLD: &str = "# the keys\n1 the-secret-that-goes\n";
const NEW: &str = "2 the-secret-that-comes\n";

/// Writes the file, and waits until its first key signs.
fn change_keys(server: &Running, file: &Path, text: &str, signing: u8) {
    fs::write(file, text).unwrap();
    let begun = Instant::now();
    while server.connect().request_challenge().token.key_id != signing {
        assert!(begun.elapsed() < WAIT_MAX, "the new keys are not used");
    }
}

#[test]
fn w28_a_removed_key_verifies_within_its_grace_period() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys");
    let start = |grace| {
        fs::write(&file, OLD).unwrap();
        start(&["--secret-file", file.to_str().unwrap(), "--key-grace", grace])
    };
    let server = start("3600");
    let received = server.connect().request_challenge();
    assert_eq!(received.token.key_id, 1);
    change_keys(&server, &file, NEW, 2);
    let mut client = server.connect();
    client.send(&received.solved());
    client.expect_quote_and_end();

    let server = start("0.2");
    let received = server.connect().request_challenge();
    change_keys(&server, &file, NEW, 2);
    let begun = Instant::now();
    // Insufficient work does not spend the challenge, and the signature is checked before the work.
    loop {
        let mut client = server.connect();
        client.send(&received.nearly_solved());
        let (_, fields) = client.read_frame();
        if fields["code"] == "INVALID_SIGNATURE" {
            break;
        }
        assert_eq!(fields["code"], "INSUFFICIENT_WORK");
        assert!(begun.elapsed() < WAIT_MAX, "the key still verifies");
    }
    let mut client = server.connect();
    client.send(&received.solved());
    client.expect_error_and_end("INVALID_SIGNATURE");
}

#[test]
fn a_restart_invalidates_tokens_unless_the_secret_is_shared() {
    let secret = [("PACKAGE_INDEXER_SECRET", "a secret that stays the same")];
    for (scope, is_accepted) in [("boot", false), ("shared", true)] {
        let flags = ["--secret-scope", scope];
        let received = start_with_environment(&flags, &secret).connect().request_challenge();
        let again = start_with_environment(&flags, &secret);
        let mut client = again.connect();
        client.send(&received.solved());
        if is_accepted {
            client.expect_quote_and_end();
        } else {
            client.expect_error_and_end("INVALID_SIGNATURE");
        }
    }
}

/// No set of solved challenges is shared, so a shared secret has a cost that the operator must know.
#[test]
fn a_shared_secret_is_announced_at_the_start() {
    let secret = [("PACKAGE_INDEXER_SECRET", "a secret of several servers")];
    for (scope, is_announced) in [("boot", false), ("shared", true)] {
        let (status, log) = start_with_environment(&["--secret-scope", scope], &secret).stop();
        assert_eq!(status, Some(0));
        assert_eq!(
            log.contains("WARN with a shared secret each challenge can be solved once at every server"),
            is_announced,
            "{log}"
        );
    }
}

#[test]
fn a_secret_file_that_other_users_can_access_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys");
    fs::write(&file, OLD).unwrap();
    for (mode, reported) in [(0o600, None), (0o640, Some("mode=0640")), (0o604, Some("mode=0604"))] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let (status, log) = start(&["--secret-file", file.to_str().unwrap()]).stop();
        assert_eq!(status, Some(0));
        let warnings: Vec<&str> = log.lines().filter(|line| line.contains("chmod 600")).collect();
        assert_eq!(warnings.len(), usize::from(reported.is_some()), "{log}");
        assert!(reported.is_none_or(|reported| warnings[0].contains(reported)), "{log}");
    }
}

#[test]
fn no_secret_is_printed() {
    const SECRETS: [&str; 5] =
        ["the-secret-that", "secret-of-the-environment", "key=hidden", "user:word", "half-a"];
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys");
    fs::write(&file, OLD).unwrap();
    // No server listens on this port.
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
    let received = client.request_challenge();
    client.send(&received.solved());
    client.expect_quote_and_end();
    change_keys(&server, &file, NEW, 2);
    // An invalid file is logged. Each connection is logged too, so reading a line does not block.
    fs::write(&file, "3 half-a-secret\n").unwrap();
    let (mut log, begun) = (String::new(), Instant::now());
    while !log.contains("has fewer than 16 bytes") {
        assert!(begun.elapsed() < WAIT_MAX, "{log}");
        let mut client = server.connect();
        client.request_challenge();
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
        command.args(arguments).args(flags).envs(environment);
        let output = command.output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let config = output(&["config"]);
    assert!(config.contains("http://127.0.0.1:9"), "{config}");
    fs::write(&file, "1 half-a-secret\n").unwrap();
    let wrong = output(&["serve"]);
    assert!(wrong.contains("line 1"), "{wrong}");
    let no_url = output(&["serve", "--quote-url", "ftp://user:word@127.0.0.1/quote?key=hidden"]);
    assert!(no_url.contains("each --quote-url"), "{no_url}");
    for text in [log, config, wrong, no_url, output(&["serve", "--help"]), metrics] {
        for secret in SECRETS {
            assert!(!text.contains(secret), "'{secret}' in {text}");
        }
    }
}

#[test]
fn a_short_or_missing_secret_is_one_line() {
    let missing = ["--secret-file", "/no/such/file"];
    for (flags, secret, needed) in [
        (&[][..], "too short", "PACKAGE_INDEXER_SECRET"),
        (&missing, "long enough to be one", "/no/such/file"),
    ] {
        let mut command = command();
        command.args(["serve", "--addr", "127.0.0.1:0", "--quiet"]).args(flags);
        let mut child = command
            .env("PACKAGE_INDEXER_SECRET", secret)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut message = String::new();
        child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2), "{message}");
        assert!(
            message.lines().count() == 1 && message.contains(needed) && !message.contains(secret),
            "{message}"
        );
    }
}
