//! Each limit when it is exceeded: the reply to the client and the counters.

use std::io::Read;
use std::time::{Duration, Instant};

use crate::binary::{Running, start_command};
use crate::support::{Client, WAIT_MAX};
use crate::{command, start_with_admin};

/// Checks that the client receives the close reason and then the end of the stream, without a reset.
#[track_caller]
fn expect_close_reason(mut client: Client, before: &[u8]) {
    client.expect_to_end(&[before, b"ERROR\n"].concat());
}

fn refusals(server: &Running, cause: &str, count: f64) {
    server.await_metric(&format!("package_indexer_refusals_total{{cause=\"{cause}\"}}"), count);
}

/// Connects and sends requests immediately. If the server closed a refused connection with unread input, a reset would
/// follow.
fn connect_and_ask(server: &Running) -> Client {
    let mut client = server.connect();
    client.send(&b"QUERY|a|\n".repeat(100));
    client
}

fn expect_replies(clients: &mut [Client]) {
    for client in clients {
        client.ask(b"QUERY|a|\n", b"FAIL\n");
    }
}

#[test]
fn total_connections() {
    let server = start_with_admin(&["--max-connections", "3"]);
    let mut clients: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    expect_replies(&mut clients);
    expect_close_reason(connect_and_ask(&server), b"");
    refusals(&server, "connections", 1.0);
    expect_replies(&mut clients);
    drop(clients.pop());
    server.await_metric("package_indexer_connections_open", 2.0);
    server.connect().ask(b"QUERY|a|\n", b"FAIL\n");
}

#[test]
fn connections_per_address() {
    let server = start_with_admin(&["--max-connections-per-address", "2"]);
    let mut clients: Vec<Client> = (0..2).map(|_| server.connect()).collect();
    expect_replies(&mut clients);
    expect_close_reason(connect_and_ask(&server), b"");
    refusals(&server, "connections_per_address", 1.0);
    drop(clients.pop());
    server.await_metric("package_indexer_connections_open", 1.0);
    server.connect().ask(b"QUERY|a|\n", b"FAIL\n");
}

#[test]
fn connect_rate_per_address() {
    let server = start_with_admin(&["--max-connect-rate", "2"]);
    let begun = Instant::now();
    let mut refused = 0;
    // Two connections per second are accepted. On a slow machine the loop takes longer, but not long enough for all.
    for _ in 0..20 {
        let mut client = connect_and_ask(&server);
        let mut first = [0; 5];
        client.stream.read_exact(&mut first).unwrap();
        refused += u32::from(&first == b"ERROR");
    }
    let accepted_max = 2 + 2 * u32::try_from(begun.elapsed().as_secs() + 1).unwrap();
    assert!(refused >= 20_u32.saturating_sub(accepted_max).max(1), "{refused}");
    refusals(&server, "connect_rate", refused.into());
    // After some time the address may connect again.
    while begun.elapsed() < WAIT_MAX {
        let mut client = connect_and_ask(&server);
        let mut first = [0; 4];
        client.stream.read_exact(&mut first).unwrap();
        if &first == b"FAIL" {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("the address was not accepted again");
}

#[test]
fn request_rate_per_address() {
    let server = start_with_admin(&["--max-request-rate", "100"]);
    let mut modest = server.connect();
    modest.ask(&b"QUERY|a|\n".repeat(50), &b"FAIL\n".repeat(50));
    let mut greedy = server.connect();
    // The requests are answered, and then the connection closes.
    greedy.send(&b"QUERY|a|\n".repeat(101));
    expect_close_reason(greedy, &b"FAIL\n".repeat(101));
    refusals(&server, "request_rate", 1.0);
}

#[test]
fn indexed_packages() {
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
    assert_eq!(warnings, 1, "one warning at 80 %: {log}");
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

/// With a small limit of reply bytes the server reads little at once, and answers all requests.
#[test]
fn memory_of_unread_replies() {
    let server = start_with_admin(&["--max-unread", "60"]);
    let mut client = server.connect();
    client.ask(&b"\n".repeat(1000), &b"ERROR\n".repeat(1000));
    let turns = server.metric("package_indexer_request_duration_seconds_count");
    assert!(turns >= 100.0, "replies to ten empty lines have sixty bytes, but there were {turns} turns");
    // A larger limit fills the buffers of the sockets with fewer turns.
    let server = start_with_admin(&["--max-unread", "6000"]);
    let (mut blocked, begun) = (server.connect(), Instant::now());
    while server.metric("package_indexer_blocked_replies_total") < 1.0 {
        assert!(begun.elapsed() < WAIT_MAX, "the server does not wait for the client");
        // On a slow machine the server may only be slow, so the client continues when it can.
        blocked.send_until_blocked();
    }
}

#[test]
fn read_timeout() {
    let server = start_with_admin(&["--read-timeout", "0.2"]);
    let mut client = server.connect();
    client.ask(b"QUERY|a|\nQUERY|", b"FAIL\n");
    expect_close_reason(client, b"");
    refusals(&server, "read_timeout", 1.0);
}

#[test]
fn idle_timeout() {
    let server = start_with_admin(&["--idle-timeout", "0.2"]);
    let mut client = server.connect();
    client.ask(b"QUERY|a|\n", b"FAIL\n");
    expect_close_reason(client, b"");
    refusals(&server, "idle_timeout", 1.0);
}

/// Each request restarts the idle timeout.
#[test]
fn an_active_client_is_not_idle() {
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
fn write_timeout() {
    let server = start_with_admin(&["--write-timeout", "0.2"]);
    let mut blocked = server.connect();
    blocked.send_until_blocked();
    refusals(&server, "write_timeout", 1.0);
    server.connect().ask(b"QUERY|a|\n", b"FAIL\n");
}

#[test]
fn connection_lifetime() {
    let server = start_with_admin(&["--lifetime", "0.5"]);
    let mut client = server.connect();
    let begun = Instant::now();
    loop {
        client.send(b"QUERY|a|\n");
        let mut reply = [0; 5];
        client.stream.read_exact(&mut reply).unwrap();
        match &reply {
            b"FAIL\n" => assert!(begun.elapsed() < WAIT_MAX, "the connection outlives its limit"),
            other => {
                assert_eq!(other, b"ERROR");
                break;
            }
        }
    }
    refusals(&server, "lifetime", 1.0);
}

/// Without free file descriptors the server accepts no connections, does not spin, and recovers.
#[test]
fn file_descriptors() {
    let server = command();
    let program = server.get_program().to_str().unwrap();
    let line = format!("ulimit -n 40; exec {program} --addr 127.0.0.1:0 --admin 127.0.0.1:0");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &line]);
    let server = start_command(shell);
    let mut clients: Vec<Client> = (0..60).map(|_| server.connect()).collect();
    let answered = |client: &mut Client| {
        client.stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        client.send(b"QUERY|a|\n");
        client.stream.read(&mut [0; 5]).is_ok()
    };
    let count = clients.iter_mut().map(answered).take_while(|is_answered| *is_answered).count();
    assert!(count < 60, "40 file descriptors cannot serve 60 clients");
    // When served clients leave, waiting clients are accepted.
    clients.drain(..count);
    for client in &mut clients {
        client.stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    }
    // The first of them has sent a request before.
    clients[0].expect(b"FAIL\n");
    clients[1].ask(b"QUERY|a|\n", b"FAIL\n");
    // The admin endpoint needs file descriptors too.
    drop(clients);
    let failures = server.metric("package_indexer_accept_failures_total");
    assert!(failures >= 1.0);
    assert!(failures < 1000.0, "the accept loop spins: {failures}");
}
