//! The client `wisdom` against a server that says what the test wants it to.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::process::Output;

use assert_cmd::Command;
use protocol::wisdom::messages::{Challenge, Code, QUOTE_BYTES_MAX, Quotation, Refusal, Response, Source};
use protocol::wisdom::token::Token;
use serde_json::Value;

use crate::scripted::{Scripted, Step, step, token};
use crate::support::PATIENCE;

fn wisdom(arguments: &[&str]) -> Output {
    Command::cargo_bin("wisdom").unwrap().args(arguments).timeout(2 * PATIENCE).output().unwrap()
}

/// A connection on which all goes well.
fn sale() -> Step {
    step(|peer| {
        peer.sell(&token(1));
        peer.give();
    })
}

/// Runs the client against these steps, and holds that it makes as many connections.
fn run(steps: Vec<Step>, flags: &[&str]) -> Output {
    let client = |addr: SocketAddr| wisdom(&[&["get", "--addr", &addr.to_string()], flags].concat());
    Scripted::start(steps).run(client)
}

/// Runs the client against these steps, and holds its exit status and that it says nothing else than one line.
#[track_caller]
fn complaint(steps: Vec<Step>, flags: &[&str]) -> String {
    let output = run(steps, flags);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    one_line(output)
}

#[track_caller]
fn one_line(output: Output) -> String {
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    said.trim_end().to_owned()
}

#[track_caller]
fn expect_one(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "It \u{fffd}is.\n  — Nobody (cache)\n");
    assert!(output.stderr.is_empty(), "nothing is drawn where there is no terminal");
}

