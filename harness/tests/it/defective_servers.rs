//! Defective servers: each is detected, with the correct clause and exit code.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use protocol::index::wire::Reply;

use crate::support::{Act, HarnessOutput, Server, harness, replay, replay_tiny, send};

/// Replays with one client, so that the output is deterministic.
fn judged(addr: SocketAddr) -> HarnessOutput {
    replay_tiny(addr, &["--concurrency", "1"])
}

#[track_caller]
fn is_caught(output: &HarnessOutput, clause: &str) {
    assert_eq!(output.status, 1, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains(&format!("  clause       {clause}: ")), "{}", output.stdout);
    let last = output.stdout.lines().last().unwrap();
    assert!(last.starts_with(&format!("FAIL {clause} (")), "{}", output.stdout);
}

#[test]
fn a_reply_that_is_not_ok_fail_or_error() {
    let addr =
        Server::new(|received| if received.number == 3 { send("MAYBE\n") } else { received.correct_act() })
            .start();
    let output = judged(addr);
    is_caught(&output, "A1");
    assert_snapshot!(output.redacted());
}

#[test]
fn a_late_reply() {
    let addr = Server::new(|received| {
        if received.line.starts_with("QUERY|gmp") { Act::Ignore } else { received.correct_act() }
    })
    .start();
    let output = replay_tiny(addr, &["--concurrency", "1", "--timeout", "0.3"]);
    is_caught(&output, "A1");
    assert_snapshot!(output.redacted());
}

#[test]
fn unsolicited_bytes() {
    let addr =
        Server::new(|received| if received.number == 2 { send("OK\nOK\n") } else { received.correct_act() })
            .start();
    let output = judged(addr);
    is_caught(&output, "A1");
    assert_snapshot!(output.redacted());
}

#[test]
fn unsolicited_bytes_after_the_last_reply() {
    let mut server = Server::correct();
    server.at_end = Box::new(|mut stream| _ = stream.write_all(b"BYE\n"));
    is_caught(&judged(server.start()), "A1");
}

#[test]
fn an_unsolicited_error_after_the_first_reply_to_a_query() {
    let addr = Server::new(|received| {
        let is_first_query = received.line.starts_with("QUERY") && received.number == 0;
        if is_first_query { send("OK\nERROR\n") } else { received.correct_act() }
    });
    let output = replay_tiny(addr.start(), &["--concurrency", "5"]);
    is_caught(&output, "A1");
    assert!(output.stdout.contains("step 3 verify indexed"), "{}", output.stdout);
}

/// More than a hundred clients excuse no violation that is unrelated to the number of clients.
#[test]
fn violations_unrelated_to_the_number_of_clients_are_reported_with_101_clients() {
    let wide = |addr: SocketAddr| {
        let flags = ["--concurrency", "101", "--timeout", "3", "--unluckiness", "100", "--seed", "1"];
        replay(&[&["--addr", &addr.to_string()][..], &flags].concat())
    };
    let always_error = Server::new(|received| {
        if received.line.starts_with("QUERY") { send("ERROR\n") } else { received.correct_act() }
    });
    is_caught(&wide(always_error.start()), "S5");
    assert_eq!(wide(Server::new(|_| Act::Close).start()).status, 1);
    let mut banner = Server::correct();
    banner.greet = Box::new(|mut stream, _| stream.write_all(b"ERROR\n").is_ok());
    assert_eq!(wide(banner.start()).status, 1);
}

#[test]
fn an_endless_reply() {
    let addr = Server::new(|_| Act::Send(vec![b'x'; 1 << 20])).start();
    let output = judged(addr);
    is_caught(&output, "A1");
    assert!(output.stdout.contains("actual       xxxx"), "{}", output.stdout);
}

#[test]
fn an_unsolicited_error_on_a_connection_that_stays_open() {
    let addr = Server::new(
        |received| if received.number == 2 { send("OK\nERROR\n") } else { received.correct_act() },
    )
    .start();
    let output = judged(addr);
    is_caught(&output, "A1");
    assert!(output.stdout.contains("unsolicited bytes after the reply to a request"), "{}", output.stdout);
}

