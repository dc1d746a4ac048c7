//! Targets that the harness starts itself: found, judged, and ended with all their children.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::support::{Act, REPLAY, Server, TINY, replay};

/// The reference server as a shell command, which listens where its flag says.
fn server_command(flags: &str) -> String {
    format!("{} built-in-server index {flags}", cargo_bin("harness").display())
}

fn free_addr() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn is_running(pid_file: &Path) -> bool {
    let pid = fs::read_to_string(pid_file).unwrap();
    test_kill_process(Pid::from_raw(pid.trim().parse().unwrap()).unwrap()).is_ok()
}

#[test]
fn the_placeholders_stand_for_a_free_port() {
    for flags in ["--addr {addr}", "--addr 127.0.0.1:{port}"] {
        let said = replay(&["--exec", &server_command(flags), "--fixture", TINY, "--seed", "1"]);
        assert_eq!(said.status, 0, "{said:?}");
    }
}

#[test]
fn without_placeholders_the_address_says_where() {
    let addr = free_addr();
    let command = server_command(&format!("--addr {addr}"));
    let said = replay(&["--exec", &command, "--addr", &addr, "--fixture", TINY]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(TcpStream::connect(&addr).is_err(), "it listens still");
}

#[cfg(target_os = "linux")]
#[test]
fn whatever_the_command_leaves_behind_is_ended() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    // A server that detached itself, a child that ignores being asked to end, and a shell that waits for neither.
    let command = format!(
        "setsid {} & echo $! > {}; (trap '' TERM; echo $$ > /dev/null; sleep 1000) & echo $! > {}; sleep 1000",
        server_command("--addr {addr}"),
        file("server").display(),
        file("stubborn").display(),
    );
    let said = replay(&["--exec", &command, "--fixture", TINY, "--concurrency", "3"]);
    assert_eq!(said.status, 0, "{said:?}");
    for name in ["server", "stubborn"] {
        wait_until(name, || !is_running(&file(name)));
    }
}

#[test]
fn the_target_ends_when_the_harness_is_killed_or_interrupted() {
    for (signal, status) in [(Signal::KILL, None), (Signal::INT, Some(3)), (Signal::TERM, Some(3))] {
        let directory = tempfile::tempdir().unwrap();
        let pid_file = directory.path().join("pid");
        let addr = free_addr();
        let command =
            format!("echo $$ > {}; exec {}", pid_file.display(), server_command(&format!("--addr {addr}")));
        // A fixture that takes one client a while.
        let mut running = Command::new(cargo_bin("harness"))
            .args(["--exec", &command, "--addr", &addr, "--concurrency", "1", "--unluckiness", "100"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        wait_until("the target listens", || TcpStream::connect(&addr).is_ok());
        kill_process(Pid::from_child(&running), signal).unwrap();
        assert_eq!(running.wait().unwrap().code(), status, "{signal:?}");
        wait_until("the target has ended", || !is_running(&pid_file));
    }
}

#[test]
fn a_command_that_fails_is_reported_with_its_last_output() {
    let said = replay(&["--exec", "echo no such thing >&2; exit 3 # {port}", "--fixture", TINY]);
    assert_eq!(said.status, 4, "{said:?}");
    assert!(said.stdout.contains("exit status 3") && said.stdout.contains("| no such thing"), "{said:?}");
}

#[test]
fn a_server_that_runs_already_is_not_judged_in_place_of_the_command() {
    let addr = Server::new(|_| Act::HangUp).start().to_string();
    let said = replay(&["--exec", "sleep 1000", "--addr", &addr, "--fixture", TINY]);
    assert_eq!(said.status, 2, "{said:?}");
    assert!(said.stderr.contains("already"), "{said:?}");
}

#[test]
fn a_target_that_dies_under_way_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let pid_file = directory.path().join("pid");
    let command = format!("echo $$ > {}; exec {}", pid_file.display(), server_command("--addr {addr}"));
    let mut running = Command::new(cargo_bin("harness"))
        .args(REPLAY)
        .args(["--exec", &command, "--concurrency", "1", "--debug"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut transcript = BufReader::new(running.stderr.take().unwrap()).lines();
    assert!(transcript.any(|line| line.unwrap().contains("-> INDEX|")), "it indexes");
    let pid = fs::read_to_string(&pid_file).unwrap();
    kill_process(Pid::from_raw(pid.trim().parse().unwrap()).unwrap(), Signal::KILL).unwrap();
    transcript.for_each(drop);
    let mut said = String::new();
    running.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(1), "{said}");
    assert!(said.contains("The target's process ended during the run: by signal 9"), "{said}");
}

/// What is started for a run gets the limit of descriptors that the harness was given, not the one that it took.
#[cfg(target_os = "linux")]
#[test]
fn a_target_has_the_descriptors_that_it_would_have_alone() {
    let directory = tempfile::tempdir().unwrap();
    let limit_file = directory.path().join("limit");
    let command = format!("ulimit -n > {}; exec {}", limit_file.display(), server_command("--addr {addr}"));
    let harness = cargo_bin("harness");
    let status = Command::new("sh")
        .args(["-c", "ulimit -S -n 300; exec \"$@\"", "sh"])
        .arg(harness)
        .args(REPLAY)
        .args(["--exec", &command, "--fixture", TINY, "--concurrency", "3"])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!((status.code(), fs::read_to_string(limit_file).unwrap().trim()), (Some(0), "300"));
}
