//! The server's binary: flags, output, signals, exit status.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use assert_cmd::cargo::CommandCargoExt;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Client, PATIENCE};

struct Running {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    addr: String,
}

fn start(flags: &[&str]) -> Running {
    let mut child = Command::cargo_bin("server")
        .unwrap()
        .args(["--addr", "127.0.0.1:0"])
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let addr = line.strip_prefix("listening on ").unwrap().trim().to_owned();
    Running { child, stdout, addr }
}

impl Running {
    fn connect(&self) -> Client {
        let stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client { stream }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

#[test]
fn sigint_and_sigterm_drain_and_end_with_status_0() {
    for signal in [Signal::INT, Signal::TERM] {
        for threads in ["1", "2"] {
            let mut server = start(&["--threads", threads]);
            let mut client = server.connect();
            client.ask(b"INDEX|a|\n", b"OK\n");
            server.signal(signal);
            client.expect_to_end(b"");
            assert_eq!(server.child.wait().unwrap().code(), Some(0), "{signal:?} with {threads} threads");
            let mut rest = String::new();
            server.stdout.read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "");
        }
    }
}

#[test]
fn threads_share_one_index() {
    let mut server = start(&["--threads", "4"]);
    let mut clients: Vec<Client> = (0..40).map(|_| server.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.ask(format!("INDEX|p{number}|\n").as_bytes(), b"OK\n");
    }
    for client in &mut clients {
        client.ask(b"QUERY|p0|\nQUERY|p39|\n", b"OK\nOK\n");
    }
    drop(clients);
    server.signal(Signal::TERM);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

/// What the command says on standard error, and its exit status.
fn fails(flags: &[&str]) -> (String, Option<i32>) {
    let output = Command::cargo_bin("server").unwrap().args(flags).output().unwrap();
    (String::from_utf8(output.stderr).unwrap(), output.status.code())
}

#[test]
fn an_address_that_is_taken_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let (said, status) = fails(&["--addr", &addr]);
    assert_eq!(status, Some(1));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&addr) && said.contains("--addr"), "{said}");
}

#[test]
fn bad_flags_end_with_status_2_and_say_what_is_needed() {
    for (flags, needed) in [
        (&["--max-line", "1000"][..], "65536"),
        (&["--read-timeout", "0"], "more than 0"),
        (&["--write-timeout", "soon"], "number of seconds"),
        (&["--threads", "0"], "--threads"),
        (&["--no-such-flag"], "--no-such-flag"),
    ] {
        let (said, status) = fails(flags);
        assert_eq!(status, Some(2), "{flags:?}");
        assert!(said.contains(needed), "{flags:?}: {said}");
    }
}

#[test]
fn quiet_says_nothing() {
    // A quiet server does not say where it listens, so the port is one that was free a moment ago.
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let child = Command::cargo_bin("server")
        .unwrap()
        .args(["--quiet", "--addr", &addr])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while TcpStream::connect(&addr).is_err() {
        assert!(begun.elapsed() < PATIENCE, "it does not listen");
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(0), 0, 0));
}
