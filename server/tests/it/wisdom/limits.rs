//! Time, room, and the end: W29, W30, rates, the set of spent challenges, the drain.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::client::REQUEST;
use super::start;
use crate::binary::Running;
use crate::support::{Client, PATIENCE};

fn refusals(server: &Running, cause: &str, count: f64) {
    server.await_metric(&format!("wisdom_refusals_total{{cause=\"{cause}\"}}"), count);
}

#[test]
fn w29_silence_is_a_timeout() {
    let server = start(&["--idle-timeout", "0.3"]);
    server.connect().expect_error_and_end("TIMEOUT");
    refusals(&server, "idle_timeout", 1.0);
}

#[test]
fn w29_a_frame_has_a_time_as_a_whole() {
    let server = start(&["--read-timeout", "0.5", "--idle-timeout", "60"]);
    let mut client = server.connect();
    client.stream.set_nodelay(true).unwrap();
    let begun = Instant::now();
    // The first byte of a frame, and then blanks of a payload that never ends.
    client.send(b"WW\x01\x01\x00\x00\x10\x00");
    client.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    while client.stream.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
        assert!(begun.elapsed() < PATIENCE, "each byte begins the time again");
        let _ = client.stream.write_all(b" ");
    }
    client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    client.expect_error_and_end("TIMEOUT");
    refusals(&server, "read_timeout", 1.0);
}

/// Who has a challenge has the time for solving, and not the time of those who have said nothing yet.
#[test]
fn solving_has_a_time_of_its_own() {
    let server = start(&["--idle-timeout", "1", "--solve-timeout", "2.5"]);
    let mut client = server.connect();
    let begun = Instant::now();
    client.ask_for_challenge();
    client.expect_error_and_end("TIMEOUT");
    assert!(begun.elapsed() >= Duration::from_millis(2_500));
    refusals(&server, "work_timeout", 1.0);
}

#[test]
fn a_connection_has_a_time_in_all() {
    let server = start(&["--lifetime", "1"]);
    let mut client = server.connect();
    client.send(REQUEST);
    client.expect_challenge();
    client.expect_error_and_end("TIMEOUT");
    refusals(&server, "lifetime", 1.0);
}

#[test]
fn w30_a_client_beyond_the_limit_reads_why() {
    let server = start(&["--max-connections", "1"]);
    let mut taken = server.connect();
    taken.ask_for_challenge();
    for _ in 0..3 {
        let mut client = server.connect();
        // It asks before it finds out that it was turned away.
        let _ = client.stream.write_all(&REQUEST.repeat(100));
        let fields = client.expect_error("SERVER_BUSY");
        assert_eq!((&fields["retryable"], &fields["retry_after_ms"]), (&true.into(), &1000.into()));
        client.expect_to_end(b"");
    }
    refusals(&server, "connections", 3.0);
    taken.ask_for_challenge();
}

#[test]
fn an_address_has_a_number_of_connections() {
    let server = start(&["--max-connections-per-address", "2"]);
    let mut taken: Vec<Client> = (0..2).map(|_| server.connect()).collect();
    for client in &mut taken {
        client.ask_for_challenge();
    }
    server.connect().expect_error_and_end("SERVER_BUSY");
    let mut other = super::client::connect_from([127, 0, 0, 2], &server.addr);
    other.ask_for_challenge();
}

#[test]
fn who_comes_too_often_is_limited() {
    let server = start(&["--max-connect-rate", "1"]);
    let begun = Instant::now();
    // A machine that is slow may fit in more than one a second, but not all of these.
    loop {
        let mut client = server.connect();
        let _ = client.stream.write_all(REQUEST);
        let (_, fields) = client.read_frame();
        if fields["code"] == "RATE_LIMITED" {
            return client.expect_to_end(b"");
        }
        assert!(begun.elapsed() < PATIENCE, "nobody is limited");
    }
}

/// Where it cannot be remembered that a challenge was solved it brings nothing, and later it does.
#[test]
fn a_full_set_of_spent_challenges_fails_closed() {
    let server = start(&["--max-spent", "3", "--ttl", "3600"]);
    let given: Vec<_> = (0..5).map(|_| server.connect().ask_for_challenge()).collect();
    for (number, given) in given.iter().enumerate() {
        let mut client = server.connect();
        client.send(&given.solved());
        if number < 3 {
            client.expect_quote_and_end();
        } else {
            client.expect_error_and_end("SERVER_BUSY");
        }
    }
    for spent in &given[..3] {
        let mut client = server.connect();
        client.send(&spent.solved());
        client.expect_error_and_end("REPLAYED");
    }
    // And it is seen as pressure.
    assert!((server.metric("wisdom_spent_challenges_current") - 3.0).abs() < 0.1);
}

#[test]
fn pressure_makes_challenges_harder() {
    let server = start(&[
        "--difficulty",
        "4",
        "--difficulty-min",
        "4",
        "--difficulty-max",
        "12",
        "--challenge-rate-target",
        "1",
    ]);
    let begun = Instant::now();
    while server.metric("wisdom_difficulty_bits") < 8.0 {
        assert!(begun.elapsed() < PATIENCE, "it stays as easy as it was");
        server.connect().ask_for_challenge();
    }
}

#[test]
fn an_address_that_asks_often_works_harder_than_others() {
    let server = start(&["--difficulty-max", "12", "--difficulty-min", "1", "--quote-wait-target", "60000"]);
    let begun = Instant::now();
    while server.connect().ask_for_challenge().token.difficulty < 12 {
        assert!(begun.elapsed() < PATIENCE, "it asks as often as it likes");
    }
    let other = super::client::connect_from([127, 0, 0, 2], &server.addr).ask_for_challenge();
    assert!(other.token.difficulty <= 8, "{}", other.token.difficulty);
}

#[test]
fn a_drain_tells_those_that_wait() {
    let mut server = start(&[]);
    let silent = server.connect();
    // It is served when another one is that came after it.
    let mut working = server.connect();
    working.ask_for_challenge();
    let mut half = server.connect();
    half.send(&[REQUEST, &REQUEST[..5]].concat());
    half.expect_challenge();
    server.signal(Signal::TERM);
    for client in [silent, working, half] {
        client.expect_error_and_end("SHUTTING_DOWN");
    }
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

/// An error is the last that a client is told, and what it goes on to send is taken in for a moment only.
#[test]
fn who_goes_on_sending_is_not_listened_to_for_long() {
    let server = start(&[]);
    let mut client = server.connect();
    client.send(b"WX");
    let begun = Instant::now();
    while client.stream.write_all(&[b'x'; 1024]).is_ok() {
        assert!(begun.elapsed() < PATIENCE, "it listens for ever");
    }
    server.await_metric("wisdom_connections_open", 0.0);
}
