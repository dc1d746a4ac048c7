//! Every limit, reached: what the client reads, and what is counted.

use std::io::Read;
use std::time::{Duration, Instant};

use crate::binary::{Running, start_command, start_with_admin};
use crate::support::{Client, PATIENCE};

/// The client reads why before the end, and the end is none by force.
#[track_caller]
fn is_told_why(mut client: Client, before: &[u8]) {
    client.expect_to_end(&[before, b"ERROR\n"].concat());
}

fn refusals(server: &Running, cause: &str, count: f64) {
    server.await_metric(&format!("package_indexer_refusals_total{{cause=\"{cause}\"}}"), count);
}

/// A client that asks before it finds out that it was turned away: closing at once would reset it.
fn connect_and_ask(server: &Running) -> Client {
    let mut client = server.connect();
    client.send(&b"QUERY|a|\n".repeat(100));
    client
}

fn all_are_served(clients: &mut [Client]) {
    for client in clients {
        client.ask(b"QUERY|a|\n", b"FAIL\n");
    }
}

#[test]
fn connections_in_all() {
    let server = start_with_admin(&["--max-connections", "3"]);
    let mut clients: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    all_are_served(&mut clients);
    is_told_why(connect_and_ask(&server), b"");
    refusals(&server, "connections", 1.0);
    all_are_served(&mut clients);
    drop(clients.pop());
    server.await_metric("package_indexer_connections_open", 2.0);
    server.connect().ask(b"QUERY|a|\n", b"FAIL\n");
}

#[test]
fn connections_of_one_address() {
    let server = start_with_admin(&["--max-connections-per-address", "2"]);
    let mut clients: Vec<Client> = (0..2).map(|_| server.connect()).collect();
    all_are_served(&mut clients);
    is_told_why(connect_and_ask(&server), b"");
    refusals(&server, "connections_per_address", 1.0);
    drop(clients.pop());
    server.await_metric("package_indexer_connections_open", 1.0);
    server.connect().ask(b"QUERY|a|\n", b"FAIL\n");
}

