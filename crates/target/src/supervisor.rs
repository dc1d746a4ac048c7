//! Runs a command, and ends it with all its children when the process that started the supervisor is gone.
//!
//! The supervisor is a separate process, started through a hidden subcommand. Its standard input is a pipe without a
//! writer of data: when the starting process ends for any reason, the pipe closes and the supervisor cleans up. On
//! Linux
//! the supervisor is also a child subreaper, so that it finds commands that detach themselves.

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

/// The hidden subcommand. The limit on open file descriptors and the command follow it.
pub(crate) const SUBCOMMAND: &str = "supervise";

/// The exit status of a command that signal `n` ended is this plus `n`, as in a shell.
pub(crate) const SIGNAL_BASE: i32 = 128;

/// The exit status of a command that cannot be executed, as in a shell.
const NOT_FOUND: u8 = 127;

/// The time that a command has to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// The interval at which remaining processes are killed after that.
const KILL_INTERVAL: Duration = Duration::from_millis(20);

/// Runs the command until it and all its children have ended. Returns the exit status of the command.
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

/// Sets the limit on open file descriptors that the command would have without the supervisor.
fn limit_descriptors(current: Option<u64>) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = current.filter(|&current| current > 0);
    // The limit was in force before, so the system grants it again.
    let _ = setrlimit(Resource::Nofile, limit);
}

#[cfg(target_os = "linux")]
fn adopt_orphans() {
    // Without this right, a command that detaches itself is not found.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

#[cfg(not(target_os = "linux"))]
fn adopt_orphans() {}

/// Waits until the pipe from the starting process closes.
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

/// Waits until no child is left, including adopted orphans.
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

/// Describes the exit status of a command or a container.
pub(crate) fn describe_exit(code: i32) -> String {
    if code > SIGNAL_BASE {
        format!("by signal {}", code - SIGNAL_BASE)
    } else {
        format!("exit status {code}")
    }
}

/// Sends SIGTERM to all processes, and SIGKILL after a grace period. The supervisor exits when no child is left.
fn end_all(leader: Pid) {
    let signal_all = |signal| {
        // Signalling a process that has ended fails; that is harmless.
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
