//! Images as targets where no Docker daemon helps: one clear line, and the exit code of what cannot be reached.
#![cfg(feature = "docker")]
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::os::unix::net::UnixListener;
use std::path::Path;

use assert_cmd::Command;

/// The last line of a run with the daemon there, and its exit status.
fn last_line(daemon: &Path) -> (String, Option<i32>) {
    let output = Command::cargo_bin("harness")
        .unwrap()
        .args(["--image", "gauntlet-server:dev", "--only", "S1"])
        .env("DOCKER_HOST", format!("unix://{}", daemon.display()))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (said.lines().last().unwrap().to_owned(), output.status.code())
}

#[test]
fn a_daemon_that_is_not_there_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let (last, status) = last_line(&directory.path().join("docker.sock"));
    assert_eq!(status, Some(4), "{last}");
    assert!(
        last.starts_with(
            "UNREACHABLE cannot start the image gauntlet-server:dev: no Docker daemon answers: "
        ),
        "{last}"
    );
}

#[test]
fn a_daemon_that_is_silent_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("docker.sock");
    let _silent = UnixListener::bind(&path).unwrap();
    let (last, status) = last_line(&path);
    assert_eq!(status, Some(4), "{last}");
    assert!(last.ends_with("no Docker daemon answers: it is silent for 10 s"), "{last}");
}