#[test]
fn new_connections_of_one_address_each_second() {
    let server = start_with_admin(&["--max-connect-rate", "2"]);
    let begun = Instant::now();
    let mut turned_away = 0;
    // Two fit into a second; a machine that is slow may fit in more, but not all of these.
    for _ in 0..20 {
        let mut client = connect_and_ask(&server);
        let mut first = [0; 5];
        client.stream.read_exact(&mut first).unwrap();
        turned_away += u32::from(&first == b"ERROR");
    }
    let fitting = 2 + 2 * u32::try_from(begun.elapsed().as_secs() + 1).unwrap();
    assert!(turned_away >= 20_u32.saturating_sub(fitting).max(1), "{turned_away}");
    refusals(&server, "connect_rate", turned_away.into());
    // And after a while it may come again.
    while begun.elapsed() < PATIENCE {
        let mut client = connect_and_ask(&server);
        let mut first = [0; 4];
        client.stream.read_exact(&mut first).unwrap();
        if &first == b"FAIL" {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("it may never come again");
}

#[test]
fn requests_of_one_address_each_second() {
    let server = start_with_admin(&["--max-request-rate", "100"]);
    let mut modest = server.connect();
    modest.ask(&b"QUERY|a|\n".repeat(50), &b"FAIL\n".repeat(50));
    let mut greedy = server.connect();
    // What was asked is answered, and then it is over.
    greedy.send(&b"QUERY|a|\n".repeat(101));
    is_told_why(greedy, &b"FAIL\n".repeat(101));
    refusals(&server, "request_rate", 1.0);
}

#[test]
fn packages_in_the_index() {
    let server = start_with_admin(&["--max-packages", "5"]);
    let mut client = server.connect();
    for package in 0..5 {
        client.ask(format!("INDEX|p{package}|\n").as_bytes(), b"OK\n");
    }
    client.ask(b"INDEX|q|\nQUERY|q|\nINDEX|q|missing\nINDEX|p0|p1\n", b"ERROR\nFAIL\nFAIL\nOK\n");
    assert!((server.metric("package_indexer_limited_requests_total{limit=\"packages\"}") - 1.0).abs() < 0.1);
    assert!((server.metric("package_indexer_packages_indexed_current") - 5.0).abs() < 0.1);
    client.ask(b"REMOVE|p4|\nINDEX|q|\n", b"OK\nOK\n");
    drop(client);
    let (_, log) = server.stop();
    let warnings = log.lines().filter(|line| line.contains("WARN") && line.contains("nearly full")).count();
    assert_eq!(warnings, 1, "a warning at 80 %, and not one for each package: {log}");
}

#[test]
fn memory_of_the_index() {
    let server = start_with_admin(&["--max-index-bytes", "2000"]);
    let mut client = server.connect();
    client.ask(b"INDEX|a|\n", b"OK\n");
    let long = format!("INDEX|{}|\n", "n".repeat(2000));
    client.ask(long.as_bytes(), b"ERROR\n");
    client.ask(b"INDEX|b|a\nREMOVE|b|\n", b"OK\nOK\n");
    assert!(
        (server.metric("package_indexer_limited_requests_total{limit=\"index_bytes\"}") - 1.0).abs() < 0.1
    );
    assert!(server.metric("package_indexer_index_bytes") < 2000.0);
}

#[test]
fn the_length_of_a_line() {
    let server = start_with_admin(&["--max-line", "65536"]);
    let mut client = server.connect();
    client.ask(format!("INDEX|{}|\n", "n".repeat(70_000)).as_bytes(), b"ERROR\n");
    client.ask(b"QUERY|a|\n", b"FAIL\n");
    assert!(
        (server.metric("package_indexer_limited_requests_total{limit=\"line_bytes\"}") - 1.0).abs() < 0.1
    );
}

/// With little room for replies little is read at once, and all is answered all the same.
#[test]
fn memory_of_unread_replies() {
    let server = start_with_admin(&["--max-unread", "60"]);
    let mut client = server.connect();
    client.ask(&b"\n".repeat(1000), &b"ERROR\n".repeat(1000));
    let turns = server.metric("package_indexer_request_duration_seconds_count");
    assert!(turns >= 100.0, "ten empty lines are sixty bytes of replies, but there were {turns} turns");
    let mut deaf = server.connect();
    deaf.send_until_blocked();
    server.await_metric("package_indexer_blocked_replies_total", 1.0);
}

#[test]
fn time_for_a_line() {
    let server = start_with_admin(&["--read-timeout", "0.2"]);
    let mut client = server.connect();
    client.ask(b"QUERY|a|\nQUERY|", b"FAIL\n");
    is_told_why(client, b"");
    refusals(&server, "read_timeout", 1.0);
}

#[test]
fn time_between_requests() {
    let server = start_with_admin(&["--idle-timeout", "0.2"]);
    let mut client = server.connect();
    client.ask(b"QUERY|a|\n", b"FAIL\n");
    is_told_why(client, b"");
    refusals(&server, "idle_timeout", 1.0);
}

/// It counts from request to request: who goes on asking is not idle.
#[test]
fn who_asks_is_not_idle() {
    let server = start_with_admin(&["--idle-timeout", "1"]);
    let mut client = server.connect();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        client.ask(b"QUERY|a|\n", b"FAIL\n");
        std::thread::sleep(Duration::from_millis(20));
    }
    refusals(&server, "idle_timeout", 0.0);
}

#[test]
fn time_for_taking_in_replies() {
    let server = start_with_admin(&["--write-timeout", "0.2"]);
    let mut deaf = server.connect();
    deaf.send_until_blocked();
    refusals(&server, "write_timeout", 1.0);
    server.connect().ask(b"QUERY|a|\n", b"FAIL\n");
}

#[test]
fn time_for_a_connection_in_all() {
    let server = start_with_admin(&["--lifetime", "0.5"]);
    let mut client = server.connect();
    let begun = Instant::now();
    loop {
        client.send(b"QUERY|a|\n");
        let mut reply = [0; 5];
        client.stream.read_exact(&mut reply).unwrap();
        match &reply {
            b"FAIL\n" => assert!(begun.elapsed() < PATIENCE, "it lives for ever"),
            other => {
                assert_eq!(other, b"ERROR");
                break;
            }
        }
    }
    refusals(&server, "lifetime", 1.0);
}

/// When descriptors run out nothing more is accepted, without a busy loop, until there are some again.
#[test]
fn descriptors() {
    let mut command = std::process::Command::new("sh");
    let server = crate::binary::command();
    let program = server.get_program().to_str().unwrap();
    let line = format!("ulimit -n 40; exec {program} --addr 127.0.0.1:0 --admin 127.0.0.1:0");
    command.args(["-c", &line]);
    let server = start_command(command);
    let mut clients: Vec<Client> = (0..60).map(|_| server.connect()).collect();
    let answered = |client: &mut Client| {
        client.stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        client.send(b"QUERY|a|\n");
        client.stream.read(&mut [0; 5]).is_ok()
    };
    let happy = clients.iter_mut().map(answered).take_while(|is_answered| *is_answered).count();
    assert!(happy < 60, "40 descriptors cannot be enough for 60 clients");
    // Who is served is served on, and when some leave others are taken in.
    clients.drain(..happy);
    for client in &mut clients {
        client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    // The first of them has asked already.
    clients[0].expect(b"FAIL\n");
    clients[1].ask(b"QUERY|a|\n", b"FAIL\n");
    // The admin address takes descriptors too.
    drop(clients);
    let failures = server.metric("package_indexer_accept_failures_total");
    assert!(failures >= 1.0);
    assert!(failures < 1000.0, "it spins: {failures}");
}
