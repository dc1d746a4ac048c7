//! The server's binary, started by a test and asked over its sockets.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Instant;

use assert_cmd::cargo::CommandCargoExt;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Client, PATIENCE};

/// The command, with nothing of this process's environment that could change its settings.
pub(crate) fn command() -> Command {
    let mut command = Command::cargo_bin("server").unwrap();
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PACKAGE_")) {
        command.env_remove(name);
    }
    command
}

pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) stdout: BufReader<ChildStdout>,
    pub(crate) stderr: BufReader<ChildStderr>,
    /// Empty if there is none.
    pub(crate) admin: String,
    pub(crate) addr: String,
}

/// Starts a server on free ports.
pub(crate) fn start(flags: &[&str]) -> Running {
    let mut command = command();
    command.args(["--addr", "127.0.0.1:0"]).args(flags);
    start_command(command)
}

/// The same with an admin address.
pub(crate) fn start_with_admin(flags: &[&str]) -> Running {
    start(&[&["--admin", "127.0.0.1:0"], flags].concat())
}

pub(crate) fn start_command(mut command: Command) -> Running {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (mut admin, mut addr) = (String::new(), String::new());
    while addr.is_empty() {
        let mut line = String::new();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "it ended before it listened");
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

    /// Sends a GET, and brings status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.get_with(path, "")
    }

    /// The same with more lines in the head.
    pub(crate) fn get_with(&self, path: &str, headers: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n");
        let answer = exchange(&self.admin, request.as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in '{answer}'"));
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// A metric's value; its name is written with its labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, metrics) = self.get("/metrics");
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {metrics}"))
    }

    /// Waits until a metric has this value: what is counted at a connection's end comes a moment after it.
    #[track_caller]
    pub(crate) fn await_metric(&self, name: &str, expected: f64) {
        let begun = Instant::now();
        loop {
            let value = self.metric(name);
            if (value - expected).abs() < f64::EPSILON {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{name} is {value} and not {expected}");
        }
    }

    /// Ends it, and brings its exit status and what it still said on standard error.
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
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Client { stream }
}

/// Sends bytes, and brings all that comes back.
pub(crate) fn exchange(addr: &str, bytes: &[u8]) -> String {
    let mut client = connect(addr);
    client.stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A server that has enough of a client may reset it; what came before counts.
    let _ = client.stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}
