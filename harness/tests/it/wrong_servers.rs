//! Servers that are wrong on purpose: each is caught, with the right clause named and the right exit code.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use protocol::index::wire::Reply;

use crate::support::{Act, Said, Server, replay, replay_tiny, say};

/// One client, so that everything that is said is the same every time.
fn judged(addr: SocketAddr) -> Said {
    replay_tiny(addr, &["--concurrency", "1"])
}

#[track_caller]
fn is_caught(said: &Said, clause: &str) {
    assert_eq!(said.status, 1, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains(&format!("  clause       {clause}: ")), "{}", said.stdout);
    let last = said.stdout.lines().last().unwrap();
    assert!(last.starts_with(&format!("FAIL {clause} (")), "{}", said.stdout);
}

#[test]
fn a_reply_that_is_none_of_the_three() {
    let addr =
        Server::new(|asked| if asked.number == 3 { say("MAYBE\n") } else { asked.say_right() }).start();
    let said = judged(addr);
    is_caught(&said, "A1");
    assert_snapshot!(said.redacted());
}

#[test]
fn a_reply_too_late() {
    let addr = Server::new(
        |asked| if asked.line.starts_with("QUERY|gmp") { Act::Ignore } else { asked.say_right() },
    )
    .start();
    let said = replay_tiny(addr, &["--concurrency", "1", "--timeout", "0.3"]);
    is_caught(&said, "A1");
    assert_snapshot!(said.redacted());
}

#[test]
fn surplus_bytes() {
    let addr =
        Server::new(|asked| if asked.number == 2 { say("OK\nOK\n") } else { asked.say_right() }).start();
    let said = judged(addr);
    is_caught(&said, "A1");
    assert_snapshot!(said.redacted());
}

#[test]
fn surplus_bytes_after_the_last_reply() {
    let mut server = Server::right();
    server.farewell = Box::new(|mut stream| _ = stream.write_all(b"BYE\n"));
    is_caught(&judged(server.start()), "A1");
}

#[test]
fn a_surplus_error_with_the_first_reply_to_a_query() {
    let addr = Server::new(|asked| {
        let is_first_query = asked.line.starts_with("QUERY") && asked.number == 0;
        if is_first_query { say("OK\nERROR\n") } else { asked.say_right() }
    });
    let said = replay_tiny(addr.start(), &["--concurrency", "5"]);
    is_caught(&said, "A1");
    assert!(said.stdout.contains("step 3 verify indexed"), "{}", said.stdout);
}

/// More clients than are promised to be served excuse nothing that has to do with other things.
#[test]
fn wrongs_that_have_nothing_to_do_with_a_hundred_and_one_clients() {
    let wide = |addr: SocketAddr| {
        let flags = ["--concurrency", "101", "--timeout", "3", "--unluckiness", "100", "--seed", "1"];
        replay(&[&["--addr", &addr.to_string()][..], &flags].concat())
    };
    let always_error =
        Server::new(|asked| if asked.line.starts_with("QUERY") { say("ERROR\n") } else { asked.say_right() });
    is_caught(&wide(always_error.start()), "S5");
    assert_eq!(wide(Server::new(|_| Act::HangUp).start()).status, 1);
    let mut banner = Server::right();
    banner.greet = Box::new(|mut stream, _| stream.write_all(b"ERROR\n").is_ok());
    assert_eq!(wide(banner.start()).status, 1);
}

#[test]
fn a_reply_without_end() {
    let addr = Server::new(|_| Act::Say(vec![b'x'; 1 << 20])).start();
    let said = judged(addr);
    is_caught(&said, "A1");
    assert!(said.stdout.contains("got          xxxx"), "{}", said.stdout);
}

#[test]
fn a_surplus_error_before_the_connection_goes_on() {
    let addr =
        Server::new(|asked| if asked.number == 2 { say("OK\nERROR\n") } else { asked.say_right() }).start();
    let said = judged(addr);
    is_caught(&said, "A1");
    assert!(said.stdout.contains("bytes beyond the one reply to a request"), "{}", said.stdout);
}

