//! Interruption: Ctrl-C takes effect within one second in every phase of a run.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Act, Server};

/// The time in which an interrupted run must end. The requirement is a time, so the test measures one; it runs alone.
const TIME_MAX: Duration = Duration::from_secs(1);

/// A busy machine can delay one attempt.
const ATTEMPTS: usize = 3;

/// Starts a run, interrupts it a moment after a line that begins with `line`, and returns the time until its end.
fn time_to_end(flags: &[&str], line: &str) -> Duration {
    let mut running = Command::new(cargo_bin("harness"))
        .args(flags)
        .args(["--seed", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    lines.find(|text| text.as_ref().unwrap().starts_with(line)).unwrap().unwrap();
    // The rest is read, so that the run never waits for a reader.
    let reader = thread::spawn(move || lines.map_while(Result::ok).last());
    // The phase follows its line. The moment in it does not matter.
    thread::sleep(Duration::from_millis(300));
    let interrupted = Instant::now();
    kill_process(Pid::from_child(&running), Signal::INT).unwrap();
    let status = running.wait().unwrap();
    let time = interrupted.elapsed();
    let last = reader.join().unwrap();
    assert_eq!(status.code(), Some(3), "{flags:?}: {last:?}");
    time
}

#[track_caller]
fn ends_in_time(phase: &str, flags: &[&str], line: &str) {
    let mut times = (0..ATTEMPTS).map(|_| time_to_end(flags, line));
    assert!(
        times.any(|time| time <= TIME_MAX),
        "{phase}: each of {ATTEMPTS} attempts took longer than {TIME_MAX:?}"
    );
}

fn silent() -> String {
    Server::new(|_| Act::Ignore).start().to_string()
}

/// Returns the address of a server that is slow enough for every phase to last.
fn slow() -> String {
    let server = Server::new(|received| {
        thread::sleep(Duration::from_millis(5));
        received.correct_act()
    });
    server.start().to_string()
}

#[test]
fn a_run_ends_in_every_phase() {
    let server = format!("{} built-in-server", cargo_bin("harness").display());
    // It ignores SIGTERM, and its end is not waited for.
    let stubborn = format!("trap '' TERM; {server} index --addr {{addr}}");
    let hard =
        format!("{server} wisdom --addr {{addr}} --difficulty 26 --difficulty-min 26 --difficulty-max 26");
    let (silent, slow) = (silent(), slow());
    ends_in_time("start", &["--exec", "sleep 1000 # {port}"], "options");
    ends_in_time("cases", &["--addr", &silent], "options");
    ends_in_time("a target that does not end", &["--exec", &stubborn], "options");
    ends_in_time("replay", &["--addr", &slow, "--only", "index/replay"], "plan");
    ends_in_time("contention", &["--addr", &slow, "--only", "index/contention"], "plan");
    ends_in_time("official replay", &["--addr", &slow, "--only", "index/official"], "plan");
    ends_in_time("computation", &["--protocol", "wisdom", "--exec", &hard], "options");
}