#[test]
fn a_greeting() {
    let mut server = Server::correct();
    server.greet = Box::new(|mut stream, _| {
        stream.write_all(b"hello\n").unwrap();
        true
    });
    let output = judged(server.start());
    assert_eq!(output.status, 1, "{}", output.stdout);
    // The greeting arrives before or after the first request, and the clause depends on that.
    let is_named =
        ["F1", "A1"].iter().any(|clause| output.stdout.contains(&format!("  clause       {clause}: ")));
    assert!(is_named && output.stdout.contains(r"actual       hello\n"), "{}", output.stdout);
}

/// A target that refuses a client must close the connection. ERROR without a close is a violation for any number of
/// clients.
#[test]
fn an_error_without_a_close() {
    let first_only = |received: &crate::support::ReceivedLine<'_>| {
        if received.number == 0 { send("ERROR\n") } else { Act::Ignore }
    };
    let addr = Server::new(first_only).start().to_string();
    let output = replay(&["--addr", &addr, "--concurrency", "101", "--timeout", "0.5", "--seed", "1"]);
    is_caught(&output, "S3");
}

#[test]
fn a_connection_closed_in_the_middle() {
    let addr = Server::new(|received| if received.number == 5 { Act::Close } else { received.correct_act() })
        .start();
    let output = judged(addr);
    is_caught(&output, "A3");
    assert_snapshot!(output.redacted());
}

#[test]
fn a_reply_without_a_line_end() {
    let addr = Server::new(|received| if received.number == 1 { send("OK") } else { received.correct_act() })
        .start();
    let output = replay_tiny(addr, &["--concurrency", "1", "--timeout", "0.3"]);
    is_caught(&output, "A1");
    assert_snapshot!(output.redacted());
}

#[test]
fn a_broken_line_taken_for_a_request() {
    let fields = |line: &str| line.starts_with("INDEX|emacs");
    let command = |line: &str| line.ends_with("|a|b");
    let addr = Server::new(
        move |received| if fields(received.line) { send("OK\n") } else { received.correct_act() },
    )
    .start();
    is_caught(&replay_tiny(addr, &["--concurrency", "1", "--unluckiness", "100"]), "R1");
    let addr = Server::new(
        move |received| if command(received.line) { send("FAIL\n") } else { received.correct_act() },
    )
    .start();
    is_caught(&replay_tiny(addr, &["--concurrency", "1", "--unluckiness", "100"]), "R2");
}

#[test]
fn a_valid_request_answered_error() {
    let addr = Server::new(|received| {
        if received.line.starts_with("INDEX|isl|") { send("ERROR\n") } else { received.correct_act() }
    })
    .start();
    let output = judged(addr);
    is_caught(&output, "S1");
    assert_snapshot!(output.redacted());
}

#[test]
fn a_package_that_is_always_refused() {
    let addr = Server::new(|received| {
        if received.line.starts_with("INDEX|isl|") { send("FAIL\n") } else { received.correct_act() }
    })
    .start();
    for concurrency in ["1", "4", "40"] {
        let output = replay_tiny(addr, &["--concurrency", concurrency]);
        is_caught(&output, "S1");
        assert!(output.stdout.contains(r"sent         INDEX|isl|gmp,pkg-config\n"), "{}", output.stdout);
    }
    assert_snapshot!(judged(addr).redacted());
}

#[test]
fn a_package_that_cannot_be_removed() {
    // In step 1, packages of earlier users could be the reason, so refusals are allowed until a package was indexed.
    let is_kept = |received: &crate::support::ReceivedLine<'_>| {
        received.line == "REMOVE|node|" && received.repeated > 0
    };
    let addr =
        Server::new(move |received| if is_kept(received) { send("FAIL\n") } else { received.correct_act() })
            .start();
    let output = judged(addr);
    is_caught(&output, "S3");
    assert!(output.stdout.contains(r"sent         REMOVE|node|\n"), "{}", output.stdout);
}