#[test]
fn a_quotation_is_paid_for_and_printed() {
    expect_one(&run(vec![sale()], &[]));
    let output = run(vec![sale(), sale()], &["--count", "2", "--json", "--threads", "3"]);
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
fn it_tries_again_where_that_can_help() {
    let busy = step(|peer| {
        // A server without room may say so before it is asked.
        let refusal = Refusal { retry_after_ms: Some(1), ..Code::ServerBusy.into() };
        peer.say(&Response::Error(refusal));
        peer.stream.shutdown(Shutdown::Write).unwrap();
        let _ = peer.stream.read_to_end(&mut Vec::new());
    });
    let closed = step(|peer| {
        peer.request();
    });
    expect_one(&run(vec![busy, closed, sale()], &[]));
}

#[test]
fn it_gives_up_after_five_tries() {
    let busy = || {
        step(|peer| {
            peer.request();
            peer.refuse(Code::RateLimited);
        })
    };
    let said = complaint((0..5).map(|_| busy()).collect(), &[]);
    assert_eq!(
        said,
        "wisdom: the server refused: RATE_LIMITED: too many requests from this address (at the last of 5 tries)"
    );
}

#[test]
fn it_does_not_wait_beyond_its_time() {
    let later = step(|peer| {
        peer.request();
        peer.say(&Response::Error(Refusal { retry_after_ms: Some(u64::MAX), ..Code::ServerBusy.into() }));
    });
    assert_eq!(complaint(vec![later], &[]), "wisdom: the server refused: SERVER_BUSY: the server is busy");
    let silent = step(|peer| {
        peer.request();
        // It has gone when this ends.
        let _ = peer.stream.read_to_end(&mut Vec::new());
    });
    assert_eq!(complaint(vec![silent], &["--timeout", "1"]), "wisdom: the server does not answer in time");
}

#[test]
fn it_solves_no_longer_than_its_time() {
    let hard = step(|peer| {
        peer.request();
        peer.say(&Response::Challenge(Challenge::of(&Token { difficulty: 26, ..token(1) })));
    });
    assert_eq!(
        complaint(vec![hard], &["--timeout", "1"]),
        "wisdom: the challenge was not solved in the time that there is"
    );
}

#[test]
fn what_cannot_become_better_is_tried_once() {
    let refusing = step(|peer| {
        peer.sell(&token(1));
        let message = "no\u{1b}[2J\nmore".into();
        peer.say(&Response::Error(Refusal { message, ..Code::TooManyAttempts.into() }));
    });
    assert_eq!(
        complaint(vec![refusing], &[]),
        "wisdom: the server refused: TOO_MANY_ATTEMPTS: no\u{fffd}[2J\u{fffd}more"
    );
    let misplacing = step(|peer| {
        peer.request();
        peer.give();
    });
    assert_eq!(
        complaint(vec![misplacing], &[]),
        "wisdom: the server answered with a quotation, which has no place there"
    );
}

#[test]
fn too_much_work_is_refused() {
    let asking = |difficulty: u8| {
        step(move |peer| {
            peer.request();
            peer.say(&Response::Challenge(Challenge::of(&Token { difficulty, ..token(1) })));
        })
    };
    assert_eq!(
        complaint(vec![asking(27)], &[]),
        "wisdom: the challenge asks for 27 zero bits, and at most 26 are worked for"
    );
    assert_eq!(
        complaint(vec![asking(6)], &["--max-difficulty", "5"]),
        "wisdom: the challenge asks for 6 zero bits, and at most 5 are worked for"
    );
}

#[test]
fn a_challenge_that_contradicts_its_token_is_not_worked_for() {
    let lying = step(|peer| {
        peer.request();
        let honest = Challenge::of(&Token { difficulty: 26, ..token(1) });
        peer.say(&Response::Challenge(Challenge { difficulty: 6, ..honest }));
    });
    assert_eq!(complaint(vec![lying], &[]), "wisdom: the challenge contradicts its token: difficulty");
}

#[test]
fn what_is_not_the_protocol_is_said_and_not_tried_again() {
    for (bytes, why) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "the frame does not begin with WW"),
        (b"\0\0garbage", "the frame does not begin with WW"),
        (b"WW\x02\x02\0\0\0\0", "version 2 is not supported"),
        (b"WW\x01\x02\xff\xff\xff\xff", "the payload is longer than 4096 bytes"),
        (b"WW\x01\x02\0\0\0\x02{}", "the payload is not one JSON object with the fields of a challenge"),
    ] {
        let speaking = step(move |peer| {
            peer.request();
            peer.stream.write_all(bytes).unwrap();
        });
        let said = complaint(vec![speaking], &[]);
        assert_eq!(said, format!("wisdom: the server does not speak WOW/1: {why}"));
    }
}

#[test]
fn another_challenge_is_asked_for_when_one_has_expired() {
    let short = step(|peer| {
        peer.request();
        let token = Token { difficulty: 26, ttl_ms: 1, ..token(1) };
        peer.say(&Response::Challenge(Challenge::of(&token)));
    });
    let expired = step(|peer| {
        peer.sell(&token(2));
        peer.refuse(Code::ChallengeExpired);
    });
    let output = run(vec![short, expired, sale()], &[]);
    expect_one(&output);
}

#[test]
fn a_solution_that_was_not_taken_is_offered_again() {
    let lost = step(|peer| {
        peer.sell(&token(1));
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
        peer.sell(&token(2));
        peer.give();
    });
    expect_one(&run(vec![lost, busy, spent, other], &[]));
}

#[test]
fn a_quotation_beyond_the_limit_is_none() {
    let long = step(|peer| {
        peer.sell(&token(1));
        let quote = "x".repeat(QUOTE_BYTES_MAX + 1);
        peer.say(&Response::Quote(Quotation { quote, author: "A".into(), source: Source::Api }));
    });
    assert_eq!(
        complaint(vec![long], &[]),
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
        &["get", "--addr", ":1"],
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
fn help_names_flags_and_exit_statuses() {
    let texts = [&["--help"][..], &["get", "--help"], &["bench", "--help"]].map(|arguments| {
        let output = wisdom(arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    });
    insta::assert_snapshot!(texts.join("\n----\n\n"));
}
