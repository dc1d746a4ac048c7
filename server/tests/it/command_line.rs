//! The server process: flags, output, signals and exit status.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Client, WAIT_MAX};
use crate::{command, start};

#[test]
fn sigint_and_sigterm_drain_the_server_with_status_0() {
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

/// Clients that keep sending do not prevent the end of the drain, and receive complete replies until then.
#[test]
fn a_drain_under_load_answers_received_requests() {
    let mut server = start(&["--shutdown-timeout", "60"]);
    let clients: Vec<_> = [1, 1, 1, 1, 50, 50, 50, 50].map(|lines| (server.connect(), lines)).into();
    let threads: Vec<_> = clients
        .into_iter()
        .map(|(mut client, lines)| {
            std::thread::spawn(move || {
                let (mut requests, mut replies) = (0, Vec::new());
                while client.stream.write_all(&b"QUERY|a|\n".repeat(lines)).is_ok() {
                    requests += lines;
                    let mut chunk = [0; 4096];
                    match client.stream.read(&mut chunk) {
                        Ok(0) | Err(_) => break,
                        Ok(count) => replies.extend_from_slice(&chunk[..count]),
                    }
                }
                (requests, replies)
            })
        })
        .collect();
    std::thread::sleep(std::time::Duration::from_millis(300));
    server.signal(Signal::TERM);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    for thread in threads {
        let (requests, replies) = thread.join().unwrap();
        assert!(requests > 0 && !replies.is_empty());
        assert!(replies.chunks(5).all(|reply| reply == b"FAIL\n"), "{}", replies.escape_ascii());
    }
}

/// The kernel connects clients before the server accepts them. Closing the listener would reset those that wait.
#[test]
fn a_drain_serves_the_clients_that_wait_to_be_accepted() {
    let mut server = start(&[]);
    server.signal(Signal::STOP);
    let clients: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut client = TcpStream::connect(&server.addr).unwrap();
            client.set_read_timeout(Some(WAIT_MAX)).unwrap();
            client.write_all(b"QUERY|a|\n").unwrap();
            client
        })
        .collect();
    server.signal(Signal::TERM);
    server.signal(Signal::CONT);
    for mut client in clients {
        let mut replies = Vec::new();
        client.read_to_end(&mut replies).unwrap();
        assert_eq!(replies, b"FAIL\n");
    }
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_second_signal_ends_the_drain() {
    let mut server = start(&["--shutdown-timeout", "3600"]);
    let mut blocked = server.connect();
    blocked.send_until_blocked();
    server.signal(Signal::TERM);
    // The server has received the first signal when it no longer listens.
    let begun = Instant::now();
    while TcpStream::connect(&server.addr).is_ok() {
        assert!(begun.elapsed() < WAIT_MAX, "the server still listens");
    }
    assert_eq!(server.child.try_wait().unwrap(), None, "the server ended without waiting for the client");
    server.signal(Signal::TERM);
    assert_eq!(server.child.wait().unwrap().code(), Some(1));
}

/// The standard error and the exit status of the command.
fn fails(flags: &[&str]) -> (String, Option<i32>) {
    let output = command().args(flags).output().unwrap();
    (String::from_utf8(output.stderr).unwrap(), output.status.code())
}

#[test]
fn an_address_in_use_is_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let (message, status) = fails(&["--addr", &addr]);
    assert_eq!(status, Some(1));
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains(&addr) && message.contains("--addr"), "{message}");
}

#[test]
fn quiet_prints_nothing() {
    // A quiet server does not print its address, so the test selects a port that was free before.
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let child = command()
        .args(["--quiet", "--addr", &addr])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while TcpStream::connect(&addr).is_err() {
        assert!(begun.elapsed() < WAIT_MAX, "the server does not listen");
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(0), 0, 0));
}

/// The rest of a gate run through a proxy that keeps the connection of a client that has gone.
#[test]
fn a_drain_ends_with_status_0_if_only_clients_that_take_no_replies_remain() {
    let mut server = start(&["--shutdown-timeout", "3600", "--write-timeout", "3600"]);
    let mut blocked: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    for client in &mut blocked {
        client.send_until_blocked();
    }
    server.signal(Signal::TERM);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}