#[test]
fn packages_of_earlier_users_are_no_violation() {
    let addr =
        Server::new(
            |received| if received.line == "REMOVE|zlib|" { send("FAIL\n") } else { received.correct_act() },
        )
        .start();
    let output = judged(addr);
    assert_eq!(output.status, 3, "{}", output.stdout);
    assert_snapshot!(output.redacted());
}

#[test]
fn queries_with_a_constant_reply() {
    let always = |reply: &'static str| {
        Server::new(
            move |received| {
                if received.line.starts_with("QUERY") { send(reply) } else { received.correct_act() }
            },
        )
        .start()
    };
    let output = judged(always("OK\n"));
    is_caught(&output, "S5");
    assert!(output.stdout.contains("step 5 verify removed"), "{}", output.stdout);
    let output = judged(always("FAIL\n"));
    is_caught(&output, "S5");
    assert!(output.stdout.contains("step 3 verify indexed"), "{}", output.stdout);
}

#[test]
fn an_index_that_loses_packages() {
    let addr = Server::new(|received| match received.correct_reply {
        Reply::Ok if received.line.starts_with("QUERY|node") => send("FAIL\n"),
        _ => received.correct_act(),
    })
    .start();
    is_caught(&judged(addr), "S5");
}

/// The target may serve no new client after the run either (A4).
#[track_caller]
fn refuses_clients(output: &HarnessOutput) {
    assert_eq!(output.status, 1, "{}{}", output.stdout, output.stderr);
    let last = output.stdout.lines().last().unwrap();
    assert!(last.starts_with("FAIL ") && last.contains("C1 (1)"), "{}", output.stdout);
}

#[test]
fn clients_beyond_the_fifth_are_not_served() {
    let addr =
        Server::new(|received| if received.connection >= 5 { Act::Ignore } else { received.correct_act() })
            .start();
    refuses_clients(&replay_tiny(addr, &["--concurrency", "10", "--timeout", "0.5"]));
}

#[test]
fn clients_beyond_the_fifth_are_refused() {
    let mut server = Server::correct();
    server.greet = Box::new(|_, connection| connection < 5);
    let output = replay_tiny(server.start(), &["--concurrency", "10"]);
    refuses_clients(&output);
}

#[test]
fn a_server_that_terminates() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        // The first connection only checks whether the server is reachable.
        let _ = listener.accept().unwrap();
        let (stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut replies = &stream;
        for _line in BufReader::new(&stream).lines() {
            let _ = replies.write_all(b"OK\n");
        }
    });
    is_caught(&judged(addr), "A4");
}

