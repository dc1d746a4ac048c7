//! The server's binary: flags, output, signals, exit status.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::binary::{command, start};
use crate::support::{Client, PATIENCE};

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

/// Clients that go on asking do not keep it from ending, and get whole replies as long as they get any.
#[test]
fn a_drain_under_load_answers_what_is_under_way() {
    let mut server = start(&["--shutdown-timeout", "60"]);
    let asking: Vec<_> = [1, 1, 1, 1, 50, 50, 50, 50].map(|lines| (server.connect(), lines)).into();
    let threads: Vec<_> = asking
        .into_iter()
        .map(|(mut client, lines)| {
            std::thread::spawn(move || {
                let (mut asked, mut replies) = (0, Vec::new());
                while client.stream.write_all(&b"QUERY|a|\n".repeat(lines)).is_ok() {
                    asked += lines;
                    let mut chunk = [0; 4096];
                    match client.stream.read(&mut chunk) {
                        Ok(0) | Err(_) => break,
                        Ok(count) => replies.extend_from_slice(&chunk[..count]),
                    }
                }
                (asked, replies)
            })
        })
        .collect();
    std::thread::sleep(std::time::Duration::from_millis(300));
    server.signal(Signal::TERM);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    for thread in threads {
        let (asked, replies) = thread.join().unwrap();
        assert!(asked > 0 && !replies.is_empty());
        assert!(replies.chunks(5).all(|reply| reply == b"FAIL\n"), "{}", replies.escape_ascii());
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = start(&["--shutdown-timeout", "3600"]);
    let mut deaf = server.connect();
    deaf.send_until_blocked();
    server.signal(Signal::TERM);
    // It has taken in the first signal when it listens no more.
    let begun = Instant::now();
    while TcpStream::connect(&server.addr).is_ok() {
        assert!(begun.elapsed() < PATIENCE, "it goes on listening");
    }
    assert_eq!(server.child.try_wait().unwrap(), None, "it waits for the client");
    server.signal(Signal::TERM);
    assert_eq!(server.child.wait().unwrap().code(), Some(1));
}

/// What the command says on standard error, and its exit status.
fn fails(flags: &[&str]) -> (String, Option<i32>) {
    let output = command().args(flags).output().unwrap();
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
fn quiet_says_nothing() {
    // A quiet server does not say where it listens, so the port is one that was free a moment ago.
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let child = command()
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
