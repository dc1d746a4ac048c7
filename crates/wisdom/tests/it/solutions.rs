//! Valid, invalid and repeated solutions: W01 to W03, W16 to W18, W21 to W23, W25 to W27.

use std::sync::Barrier;

use protocol::wisdom::token::to_base64url;

use super::client::{QUOTE, connect_from, counter, solution};
use crate::binary::start_command;
use crate::support::Client;
use crate::{command, start, start_with_environment};

#[test]
fn w01_the_fields_of_a_challenge_match_its_token() {
    let server = start(&["--ttl", "30"]);
    let received = server.connect().request_challenge();
    let (token, fields) = (received.token, &received.fields);
    assert_eq!((token.version, token.algorithm, token.difficulty), (1, 1, 8));
    assert_eq!(token.ttl_ms, 30_000);
    assert_eq!(fields["alg"], "sha256-lz");
    assert_eq!(fields["difficulty"], 8);
    assert_eq!(fields["issued_at_ms"], token.issued_ms);
    assert_eq!(fields["expires_at_ms"], token.issued_ms + 30_000);
    assert_eq!(fields.as_object().unwrap().len(), 5);
}

#[test]
fn w02_and_w03_a_solution_returns_a_quotation_on_any_connection() {
    let server = start(&[]);
    let mut client = server.connect();
    let received = client.request_challenge();
    client.send(&received.solved());
    let quote = client.expect_quote_and_end();
    assert!((1..=2048).contains(&quote["quote"].as_str().unwrap().len()), "{quote}");
    assert!(!quote["author"].as_str().unwrap().is_empty(), "{quote}");
    assert_eq!(quote["source"], "fallback");

    let elsewhere = server.connect().request_challenge();
    let mut client = server.connect();
    client.send(&elsewhere.solved());
    client.expect_quote_and_end();
}

#[test]
fn w16_a_token_with_a_flipped_bit_returns_no_quotation() {
    let server = start(&[]);
    let received = server.connect().request_challenge();
    for bit in 0..512 {
        let mut flipped = received.bytes;
        flipped[bit / 8] ^= 1 << (bit % 8);
        let difficulty = u32::from(flipped[2]);
        // More work would take too long.
        let found = if difficulty <= 12 { counter(&flipped, |bits| bits >= difficulty) } else { 0 };
        let mut client = server.connect();
        client.send(&solution(&to_base64url(&flipped), found));
        client.expect_error_and_end("INVALID_SIGNATURE");
    }
    let mut client = server.connect();
    client.send(&received.solved());
    client.expect_quote_and_end();
}

#[test]
fn w17_a_token_is_bound_to_its_address() {
    for (binds, is_accepted) in [("true", false), ("false", true)] {
        let server = start(&["--bind-ip", binds]);
        let received = connect_from([127, 0, 0, 2], &server.addr).request_challenge();
        let mut client = server.connect();
        client.send(&received.solved());
        if is_accepted {
            client.expect_quote_and_end();
        } else {
            client.expect_error_and_end("INVALID_SIGNATURE");
            let mut client = connect_from([127, 0, 0, 2], &server.addr);
            client.send(&received.solved());
            client.expect_quote_and_end();
        }
    }
}

/// A server that listens on IPv6 receives mapped addresses of IPv4 clients.
#[test]
fn w18_a_mapped_address_equals_its_ipv4_address() {
    let secret = [("PACKAGE_INDEXER_SECRET", "a secret that both have")];
    let over_ipv4 = start_with_environment(&["--secret-scope", "shared"], &secret);
    let mut mapping = command();
    mapping.args(["serve", "--addr", "[::]:0", "--secret-scope", "shared"]).envs(secret);
    mapping.args(["--difficulty", "8", "--difficulty-min", "8"]);
    let mapping = start_command(mapping);
    let port = mapping.addr.rsplit(':').next().unwrap();
    let received = crate::binary::connect(&format!("127.0.0.1:{port}")).request_challenge();
    let mut client = over_ipv4.connect();
    client.send(&received.solved());
    client.expect_quote_and_end();
}

#[test]
fn w21_to_w23_the_third_insufficient_solution_closes_the_connection() {
    let server = start(&[]);
    let mut client = server.connect();
    let received = client.request_challenge();
    for _ in 0..2 {
        client.send(&received.nearly_solved());
        assert_eq!(client.expect_error("INSUFFICIENT_WORK")["retryable"], true);
    }
    // Three bits more than required, after two insufficient solutions.
    let more = counter(&received.bytes, |bits| bits >= u32::from(received.token.difficulty) + 3);
    client.send(&solution(&received.text, more));
    client.expect_quote_and_end();

    let mut client = server.connect();
    let received = client.request_challenge();
    for _ in 0..2 {
        client.send(&received.nearly_solved());
        client.expect_error("INSUFFICIENT_WORK");
    }
    client.send(&received.nearly_solved());
    client.expect_error_and_end("TOO_MANY_ATTEMPTS");
}

#[test]
fn w25_and_w26_a_challenge_can_be_spent_once() {
    let server = start(&[]);
    let received = server.connect().request_challenge();
    let mut client = server.connect();
    client.send(&received.solved());
    client.expect_quote_and_end();
    let first = counter(&received.bytes, |bits| bits >= 8);
    let mut search =
        (first + 1..).filter(|&counter| protocol::wisdom::proof::zero_bits(&received.bytes, counter) >= 8);
    for counter in [first, search.next().unwrap()] {
        let mut client = server.connect();
        client.send(&solution(&received.text, counter));
        client.expect_error_and_end("REPLAYED");
    }
}

#[test]
fn w27_one_of_64_simultaneous_equal_solutions_returns_a_quotation() {
    assert_eq!(rounds_of_equal_solutions(50), 50);
}

#[test]
#[ignore = "it takes long; `cargo ci bench` runs it in an optimized build"]
fn w27_a_thousand_times() {
    println!("rounds 1000 right {}", rounds_of_equal_solutions(1000));
}

/// Sends the same solution on 64 connections in each round. Returns the number of rounds in which exactly one client
/// received a quotation and all others `REPLAYED`.
fn rounds_of_equal_solutions(rounds: usize) -> usize {
    const CLIENTS: usize = 64;
    let server = start(&["--threads", "4"]);
    let is_right = |_: &usize| {
        let solved = server.connect().request_challenge().solved();
        let barrier = Barrier::new(CLIENTS);
        let ask = |mut client: Client| {
            barrier.wait();
            client.send(&solved);
            let (kind, fields) = client.read_frame();
            client.expect_to_end(b"");
            assert!(kind == QUOTE || fields["code"] == "REPLAYED", "{fields}");
            kind == QUOTE
        };
        // Before the threads start: a client that fails to connect would block the others at the barrier.
        let clients: Vec<Client> = (0..CLIENTS).map(|_| server.connect()).collect();
        let quotes = std::thread::scope(|scope| {
            let threads: Vec<_> = clients.into_iter().map(|client| scope.spawn(|| ask(client))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("each client receives its reply"))
                .filter(|got| *got)
                .count()
        });
        quotes == 1
    };
    (0..rounds).filter(is_right).count()
}

/// Frames after the final reply are not answered.
#[test]
fn nothing_follows_a_quotation() {
    let server = start(&[]);
    let received = server.connect().request_challenge();
    let other = server.connect().request_challenge();
    let mut client = server.connect();
    client.send(&[received.solved(), other.solved()].concat());
    client.expect_quote_and_end();
    // The second challenge was not spent.
    let mut client = server.connect();
    client.send(&other.solved());
    client.expect_quote_and_end();
}
