//! `wisdom get` and `wisdom bench` against a scripted server.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::process::Output;

use assert_cmd::Command;
use protocol::wisdom::messages::{Challenge, Code, QUOTE_BYTES_MAX, Quotation, Refusal, Response, Source};
use protocol::wisdom::token::Token;
use serde_json::Value;

use crate::scripted::{Scripted, Step, step, token};
use crate::support::WAIT_MAX;

fn wisdom(arguments: &[&str]) -> Output {
    Command::cargo_bin("wisdom").unwrap().args(arguments).timeout(2 * WAIT_MAX).output().unwrap()
}

/// A connection that returns a quotation.
fn success() -> Step {
    step(|peer| {
        peer.expect_solution_of(&token(1));
        peer.send_quotation();
    })
}

/// Runs the client against these steps, and checks that it makes as many connections.
fn run(steps: Vec<Step>, flags: &[&str]) -> Output {
    let client = |addr: SocketAddr| wisdom(&[&["get", "--addr", &addr.to_string()], flags].concat());
    Scripted::start(steps).run(client)
}

/// Runs the client against these steps, and returns its error, which must be one line with exit status 1.
#[track_caller]
fn failure(steps: Vec<Step>, flags: &[&str]) -> String {
    let output = run(steps, flags);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    one_line(output)
}

#[track_caller]
fn one_line(output: Output) -> String {
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message.lines().count(), 1, "{message}");
    message.trim_end().to_owned()
}

#[track_caller]
fn expect_one(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "It \u{fffd}is.\n  — Nobody (cache)\n");
    assert!(output.stderr.is_empty(), "the progress bar is drawn on a terminal only");
}

#[test]
fn a_quotation_is_obtained_and_printed() {
    expect_one(&run(vec![success()], &[]));
    let output = run(vec![success(), success()], &["--count", "2", "--json", "--threads", "3"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), 2);
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["quote"], &line["author"]), (&"It \u{1b}is.".into(), &"Nobody".into()));
        assert_eq!((&line["source"], &line["difficulty"]), (&"cache".into(), &6.into()));
        assert!(line["hashes"].as_u64().unwrap() > 0 && line["solve_ms"].is_u64());
    }
}

#[test]
fn retryable_failures_are_retried() {
    let busy = step(|peer| {
        // A server may refuse a connection before the request.
        let refusal = Refusal { retry_after_ms: Some(1), ..Code::ServerBusy.into() };
        peer.send(&Response::Error(refusal));
        peer.stream.shutdown(Shutdown::Write).unwrap();
        let _ = peer.stream.read_to_end(&mut Vec::new());
    });
    let closed = step(|peer| {
        peer.request();
    });
    expect_one(&run(vec![busy, closed, success()], &[]));
}

#[test]
fn the_client_gives_up_after_five_attempts() {
    let busy = || {
        step(|peer| {
            peer.request();
            peer.refuse(Code::RateLimited);
        })
    };
    let message = failure((0..5).map(|_| busy()).collect(), &[]);
    assert_eq!(
        message,
        "wisdom: the server refused: RATE_LIMITED: too many requests from this address (after 5 attempts)"
    );
}

#[test]
fn the_client_does_not_wait_beyond_its_time_limit() {
    let later = step(|peer| {
        peer.request();
        peer.send(&Response::Error(Refusal { retry_after_ms: Some(u64::MAX), ..Code::ServerBusy.into() }));
    });
    assert_eq!(failure(vec![later], &[]), "wisdom: the server refused: SERVER_BUSY: the server is busy");
    let silent = step(|peer| {
        peer.request();
        // The client has left when this call returns.
        let _ = peer.stream.read_to_end(&mut Vec::new());
    });
    assert_eq!(failure(vec![silent], &["--timeout", "1"]), "wisdom: the server did not answer in time");
}

#[test]
fn solving_ends_at_the_time_limit() {
    // An optimized build solves this challenge in about a second.
    let hard = step(|peer| {
        peer.request();
        peer.send(&Response::Challenge(Challenge::of(&Token { difficulty: 26, ..token(1) })));
    });
    assert_eq!(
        failure(vec![hard], &["--timeout", "0.2"]),
        "wisdom: the challenge was not solved within the time limit"
    );
}

#[test]
fn permanent_failures_are_not_retried() {
    let refusing = step(|peer| {
        peer.expect_solution_of(&token(1));
        let message = "no\u{1b}[2J\nmore".into();
        peer.send(&Response::Error(Refusal { message, ..Code::TooManyAttempts.into() }));
    });
    assert_eq!(
        failure(vec![refusing], &[]),
        "wisdom: the server refused: TOO_MANY_ATTEMPTS: no\u{fffd}[2J\u{fffd}more"
    );
    let unexpected = step(|peer| {
        peer.request();
        peer.send_quotation();
    });
    assert_eq!(
        failure(vec![unexpected], &[]),
        "wisdom: the server sent a quotation, which is not permitted here"
    );
}