#[test]
fn a_greeting() {
    let mut server = Server::right();
    server.greet = Box::new(|mut stream, _| {
        stream.write_all(b"hello\n").unwrap();
        true
    });
    let said = judged(server.start());
    assert_eq!(said.status, 1, "{}", said.stdout);
    // It comes before or after the first request is sent, and is called what it then is.
    let is_named =
        ["F1", "A1"].iter().any(|clause| said.stdout.contains(&format!("  clause       {clause}: ")));
    assert!(is_named && said.stdout.contains(r"got          hello\n"), "{}", said.stdout);
}

/// A target that refuses a client closes the connection. One that says ERROR and is silent then is wrong, however many
/// clients there are.
#[test]
fn an_error_and_then_silence() {
    let first_only =
        |asked: &crate::support::Asked<'_>| if asked.number == 0 { say("ERROR\n") } else { Act::Ignore };
    let addr = Server::new(first_only).start().to_string();
    let said = replay(&["--addr", &addr, "--concurrency", "101", "--timeout", "0.5", "--seed", "1"]);
    is_caught(&said, "S3");
}

#[test]
fn a_connection_closed_in_the_middle() {
    let addr = Server::new(|asked| if asked.number == 5 { Act::HangUp } else { asked.say_right() }).start();
    let said = judged(addr);
    is_caught(&said, "A3");
    assert_snapshot!(said.redacted());
}

#[test]
fn a_reply_without_a_line_end() {
    let addr = Server::new(|asked| if asked.number == 1 { say("OK") } else { asked.say_right() }).start();
    let said = replay_tiny(addr, &["--concurrency", "1", "--timeout", "0.3"]);
    is_caught(&said, "A1");
    assert_snapshot!(said.redacted());
}

#[test]
fn a_broken_line_taken_for_a_request() {
    let fields = |line: &str| line.starts_with("INDEX|emacs");
    let command = |line: &str| line.ends_with("|a|b");
    let addr =
        Server::new(move |asked| if fields(asked.line) { say("OK\n") } else { asked.say_right() }).start();
    is_caught(&replay_tiny(addr, &["--concurrency", "1", "--unluckiness", "100"]), "R1");
    let addr =
        Server::new(move |asked| if command(asked.line) { say("FAIL\n") } else { asked.say_right() }).start();
    is_caught(&replay_tiny(addr, &["--concurrency", "1", "--unluckiness", "100"]), "R2");
}

#[test]
fn a_request_taken_for_a_broken_line() {
    let addr =
        Server::new(
            |asked| if asked.line.starts_with("INDEX|isl|") { say("ERROR\n") } else { asked.say_right() },
        )
        .start();
    let said = judged(addr);
    is_caught(&said, "S1");
    assert_snapshot!(said.redacted());
}

#[test]
fn a_package_that_is_refused_for_ever() {
    let addr =
        Server::new(
            |asked| if asked.line.starts_with("INDEX|isl|") { say("FAIL\n") } else { asked.say_right() },
        )
        .start();
    for concurrency in ["1", "4", "40"] {
        let said = replay_tiny(addr, &["--concurrency", concurrency]);
        is_caught(&said, "S1");
        assert!(said.stdout.contains(r"sent         INDEX|isl|gmp,pkg-config\n"), "{}", said.stdout);
    }
    assert_snapshot!(judged(addr).redacted());
}

#[test]
fn a_package_that_cannot_be_removed() {
    // In step 1 that could be the fault of packages from elsewhere, so it is allowed until something was indexed.
    let is_kept = |asked: &crate::support::Asked<'_>| asked.line == "REMOVE|node|" && asked.repeated > 0;
    let addr =
        Server::new(move |asked| if is_kept(asked) { say("FAIL\n") } else { asked.say_right() }).start();
    let said = judged(addr);
    is_caught(&said, "S3");
    assert!(said.stdout.contains(r"sent         REMOVE|node|\n"), "{}", said.stdout);
}

