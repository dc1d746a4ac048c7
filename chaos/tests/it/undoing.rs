//! Whatever ends a run, its target is ended too, also one that is just then stopped.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use assert_cmd::cargo::CommandCargoExt;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{directory, zoo};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until this is so.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The state of a process as Linux says it; nothing if it is gone.
fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next().filter(|state| !"ZX".contains(*state))
}

/// A run that stops its target again and again, with the target's process id.
fn begun(directory: &Path) -> (Child, i32) {
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

fn ends_its_target_by(signal: Signal) {
    let directory = directory();
    let (mut chaos, target) = begun(directory.path());
    kill_process(Pid::from_child(&chaos), signal).unwrap();
    chaos.wait().unwrap();
    wait_until("the target outlives the run", || state(target).is_none());
}

#[test]
fn who_breaks_a_run_off_ends_its_target() {
    ends_its_target_by(Signal::INT);
}

#[test]
fn who_kills_a_run_ends_its_target() {
    ends_its_target_by(Signal::KILL);
}
