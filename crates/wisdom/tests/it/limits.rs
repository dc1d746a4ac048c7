//! Time limits, capacity limits and the drain: W29, W30.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::binary::Running;
use crate::client::REQUEST;
use crate::start;
use crate::support::{Client, WAIT_MAX};

fn refusals(server: &Running, cause: &str, count: f64) {
    server.await_metric(&format!("wisdom_refusals_total{{cause=\"{cause}\"}}"), count);
}

#[test]
fn w29_an_idle_client_times_out() {
    let server = start(&["--idle-timeout", "0.3"]);
    server.connect().expect_error_and_end("TIMEOUT");
    refusals(&server, "idle_timeout", 1.0);
}

#[test]
fn w29_the_time_limit_covers_the_whole_frame() {
    let server = start(&["--read-timeout", "0.5", "--idle-timeout", "60"]);
    let mut client = server.connect();
    client.stream.set_nodelay(true).unwrap();
    let begun = Instant::now();
    // A header, followed by spaces of a payload that never ends.
    client.send(b"WW\x01\x01\x00\x00\x10\x00");
    client.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    while client.stream.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
        assert!(begun.elapsed() < WAIT_MAX, "each byte restarts the time limit");
        let _ = client.stream.write_all(b" ");
    }
    client.stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    client.expect_error_and_end("TIMEOUT");
    refusals(&server, "read_timeout", 1.0);
}

/// While a client solves a challenge, the solve timeout applies instead of the idle timeout.
#[test]
fn solving_has_its_own_time_limit() {
    let server = start(&["--idle-timeout", "1", "--solve-timeout", "2.5"]);
    let mut client = server.connect();
    let begun = Instant::now();
    client.request_challenge();
    client.expect_error_and_end("TIMEOUT");
    assert!(begun.elapsed() >= Duration::from_millis(2_500));
    refusals(&server, "work_timeout", 1.0);
}

#[test]
fn a_connection_has_a_lifetime() {
    let server = start(&["--lifetime", "1"]);
    let mut client = server.connect();
    client.send(REQUEST);
    client.expect_challenge();
    client.expect_error_and_end("TIMEOUT");
    refusals(&server, "lifetime", 1.0);
}

#[test]
fn w30_a_client_above_the_limit_receives_the_reason() {
    let server = start(&["--max-connections", "1"]);
    let mut taken = server.connect();
    taken.request_challenge();
    for _ in 0..3 {
        let mut client = server.connect();
        // The client sends requests before it reads the refusal.
        let _ = client.stream.write_all(&REQUEST.repeat(100));
        let fields = client.expect_error("SERVER_BUSY");
        assert_eq!((&fields["retryable"], &fields["retry_after_ms"]), (&true.into(), &1000.into()));
        client.expect_to_end(b"");
    }
    refusals(&server, "connections", 3.0);
    taken.request_challenge();
}

#[test]
fn connections_per_address_are_limited() {
    let server = start(&["--max-connections-per-address", "2"]);
    let mut taken: Vec<Client> = (0..2).map(|_| server.connect()).collect();
    for client in &mut taken {
        client.request_challenge();
    }
    server.connect().expect_error_and_end("SERVER_BUSY");
    let mut other = crate::client::connect_from([127, 0, 0, 2], &server.addr);
    other.request_challenge();
}

#[test]
fn the_connect_rate_is_limited() {
    let server = start(&["--max-connect-rate", "1"]);
    let begun = Instant::now();
    // On a slow machine each iteration may take longer than a second, so the loop repeats.
    loop {
        let mut client = server.connect();
        let _ = client.stream.write_all(REQUEST);
        let (_, fields) = client.read_frame();
        if fields["code"] == "RATE_LIMITED" {
            return client.expect_to_end(b"");
        }
        assert!(begun.elapsed() < WAIT_MAX, "no connection is refused");
    }
}

/// If a nonce cannot be stored, its challenge is not spent and no quotation is returned.
#[test]
fn a_full_set_of_spent_nonces_fails_closed() {
    let server = start(&["--max-spent", "3", "--ttl", "3600"]);
    let received: Vec<_> = (0..5).map(|_| server.connect().request_challenge()).collect();
    for (number, received) in received.iter().enumerate() {
        let mut client = server.connect();
        client.send(&received.solved());
        if number < 3 {
            client.expect_quote_and_end();
        } else {
            client.expect_error_and_end("SERVER_BUSY");
        }
    }
    for spent in &received[..3] {
        let mut client = server.connect();
        client.send(&spent.solved());
        client.expect_error_and_end("REPLAYED");
    }
    assert!((server.metric("wisdom_spent_challenges_current") - 3.0).abs() < 0.1);
}

