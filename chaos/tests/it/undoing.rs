//! The end of a run ends its target in every case, even a stopped one.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use assert_cmd::cargo::CommandCargoExt;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{directory, zoo};

/// The longest wait, far above the usual time.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// Waits until a condition holds.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < WAIT_MAX, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the state letter of a process on Linux; none if the process is gone.
fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next().filter(|state| !"ZX".contains(*state))
}

/// Starts a run that stops its target repeatedly; returns it with the target's process id.
fn start(directory: &Path) -> (Child, i32) {
    let pid_file = directory.join("pid");
    let server = format!("echo $$ > {}; exec {}", pid_file.display(), zoo(None));
    let chaos = Command::cargo_bin("chaos")
        .unwrap()
        .args(["--exec", &server, "--seed", "1", "--matrix", "--faults", "process/stopped"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let read = || fs::read_to_string(&pid_file).ok()?.trim().parse::<i32>().ok();
    wait_until("the target does not start", || read().is_some());
    let pid = read().unwrap();
    wait_until("the target is never stopped", || state(pid) == Some('T'));
    (chaos, pid)
}

fn assert_target_ends_after(signal: Signal) {
    let directory = directory();
    let (mut chaos, target) = start(directory.path());
    kill_process(Pid::from_child(&chaos), signal).unwrap();
    chaos.wait().unwrap();
    wait_until("the target outlives the run", || state(target).is_none());
}

#[test]
fn an_interrupted_run_ends_its_target() {
    assert_target_ends_after(Signal::INT);
}

#[test]
fn a_killed_run_ends_its_target() {
    assert_target_ends_after(Signal::KILL);
}
