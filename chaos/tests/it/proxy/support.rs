//! A running `chaos proxy`, and a service behind it.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Starts an echo service that runs until the process ends; returns its address.
pub(crate) fn echo() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    addr
}

/// A running chaos process; it is killed when the test ends.
pub(crate) struct Chaos {
    process: Child,
    stdout: BufReader<ChildStdout>,
}

impl Chaos {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_chaos"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Self { process, stdout }
    }

    /// Reads the next line of its output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Reads the address in the next line, which begins with this word.
    pub(crate) fn addr(&mut self, word: &str) -> String {
        let line = self.line();
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some(word), "{line}");
        words.next().unwrap().to_owned()
    }

    /// Terminates it and returns its exit status and its log.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        let process = Pid::from_child(&self.process);
        kill_process(process, Signal::TERM).unwrap();
        let mut log = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.process.wait().unwrap().code(), log)
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Asserts a minimum time; timers may be one millisecond early.
pub(crate) fn assert_took(begun: Instant, at_least: Duration) {
    let took = begun.elapsed();
    assert!(took + Duration::from_millis(1) >= at_least, "took {took:?}, less than {at_least:?}");
}