#[test]
fn load_raises_the_difficulty() {
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
    for address in (1..=250).cycle() {
        if server.metric("wisdom_difficulty_bits") >= 8.0 {
            break;
        }
        assert!(begun.elapsed() < WAIT_MAX, "the difficulty does not rise");
        crate::client::connect_from([127, 0, 1, address], &server.addr).request_challenge();
    }
}

/// An address that requests challenges without solving them pays a surcharge, and others do not.
#[test]
fn one_address_does_not_raise_the_difficulty_of_others() {
    let flags = ["--difficulty", "4", "--difficulty-min", "1", "--difficulty-max", "12"];
    let server =
        start(&[&flags[..], &["--challenge-rate-target", "16", "--quote-wait-target", "60000"]].concat());
    let begun = Instant::now();
    let mut requests = 0;
    // Longer than two steps of the difficulty, and more than the target rate.
    while begun.elapsed() < Duration::from_millis(2500) || requests < 100 {
        server.connect().request_challenge();
        requests += 1;
    }
    let other = crate::client::connect_from([127, 0, 0, 2], &server.addr).request_challenge();
    assert!(other.token.difficulty <= 4, "{} after {requests} requests", other.token.difficulty);
}

/// Unpaid challenges cost the address that took them, when they are requested and again when they expire.
#[test]
fn two_thousand_unpaid_challenges_of_one_address_do_not_concern_others() {
    let difficulty = ["--difficulty", "4", "--difficulty-min", "4", "--difficulty-max", "12"];
    let load = ["--challenge-rate-target", "400", "--quote-wait-target", "60000", "--ttl", "1"];
    let server = start(&[&difficulty[..], &load].concat());
    for _ in 0..1000 {
        let mut client = server.connect();
        client.request_challenge();
        client.request_challenge();
    }
    let other = || crate::client::connect_from([127, 0, 0, 2], &server.addr).request_challenge();
    assert_eq!(other().token.difficulty, 4);
    // The challenge of the other address expires too.
    server.await_metric("wisdom_challenges_expired_total", 2001.0);
    assert_eq!(other().token.difficulty, 4);
    assert_eq!(server.connect().request_challenge().token.difficulty, 10);
}

#[test]
fn the_request_rate_is_limited_for_each_address() {
    let server = start(&["--max-request-rate", "1"]);
    let mut client = server.connect();
    // Both are answered, and the second exceeds the rate.
    client.send(&REQUEST.repeat(2));
    client.expect_challenge();
    client.expect_challenge();
    client.expect_error_and_end("RATE_LIMITED");
    refusals(&server, "request_rate", 1.0);
    crate::client::connect_from([127, 0, 0, 2], &server.addr).request_challenge();
}

#[test]
fn frequent_requests_raise_the_difficulty_of_an_address() {
    let server = start(&["--difficulty-max", "12", "--difficulty-min", "1", "--quote-wait-target", "60000"]);
    let begun = Instant::now();
    while server.connect().request_challenge().token.difficulty < 12 {
        assert!(begun.elapsed() < WAIT_MAX, "the difficulty does not rise");
    }
    let other = crate::client::connect_from([127, 0, 0, 2], &server.addr).request_challenge();
    assert!(other.token.difficulty <= 8, "{}", other.token.difficulty);
}

#[test]
fn a_drain_sends_the_reason_to_waiting_clients() {
    let mut server = start(&[]);
    let silent = server.connect();
    // The server has accepted it when it answers a later connection.
    let mut working = server.connect();
    working.request_challenge();
    let mut half = server.connect();
    half.send(&[REQUEST, &REQUEST[..5]].concat());
    half.expect_challenge();
    server.signal(Signal::TERM);
    for client in [silent, working, half] {
        client.expect_error_and_end("SHUTTING_DOWN");
    }
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

/// After an error the server discards further input for a limited time only.
#[test]
fn the_lingering_close_is_limited() {
    let server = start(&[]);
    let mut client = server.connect();
    client.send(b"WX");
    let begun = Instant::now();
    while client.stream.write_all(&[b'x'; 1024]).is_ok() {
        assert!(begun.elapsed() < WAIT_MAX, "the server still reads");
    }
    server.await_metric("wisdom_connections_open", 0.0);
}
