//! Who gets a quotation, and how often: W01 to W03, W16 to W18, W21 to W23, W25 to W27.

use std::sync::Barrier;

use protocol::wisdom::token::to_base64url;

use super::client::{QUOTE, connect_from, counter, solution};
use super::{start, start_with_environment};
use crate::binary::{command, start_command};
use crate::support::Client;

#[test]
fn w01_a_challenge_says_what_its_token_says() {
    let server = start(&["--ttl", "30"]);
    let given = server.connect().ask_for_challenge();
    let (token, fields) = (given.token, &given.fields);
    assert_eq!((token.version, token.algorithm, token.difficulty), (1, 1, 8));
    assert_eq!(token.ttl_ms, 30_000);
    assert_eq!(fields["alg"], "sha256-lz");
    assert_eq!(fields["difficulty"], 8);
    assert_eq!(fields["issued_at_ms"], token.issued_ms);
    assert_eq!(fields["expires_at_ms"], token.issued_ms + 30_000);
    assert_eq!(fields.as_object().unwrap().len(), 5);
}

#[test]
fn w02_and_w03_a_solution_brings_a_quotation_on_any_connection() {
    let server = start(&[]);
    let mut client = server.connect();
    let given = client.ask_for_challenge();
    client.send(&given.solved());
    let quote = client.expect_quote_and_end();
    assert!((1..=2048).contains(&quote["quote"].as_str().unwrap().len()), "{quote}");
    assert!(!quote["author"].as_str().unwrap().is_empty(), "{quote}");
    assert_eq!(quote["source"], "fallback");

    let elsewhere = server.connect().ask_for_challenge();
    let mut client = server.connect();
    client.send(&elsewhere.solved());
    client.expect_quote_and_end();
}

#[test]
fn w16_a_token_of_which_a_bit_was_changed_brings_nothing() {
    let server = start(&[]);
    let given = server.connect().ask_for_challenge();
    for bit in 0..512 {
        let mut flipped = given.bytes;
        flipped[bit / 8] ^= 1 << (bit % 8);
        let difficulty = u32::from(flipped[2]);
        // Nobody can do the work for more than this.
        let found = if difficulty <= 12 { counter(&flipped, |bits| bits >= difficulty) } else { 0 };
        let mut client = server.connect();
        client.send(&solution(&to_base64url(&flipped), found));
        client.expect_error_and_end("INVALID_SIGNATURE");
    }
    let mut client = server.connect();
    client.send(&given.solved());
    client.expect_quote_and_end();
}

#[test]
fn w17_a_token_is_for_the_address_that_got_it() {
    for (binds, is_honoured) in [("true", false), ("false", true)] {
        let server = start(&["--bind-ip", binds]);
        let given = connect_from([127, 0, 0, 2], &server.addr).ask_for_challenge();
        let mut client = server.connect();
        client.send(&given.solved());
        if is_honoured {
            client.expect_quote_and_end();
        } else {
            client.expect_error_and_end("INVALID_SIGNATURE");
            let mut client = connect_from([127, 0, 0, 2], &server.addr);
            client.send(&given.solved());
            client.expect_quote_and_end();
        }
    }
}

/// A server that listens on IPv6 sees clients of IPv4 under mapped addresses.
#[test]
fn w18_a_mapped_address_is_the_address_that_it_maps() {
    let secret = [("PACKAGE_INDEXER_SECRET", "a secret that both have")];
    let over_ipv4 = start_with_environment(&["--secret-scope", "shared"], &secret);
    let mut mapping = command();
    mapping.args(["--service", "wisdom", "--addr", "[::]:0", "--secret-scope", "shared"]).envs(secret);
    mapping.args(["--difficulty", "8", "--difficulty-min", "8"]);
    let mapping = start_command(mapping);
    let port = mapping.addr.rsplit(':').next().unwrap();
    let given = crate::binary::connect(&format!("127.0.0.1:{port}")).ask_for_challenge();
    let mut client = over_ipv4.connect();
    client.send(&given.solved());
    client.expect_quote_and_end();
}

#[test]
fn w21_to_w23_with_too_little_work_one_may_try_three_times() {
    let server = start(&[]);
    let mut client = server.connect();
    let given = client.ask_for_challenge();
    for _ in 0..2 {
        client.send(&given.nearly_solved());
        assert_eq!(client.expect_error("INSUFFICIENT_WORK")["retryable"], true);
    }
    // A bit more than enough, after two that were not.
    let more = counter(&given.bytes, |bits| bits >= u32::from(given.token.difficulty) + 3);
    client.send(&solution(&given.text, more));
    client.expect_quote_and_end();

    let mut client = server.connect();
    let given = client.ask_for_challenge();
    for _ in 0..2 {
        client.send(&given.nearly_solved());
        client.expect_error("INSUFFICIENT_WORK");
    }
    client.send(&given.nearly_solved());
    client.expect_error_and_end("TOO_MANY_ATTEMPTS");
}

#[test]
fn w25_and_w26_a_challenge_is_solved_once() {
    let server = start(&[]);
    let given = server.connect().ask_for_challenge();
    let mut client = server.connect();
    client.send(&given.solved());
    client.expect_quote_and_end();
    let first = counter(&given.bytes, |bits| bits >= 8);
    let mut search =
        (first + 1..).filter(|&counter| protocol::wisdom::proof::zero_bits(&given.bytes, counter) >= 8);
    for counter in [first, search.next().unwrap()] {
        let mut client = server.connect();
        client.send(&solution(&given.text, counter));
        client.expect_error_and_end("REPLAYED");
    }
}

#[test]
fn w27_of_64_equal_solutions_at_once_one_brings_a_quotation() {
    assert_eq!(rounds_of_equal_solutions(50), 50);
}

#[test]
#[ignore = "takes long; `cargo ci bench` runs it, optimized"]
fn w27_a_thousand_times() {
    println!("rounds 1000 right {}", rounds_of_equal_solutions(1000));
}

/// In how many of the rounds one of 64 clients with the same solution got a quotation, and all others were told why
/// they did not.
fn rounds_of_equal_solutions(rounds: usize) -> usize {
    const CLIENTS: usize = 64;
    let server = start(&["--threads", "4"]);
    let is_right = |_: &usize| {
        let solved = server.connect().ask_for_challenge().solved();
        let barrier = Barrier::new(CLIENTS);
        let ask = |mut client: Client| {
            barrier.wait();
            client.send(&solved);
            let (kind, fields) = client.read_frame();
            client.expect_to_end(b"");
            assert!(kind == QUOTE || fields["code"] == "REPLAYED", "{fields}");
            kind == QUOTE
        };
        // Before there are threads: one that failed to connect would leave the others at the barrier.
        let clients: Vec<Client> = (0..CLIENTS).map(|_| server.connect()).collect();
        let quotes = std::thread::scope(|scope| {
            let threads: Vec<_> = clients.into_iter().map(|client| scope.spawn(|| ask(client))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("each client reads its reply"))
                .filter(|got| *got)
                .count()
        });
        quotes == 1
    };
    (0..rounds).filter(is_right).count()
}

/// Frames behind the last reply are answered by nothing.
#[test]
fn nothing_follows_a_quotation() {
    let server = start(&[]);
    let given = server.connect().ask_for_challenge();
    let other = server.connect().ask_for_challenge();
    let mut client = server.connect();
    client.send(&[given.solved(), other.solved()].concat());
    client.expect_quote_and_end();
    // And the second one was not spent.
    let mut client = server.connect();
    client.send(&other.solved());
    client.expect_quote_and_end();
}
