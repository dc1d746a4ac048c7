//! The byte budget of all connections, and the limit of file descriptors.

use std::io::{ErrorKind, Write};
use std::time::Instant;

use crate::binary::{Running, start_command};
use crate::support::{Client, LINE_BYTES_MAX, WAIT_MAX};
use crate::{command, start_with_admin};

/// The smallest budget that the server accepts with its other defaults, in bytes.
const SMALL: usize = 2 * (64 + 96) * 1024;

const BUFFERED: &str = "package_indexer_buffered_bytes";
const REFUSED: &str = "package_indexer_refusals_total{cause=\"buffered_bytes\"}";

/// The longest line without its end.
fn long_line() -> Vec<u8> {
    [b"QUERY|", &b"n".repeat(LINE_BYTES_MAX - 7)[..], b"|"].concat()
}

fn small() -> Running {
    start_with_admin(&["--max-buffered", &SMALL.to_string()])
}

#[track_caller]
fn await_condition(server: &Running, name: &str, is_met: impl Fn(f64) -> bool) {
    let begun = Instant::now();
    while !is_met(server.metric(name)) {
        assert!(begun.elapsed() < WAIT_MAX, "{name} is {}", server.metric(name));
    }
}

/// The default budget admits a hundred clients in the middle of the longest lines.
#[test]
fn c1_a_hundred_clients_in_the_middle_of_long_lines_are_served() {
    let server = start_with_admin(&[]);
    let line = long_line();
    let mut clients: Vec<Client> = (0..100).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(&line);
    }
    #[expect(clippy::cast_precision_loss, reason = "the size is far below 2^52")]
    await_condition(&server, BUFFERED, |bytes| bytes >= (100 * line.len()) as f64);
    for client in &mut clients {
        client.ask(b"\n", b"FAIL\n");
    }
    server.await_metric(BUFFERED, 0.0);
    server.await_metric(REFUSED, 0.0);
}

/// Incomplete lines exceed the budget: the oldest are closed, and a client that completes its line is answered.
#[test]
fn the_oldest_incomplete_lines_are_closed_when_the_budget_is_exhausted() {
    let server = small();
    let line = long_line();
    let mut idle = server.connect();
    idle.ask(b"QUERY|a|\n", b"FAIL\n");
    let mut stalled = Vec::new();
    for number in 0..40 {
        // The reply shows that the server has read a part of the line, so the clients take their shares in this order.
        let mut client = server.connect();
        client.ask(&[b"QUERY|a|\n", &line[..]].concat(), b"FAIL\n");
        stalled.push(client);
        if number % 10 == 9 {
            let mut correct = server.connect();
            correct.send(&line);
            correct.ask(b"\n", b"FAIL\n");
        }
    }
    // Each line needs more than a tenth of the budget.
    await_condition(&server, REFUSED, |refused| refused >= 30.0);
    let mut oldest = stalled.swap_remove(0);
    oldest.expect_to_end(b"ERROR\n");
    stalled.pop().unwrap().ask(b"\n", b"FAIL\n");
    idle.ask(b"QUERY|a|\n", b"FAIL\n");
    #[expect(clippy::cast_precision_loss, reason = "the size is far below 2^52")]
    await_condition(&server, BUFFERED, |bytes| bytes <= SMALL as f64);
    drop(stalled);
    server.await_metric(BUFFERED, 0.0);
}

/// Unread replies exceed the budget: connections of clients that do not read are closed, and others are served.
#[test]
fn the_oldest_unread_replies_are_closed_when_the_budget_is_exhausted() {
    let server = small();
    let mut blocked: Vec<Client> = (0..6).map(|_| server.connect()).collect();
    for client in &mut blocked {
        client.stream.set_nonblocking(true).unwrap();
    }
    let requests = b"\n".repeat(16 * 1024);
    // Until a connection is closed, and the others are blocked.
    while server.metric(REFUSED) < 1.0 {
        for client in &mut blocked {
            while client.stream.write(&requests).is_ok() {}
        }
    }
    let is_closed = |client: &mut Client| {
        client.stream.write(b"\n").is_err_and(|error| error.kind() != ErrorKind::WouldBlock)
    };
    // The refusal is counted before the socket is closed.
    let begun = Instant::now();
    while !blocked.iter_mut().any(is_closed) {
        assert!(begun.elapsed() < WAIT_MAX, "no connection is closed");
    }
    server.connect().ask(b"QUERY|a|\n", b"FAIL\n");
    drop(blocked);
    server.await_metric(BUFFERED, 0.0);
}

/// Starts a server after a command of the shell that changes the limit of open files.
fn start_with_ulimit(ulimit: &str) -> Running {
    let program = command().get_program().to_string_lossy().into_owned();
    let mut shell = std::process::Command::new("sh");
    let line = format!("ulimit {ulimit}; exec {program} --addr 127.0.0.1:0 --admin 127.0.0.1:0");
    shell.args(["-c", &line]);
    start_command(shell)
}

#[test]
fn a_low_limit_of_file_descriptors_is_raised() {
    let server = start_with_ulimit("-Sn 40");
    assert!(server.metric("process_max_fds") > 40.0);
}

#[test]
fn one_warning_reports_a_limit_of_file_descriptors_that_is_too_low() {
    let (_, log) = start_with_ulimit("-n 300").stop();
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert!(
        matches!(warnings[..], [line] if line.contains("open files") && line.contains("needed=16640")),
        "{log}"
    );
}