#[test]
fn a_server_of_another_protocol() {
    for (greeting, name) in [
        ("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "HTTP"),
        ("\x15\x03\x01\x00\x02\x02\x46", "TLS"),
        ("SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"),
    ] {
        let addr = Server::new(move |_| send(greeting)).start();
        let output = replay_tiny(addr, &["--concurrency", "10", "--timeout", "0.5"]);
        assert_eq!(output.status, 4, "{}{}", output.stdout, output.stderr);
        assert!(
            output.stdout.contains(&format!("the target speaks {name}, not the package index")),
            "{}",
            output.stdout
        );
    }
}

#[test]
fn a_server_that_never_replies_fails_within_the_deadline() {
    let addr = Server::new(|_| Act::Ignore).start();
    let begun = Instant::now();
    let output = replay_tiny(addr, &["--concurrency", "100", "--timeout", "1"]);
    is_caught(&output, "A1");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_matrix_shows_a_run_that_did_not_pass() {
    let addr = Server::new(|received| {
        if received.line.starts_with("QUERY|gmp") { send("FAIL\n") } else { received.correct_act() }
    });
    assert_snapshot!(replay_tiny(addr.start(), &["--concurrency", "1,2"]).redacted_with_counts());
}

#[test]
fn a_server_too_slow_for_the_deadline_is_unknown() {
    let addr = Server::new(|received| {
        thread::sleep(Duration::from_millis(100));
        received.correct_act()
    })
    .start();
    let output = replay_tiny(addr, &["--concurrency", "1", "--deadline", "1"]);
    assert_eq!(output.status, 3, "{}", output.stdout);
    assert!(output.stdout.contains("--deadline allows more"), "{}", output.stdout);
}

/// Runs a case with thousands of requests: again if a busy machine made the target seem too slow for it, and only then.
fn many_requests(addr: SocketAddr, timeout: &str) -> HarnessOutput {
    const ATTEMPTS: usize = 5;
    let flags = ["--addr", &addr.to_string(), "--only", "index/S3/6", "--seed", "1", "--timeout", timeout];
    let mut outputs = (0..ATTEMPTS).map(|_| harness(&flags));
    let was_run = |output: &HarnessOutput| !output.stdout.contains("requests per second, which is too slow");
    outputs.find(was_run).expect("the case runs at least once in some attempts")
}

/// The time for a case is longer than the time for a reply.
#[test]
fn a_reply_that_is_missing_in_a_case_with_many_requests() {
    let addr = Server::new(|received| {
        let is_swallowed = received.line.starts_with("REMOVE|") && received.line.contains("n700|");
        if is_swallowed { Act::Ignore } else { received.correct_act() }
    })
    .start();
    let output = many_requests(addr, "9");
    assert_eq!(output.status, 1, "{}{}", output.stdout, output.stderr);
}

/// The names of the abandoned case are removed.
#[test]
fn a_case_that_is_abandoned_is_unknown_and_leaves_no_packages() {
    let indexed = Arc::new(Mutex::new(BTreeSet::new()));
    let names = Arc::clone(&indexed);
    let addr = Server::new(move |received| {
        let fields: Vec<&str> = received.line.split('|').collect();
        if let (["INDEX", name, dependencies], Reply::Ok) = (&fields[..], received.correct_reply) {
            names.lock().unwrap().insert(name.to_string());
            if !dependencies.is_empty() {
                thread::sleep(Duration::from_millis(900));
            }
        }
        received.correct_act()
    })
    .start();
    let output = many_requests(addr, "2");
    assert_eq!(output.status, 3, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("the target is too slow for this case"), "{}", output.stdout);
    let mut client = BufReader::new(TcpStream::connect(addr).unwrap());
    let names = indexed.lock().unwrap().clone();
    assert!(names.len() > 100, "{names:?}");
    for name in names {
        client.get_mut().write_all(format!("QUERY|{name}|\n").as_bytes()).unwrap();
        let mut reply = String::new();
        client.read_line(&mut reply).unwrap();
        assert_eq!(reply, "FAIL\n", "{name}");
    }
}

#[test]
fn too_many_rounds_of_a_client_are_unknown() {
    // The server refuses each package a few times, so that progress is slow.
    let addr = Server::new(|received| {
        let is_refused = received.line.starts_with("REMOVE") && received.repeated < 5;
        if is_refused { send("FAIL\n") } else { received.correct_act() }
    })
    .start();
    let output = replay_tiny(addr, &["--concurrency", "1", "--rounds-max", "1"]);
    assert_eq!(output.status, 3, "{}", output.stdout);
}

#[test]
fn a_server_that_expects_crlf_is_told_so() {
    let server = Server::new(|received| send(if received.line.ends_with('\r') { "OK\n" } else { "ERROR\n" }));
    let output = harness(&["--addr", &server.start().to_string(), "--seed", "1", "--only", "S*,F7"]);
    assert_eq!(output.status, 1, "{output:?}");
    let lines: Vec<&str> = output.stdout.lines().collect();
    let hint =
        lines.iter().position(|line| line.starts_with("hint: every request is answered ERROR")).unwrap();
    assert_eq!(hint, lines.len() - 3, "{output:?}");
}
