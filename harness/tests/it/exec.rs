//! Targets that the harness starts: they are detected, judged, and ended with all their child processes.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::support::{Act, REPLAY, Server, TINY, replay};

/// Returns a shell command that starts the reference server with these flags.
fn server_command(flags: &str) -> String {
    format!("{} built-in-server index {flags}", cargo_bin("harness").display())
}

fn free_addr() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn wait_until(condition_name: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{condition_name}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn is_running(pid_file: &Path) -> bool {
    let pid = fs::read_to_string(pid_file).unwrap();
    test_kill_process(Pid::from_raw(pid.trim().parse().unwrap()).unwrap()).is_ok()
}

#[test]
fn placeholders_are_replaced_by_a_free_port() {
    for flags in ["--addr {addr}", "--addr 127.0.0.1:{port}"] {
        let output = replay(&["--exec", &server_command(flags), "--fixture", TINY, "--seed", "1"]);
        assert_eq!(output.status, 0, "{output:?}");
    }
}

#[test]
fn without_placeholders_the_address_names_the_target() {
    let addr = free_addr();
    let command = server_command(&format!("--addr {addr}"));
    let output = replay(&["--exec", &command, "--addr", &addr, "--fixture", TINY]);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(TcpStream::connect(&addr).is_err(), "the target still listens");
}

#[cfg(target_os = "linux")]
#[test]
fn all_processes_of_the_command_are_ended() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    // A detached server, a child that ignores SIGTERM, and a shell that waits for neither.
    let command = format!(
        "setsid {} & echo $! > {}; (trap '' TERM; echo $$ > /dev/null; sleep 1000) & echo $! > {}; sleep 1000",
        server_command("--addr {addr}"),
        file("server").display(),
        file("stubborn").display(),
    );
    let output = replay(&["--exec", &command, "--fixture", TINY, "--concurrency", "3"]);
    assert_eq!(output.status, 0, "{output:?}");
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
        // A fixture that keeps one client busy for a while.
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
fn a_failed_command_is_reported_with_its_output() {
    let output = replay(&["--exec", "echo no such thing >&2; exit 3 # {port}", "--fixture", TINY]);
    assert_eq!(output.status, 4, "{output:?}");
    assert!(
        output.stdout.contains("exit status 3") && output.stdout.contains("| no such thing"),
        "{output:?}"
    );
}

#[test]
fn a_server_at_the_address_is_not_judged_instead_of_the_command() {
    let addr = Server::new(|_| Act::Close).start().to_string();
    let output = replay(&["--exec", "sleep 1000", "--addr", &addr, "--fixture", TINY]);
    assert_eq!(output.status, 2, "{output:?}");
    assert!(output.stderr.contains("already"), "{output:?}");
}

#[test]
fn the_death_of_the_target_is_reported() {
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
    assert!(transcript.any(|line| line.unwrap().contains("-> INDEX|")), "the replay sends INDEX");
    let pid = fs::read_to_string(&pid_file).unwrap();
    kill_process(Pid::from_raw(pid.trim().parse().unwrap()).unwrap(), Signal::KILL).unwrap();
    transcript.for_each(drop);
    let mut output = String::new();
    running.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(1), "{output}");
    assert!(output.contains("The target's process ended during the run: by signal 9"), "{output}");
}

/// A target starts with the original descriptor limit, not with the limit that the harness raised for itself.
#[cfg(target_os = "linux")]
#[test]
fn a_target_has_the_original_descriptor_limit() {
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