#[test]
fn a_difficulty_above_the_limit_is_refused() {
    let requiring = |difficulty: u8| {
        step(move |peer| {
            peer.request();
            peer.send(&Response::Challenge(Challenge::of(&Token { difficulty, ..token(1) })));
        })
    };
    assert_eq!(
        failure(vec![requiring(27)], &[]),
        "wisdom: the challenge requires 27 zero bits, and the limit is 26"
    );
    assert_eq!(
        failure(vec![requiring(6)], &["--max-difficulty", "5"]),
        "wisdom: the challenge requires 6 zero bits, and the limit is 5"
    );
}

#[test]
fn a_challenge_that_contradicts_its_token_is_not_solved() {
    let lying = step(|peer| {
        peer.request();
        let honest = Challenge::of(&Token { difficulty: 26, ..token(1) });
        peer.send(&Response::Challenge(Challenge { difficulty: 6, ..honest }));
    });
    assert_eq!(failure(vec![lying], &[]), "wisdom: the challenge contradicts its token: difficulty");
}

#[test]
fn invalid_messages_are_reported_and_not_retried() {
    for (bytes, why) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "the frame does not begin with WW"),
        (b"\0\0garbage", "the frame does not begin with WW"),
        (b"WW\x02\x02\0\0\0\0", "version 2 is not supported"),
        (b"WW\x01\x02\xff\xff\xff\xff", "the payload is longer than 4096 bytes"),
        (b"WW\x01\x02\0\0\0\x02{}", "the payload is not one JSON object with the fields of a challenge"),
    ] {
        let malformed = step(move |peer| {
            peer.request();
            peer.stream.write_all(bytes).unwrap();
        });
        let message = failure(vec![malformed], &[]);
        assert_eq!(message, format!("wisdom: the server does not speak WOW/1: {why}"));
    }
}

#[test]
fn an_expired_challenge_is_replaced() {
    let short = step(|peer| {
        peer.request();
        let token = Token { difficulty: 26, ttl_ms: 1, ..token(1) };
        peer.send(&Response::Challenge(Challenge::of(&token)));
    });
    let expired = step(|peer| {
        peer.expect_solution_of(&token(2));
        peer.refuse(Code::ChallengeExpired);
    });
    let output = run(vec![short, expired, success()], &[]);
    expect_one(&output);
}

#[test]
fn an_unanswered_solution_is_sent_again() {
    let lost = step(|peer| {
        peer.expect_solution_of(&token(1));
    });
    let busy = step(|peer| {
        assert_eq!(peer.solution().token, token(1).bytes());
        peer.refuse(Code::ServerBusy);
    });
    let spent = step(|peer| {
        assert_eq!(peer.solution().token, token(1).bytes());
        peer.refuse(Code::Replayed);
    });
    let other = step(|peer| {
        peer.expect_solution_of(&token(2));
        peer.send_quotation();
    });
    expect_one(&run(vec![lost, busy, spent, other], &[]));
}

#[test]
fn a_quotation_above_the_limit_is_refused() {
    let long = step(|peer| {
        peer.expect_solution_of(&token(1));
        let quote = "x".repeat(QUOTE_BYTES_MAX + 1);
        peer.send(&Response::Quote(Quotation { quote, author: "A".into(), source: Source::Api }));
    });
    assert_eq!(
        failure(vec![long], &[]),
        "wisdom: the server does not speak WOW/1: the quotation has more than 2048 bytes"
    );
}

#[test]
fn an_address_without_a_server_is_exit_status_4() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = wisdom(&["get", "--addr", &nobody, "--timeout", "0.5"]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(one_line(output).starts_with(&format!("wisdom: cannot reach {nobody}: ")));
}

#[test]
fn a_wrong_flag_is_exit_status_2() {
    for arguments in [
        &[][..],
        &["get", "--addr", "localhost"],
        &["get", "--addr", ":port"],
        &["get", "--count", "0"],
        &["get", "--max-difficulty", "27"],
        &["get", "--threads", "0"],
        &["get", "--timeout", "0"],
        &["bench", "--seconds", "nan"],
    ] {
        let output = wisdom(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn the_rate_of_solving_is_measured() {
    let output = wisdom(&["bench", "--seconds", "0.05", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let rates: Value = serde_json::from_slice(&output.stdout).unwrap();
    for name in ["cores", "one_core_hashes_per_s", "all_cores_hashes_per_s"] {
        assert!(rates[name].as_u64().unwrap() > 0, "{rates}");
    }
    let output = wisdom(&["bench", "--seconds", "0.05"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains(" hashes/s on ")).count(), 2, "{text}");
}

#[test]
fn help_texts() {
    let texts = [
        &["--help"][..],
        &["serve", "--help"],
        &["health", "--help"],
        &["config", "--help"],
        &["get", "--help"],
        &["bench", "--help"],
    ]
    .map(|arguments| {
        let output = wisdom(arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    });
    insta::assert_snapshot!(texts.join("\n----\n\n"));
}
