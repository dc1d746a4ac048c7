//! Images as targets without a usable Docker daemon: one clear line, and the exit code for an unreachable target.
#![cfg(feature = "docker")]
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::os::unix::net::UnixListener;
use std::path::Path;

use assert_cmd::Command;

/// Runs with a daemon at this socket. Returns the last line of the output and the exit status.
fn last_line(daemon: &Path) -> (String, Option<i32>) {
    let output = Command::cargo_bin("harness")
        .unwrap()
        .args(["--image", "gauntlet-server:dev", "--only", "S1"])
        .env("DOCKER_HOST", format!("unix://{}", daemon.display()))
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    (stdout.lines().last().unwrap().to_owned(), output.status.code())
}

#[test]
fn a_missing_daemon_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let (last, status) = last_line(&directory.path().join("docker.sock"));
    assert_eq!(status, Some(4), "{last}");
    assert!(
        last.starts_with(
            "UNREACHABLE cannot start the image gauntlet-server:dev: the Docker daemon does not respond: "
        ),
        "{last}"
    );
}

#[test]
fn a_silent_daemon_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("docker.sock");
    let _silent = UnixListener::bind(&path).unwrap();
    let (last, status) = last_line(&path);
    assert_eq!(status, Some(4), "{last}");
    assert!(last.ends_with("the Docker daemon does not respond: no response within 10 s"), "{last}");
}