#[test]
fn packages_from_elsewhere_that_stand_in_the_way_are_nobodys_fault() {
    let addr =
        Server::new(|asked| if asked.line == "REMOVE|zlib|" { say("FAIL\n") } else { asked.say_right() })
            .start();
    let said = judged(addr);
    assert_eq!(said.status, 3, "{}", said.stdout);
    assert_snapshot!(said.redacted());
}

#[test]
fn queries_that_are_always_ok_or_never() {
    let always = |reply: &'static str| {
        Server::new(move |asked| if asked.line.starts_with("QUERY") { say(reply) } else { asked.say_right() })
            .start()
    };
    let said = judged(always("OK\n"));
    is_caught(&said, "S5");
    assert!(said.stdout.contains("step 5 verify removed"), "{}", said.stdout);
    let said = judged(always("FAIL\n"));
    is_caught(&said, "S5");
    assert!(said.stdout.contains("step 3 verify indexed"), "{}", said.stdout);
}

#[test]
fn an_index_that_forgets() {
    let addr = Server::new(|asked| match asked.right {
        Reply::Ok if asked.line.starts_with("QUERY|node") => say("FAIL\n"),
        _ => asked.say_right(),
    })
    .start();
    is_caught(&judged(addr), "S5");
}

#[test]
fn clients_beyond_the_fifth_are_not_served() {
    let addr =
        Server::new(|asked| if asked.connection >= 5 { Act::Ignore } else { asked.say_right() }).start();
    is_caught(&replay_tiny(addr, &["--concurrency", "10", "--timeout", "0.5"]), "C1");
}

#[test]
fn clients_beyond_the_fifth_are_refused() {
    let mut server = Server::right();
    server.greet = Box::new(|_, connection| connection < 5);
    let said = replay_tiny(server.start(), &["--concurrency", "10"]);
    is_caught(&said, "C1");
}

#[test]
fn a_server_that_ends_itself() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        // The first connection is the harness looking whether anybody is there.
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
        let addr = Server::new(move |_| say(greeting)).start();
        let said = replay_tiny(addr, &["--concurrency", "10", "--timeout", "0.5"]);
        assert_eq!(said.status, 4, "{}{}", said.stdout, said.stderr);
        assert!(
            said.stdout.contains(&format!("the target speaks {name}, not the package index")),
            "{}",
            said.stdout
        );
    }
}

#[test]
fn a_server_that_never_answers_is_a_violation_and_ends_in_time() {
    let addr = Server::new(|_| Act::Ignore).start();
    let begun = Instant::now();
    let said = replay_tiny(addr, &["--concurrency", "100", "--timeout", "1"]);
    is_caught(&said, "A1");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_matrix_shows_one_that_did_not_pass() {
    let addr =
        Server::new(
            |asked| if asked.line.starts_with("QUERY|gmp") { say("FAIL\n") } else { asked.say_right() },
        );
    assert_snapshot!(replay_tiny(addr.start(), &["--concurrency", "1,2"]).redacted_with_counts());
}

#[test]
fn a_server_too_slow_for_the_deadline_is_unknown_and_not_wrong() {
    let addr = Server::new(|asked| {
        thread::sleep(Duration::from_millis(100));
        asked.say_right()
    })
    .start();
    let said = replay_tiny(addr, &["--concurrency", "1", "--deadline", "1"]);
    assert_eq!(said.status, 3, "{}", said.stdout);
    assert!(said.stdout.contains("--deadline allows more"), "{}", said.stdout);
}

#[test]
fn a_client_that_goes_round_too_often_is_unknown_and_not_wrong() {
    // Each package is refused a few times, so that there is progress, but slowly.
    let addr = Server::new(|asked| {
        let is_refused = asked.line.starts_with("REMOVE") && asked.repeated < 5;
        if is_refused { say("FAIL\n") } else { asked.say_right() }
    })
    .start();
    let said = replay_tiny(addr, &["--concurrency", "1", "--rounds-max", "1"]);
    assert_eq!(said.status, 3, "{}", said.stdout);
}
