//! Runs a command and ends it, with all its children, when the process that asked for it is gone.
//!
//! The supervisor is a process of its own, run by a hidden subcommand. Its standard input is a pipe that nobody
//! writes to: when the harness ends, by whatever means, the pipe closes and the supervisor cleans up. On Linux it
//! is also the parent to which orphans fall, so that a command which detaches itself is found too.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;
use std::{io, thread};

use rustix::process::{
    Pid, Resource, Signal, WaitOptions, WaitStatus, getrlimit, kill_process, kill_process_group, setrlimit,
    wait,
};

use crate::processes::descendants_of;

/// The hidden subcommand; the command's limit of descriptors and the command follow it.
pub(crate) const SUBCOMMAND: &str = "supervise";

/// The exit status that says that a command was ended by signal `n` is this plus `n`, as in a shell.
pub(crate) const SIGNAL_BASE: i32 = 128;

/// The exit status that says that the command could not be run, as in a shell.
const NOT_FOUND: u8 = 127;

/// How long a command may take to end by itself once it is asked to.
const GRACE: Duration = Duration::from_secs(2);

/// How often what is left is looked for after that.
const KILL_INTERVAL: Duration = Duration::from_millis(20);

/// Runs the command until it and all its children have ended; the exit status is the command's.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let [descriptor_limit, program, arguments @ ..] = arguments else {
        return ExitCode::from(NOT_FOUND);
    };
    limit_descriptors(descriptor_limit.to_str().and_then(|limit| limit.parse().ok()));
    adopt_orphans();
    let spawned = Command::new(program).args(arguments).stdin(Stdio::null()).process_group(0).spawn();
    let leader = match spawned {
        Ok(child) => Pid::from_child(&child),
        Err(error) => {
            let _ = writeln!(io::stderr(), "cannot run {}: {error}", program.display());
            return ExitCode::from(NOT_FOUND);
        }
    };
    thread::spawn(move || {
        wait_for_end_of_input();
        end_all(leader);
    });
    wait_for_all(leader)
}

/// Gives the command the limit that it would have without the harness.
fn limit_descriptors(current: Option<u64>) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = current.filter(|&current| current > 0);
    // A limit that was in force before is granted again.
    let _ = setrlimit(Resource::Nofile, limit);
}

#[cfg(target_os = "linux")]
fn adopt_orphans() {
    // Where it is refused, a command that detaches itself is not found again.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

#[cfg(not(target_os = "linux"))]
fn adopt_orphans() {}

/// Waits until the pipe from the harness closes.
pub(crate) fn wait_for_end_of_input() {
    let mut byte = [0];
    loop {
        match io::stdin().read(&mut byte) {
            Ok(0) => return,
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
            _ => {}
        }
    }
}

/// Waits until there is no child left, orphans included.
fn wait_for_all(leader: Pid) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == leader => code = exit_code(status),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return code,
        }
    }
}

fn exit_code(status: WaitStatus) -> ExitCode {
    let code = status.exit_status().or_else(|| Some(SIGNAL_BASE + status.terminating_signal()?));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Asks everything to end, and after a while makes it. The process ends under this loop when nothing is left.
fn end_all(leader: Pid) {
    let signal_all = |signal| {
        // What has ended meanwhile cannot be signalled, and need not be.
        let _ = kill_process_group(leader, signal);
        for pid in descendants_of(rustix::process::getpid()) {
            let _ = kill_process(pid, signal);
        }
    };
    signal_all(Signal::TERM);
    thread::sleep(GRACE);
    loop {
        signal_all(Signal::KILL);
        thread::sleep(KILL_INTERVAL);
    }
}
