//! Clients that stall, and the end of the server, on a clock that the test moves.

use std::io::{Read, Write};
use std::time::Duration;

use server::limits::Limits;
use server::listener::Ending;

use crate::support::Server;

/// Far more than a test takes, so that nothing ends before the clock is moved.
const LONG: Duration = Duration::from_hours(1);

/// Longer than the clock is moved.
fn never() -> Limits {
    let never = LONG * 1_000_000;
    Limits {
        read_timeout: never,
        idle_timeout: never,
        write_timeout: never,
        lifetime: never,
        shutdown_timeout: never,
        ..Limits::default()
    }
}

fn server() -> Server {
    Server::start_with(Limits { read_timeout: LONG, write_timeout: LONG, shutdown_timeout: LONG, ..never() })
}

/// Moves the clock until the server has looked at it and given the client up.
fn move_until_given_up(server: &Server, mut is_given_up: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        server.move_clock(LONG);
        std::thread::sleep(Duration::from_millis(2));
        if is_given_up() {
            return;
        }
    }
    panic!("the client was not given up");
}

#[test]
fn c5_a_client_that_stalls_in_a_line_is_told_and_dropped_and_an_idle_one_is_not() {
    let server = server();
    let mut idle = server.connect();
    idle.ask(b"QUERY|a|\n", b"FAIL\n");
    let mut stalled = server.connect();
    stalled.send(b"INDEX|a");
    let mut said = Vec::new();
    move_until_given_up(&server, || {
        let mut chunk = [0; 64];
        stalled.stream.set_read_timeout(Some(Duration::from_millis(1))).ok();
        match stalled.stream.read(&mut chunk) {
            Ok(count) => {
                said.extend_from_slice(&chunk[..count]);
                count == 0
            }
            Err(_) => false,
        }
    });
    assert_eq!(said, b"ERROR\n");
    idle.ask(b"QUERY|a|\n", b"FAIL\n");
}

#[test]
fn c5_the_deadline_is_for_the_line_and_not_for_each_byte() {
    let server = server();
    let mut dribbler = server.connect();
    dribbler.stream.set_read_timeout(Some(Duration::from_millis(1))).ok();
    let mut is_over = false;
    // Each byte comes well within the limit; the line as a whole does not.
    for _ in 0..10_000 {
        server.move_clock(LONG / 4);
        std::thread::sleep(Duration::from_millis(5));
        if dribbler.stream.write_all(b"x").is_err() {
            is_over = true;
            break;
        }
        if dribbler.stream.read(&mut [0; 64]).is_ok() {
            is_over = true;
            break;
        }
    }
    assert!(is_over, "a client that sends a byte now and then stays for ever");
}

#[test]
fn c5_a_client_that_never_reads_its_replies_is_dropped() {
    let server = server();
    let mut deaf = server.connect();
    deaf.send_until_blocked();
    move_until_given_up(&server, || deaf.is_cut());
    server.connect().ask(b"QUERY|a|\n", b"FAIL\n");
}

#[test]
fn a_stop_answers_what_was_sent_and_ends_idle_connections() {
    let server = Server::start();
    let mut idle = server.connect();
    idle.ask(b"QUERY|a|\n", b"FAIL\n");
    let mut busy = server.connect();
    busy.ask(b"INDEX|a|\n", b"OK\n");
    busy.send(b"QUERY|a|\nQUERY|b|\nQUERY|half");
    server.begin_stop();
    busy.expect_to_end(b"OK\nFAIL\n");
    idle.expect_to_end(b"");
    let addr = server.addr;
    assert_eq!(server.ending(), Ending::Drained);
    assert!(std::net::TcpStream::connect(addr).is_err(), "nobody listens any more");
}

#[test]
fn a_stop_cuts_what_outlives_the_shutdown_timeout() {
    let server = Server::start_with(Limits { shutdown_timeout: LONG, ..never() });
    let mut deaf = server.connect();
    deaf.send_until_blocked();
    server.begin_stop();
    move_until_given_up(&server, || deaf.is_cut());
    assert_eq!(server.ending(), Ending::Cut(1));
}
