//! A server process that a test starts, with clients of its addresses.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Instant;

use assert_cmd::cargo::CommandCargoExt;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Client, WAIT_MAX};

/// A command without the variables of the environment that could change its settings.
pub(crate) fn clean_command(binary: &str) -> Command {
    let mut command = Command::cargo_bin(binary).unwrap();
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PACKAGE_")) {
        command.env_remove(name);
    }
    command
}

pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) stdout: BufReader<ChildStdout>,
    pub(crate) stderr: BufReader<ChildStderr>,
    /// The address of the admin endpoint; empty if there is none.
    pub(crate) admin: String,
    pub(crate) addr: String,
}

/// Starts a server and waits until it listens.
pub(crate) fn start_command(mut command: Command) -> Running {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (mut admin, mut addr) = (String::new(), String::new());
    while addr.is_empty() {
        let mut line = String::new();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "the server ended before it listened");
        let line = line.trim();
        admin = line.strip_prefix("admin on ").map_or(admin, str::to_owned);
        addr = line.strip_prefix("listening on ").map_or(addr, str::to_owned);
    }
    Running { child, stdout, stderr, admin, addr }
}

impl Running {
    pub(crate) fn connect(&self) -> Client {
        connect(&self.addr)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Sends a GET request, and returns the status and the body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.get_with(path, "")
    }

    /// The same with further header lines.
    pub(crate) fn get_with(&self, path: &str, headers: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n");
        let answer = exchange(&self.admin, request.as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in '{answer}'"));
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The value of a metric, whose name includes its labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, metrics) = self.get("/metrics");
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {metrics}"))
    }

    /// Waits until a metric has this value, because the end of a connection is counted after it.
    #[track_caller]
    pub(crate) fn await_metric(&self, name: &str, expected: f64) {
        let begun = Instant::now();
        loop {
            let value = self.metric(name);
            if (value - expected).abs() < f64::EPSILON {
                return;
            }
            assert!(begun.elapsed() < WAIT_MAX, "{name} is {value} instead of {expected}");
        }
    }

    /// Ends the server. Returns its exit status and the rest of its standard error.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        self.signal(Signal::TERM);
        let mut log = String::new();
        self.stderr.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn connect(addr: &str) -> Client {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    Client { stream }
}

/// Sends bytes, and returns everything that is received until the end of the stream.
pub(crate) fn exchange(addr: &str, bytes: &[u8]) -> String {
    let mut client = connect(addr);
    client.stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // The server may reset the connection; bytes received before are valid.
    let _ = client.stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}
