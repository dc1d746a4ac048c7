//! The log, and its independence of readers.

use std::io::BufRead;
use std::net::SocketAddr;
use std::time::Instant;

use crate::support::WAIT_MAX;
use crate::{command, start, start_with_admin};

#[test]
fn each_line_of_a_connection_has_its_id_and_its_peer() {
    let server = start(&["--log-level", "trace"]);
    let mut client = server.connect();
    let peer: SocketAddr = client.stream.local_addr().unwrap();
    client.ask(b"INDEX|a|\n", b"OK\n");
    client.end_sending();
    client.expect_to_end(b"");
    let (status, log) = server.stop();
    assert_eq!(status, Some(0));
    let of_connection: Vec<&str> = log.lines().filter(|line| line.contains("connection{id=1")).collect();
    assert_eq!(of_connection.len(), 3, "{log}");
    for (line, what) in of_connection.iter().zip(["opened", r"request=INDEX|a|", "closed"]) {
        assert!(line.contains(&format!("peer={peer}")) && line.contains(what), "{line}");
    }
}

#[test]
fn json_lines_contain_the_same_fields() {
    let server = start(&["--log-level", "trace", "--log-format", "json"]);
    let mut client = server.connect();
    let peer = client.stream.local_addr().unwrap().to_string();
    client.ask(b"INDEX|a|\n", b"OK\n");
    let (_, log) = server.stop();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let request = lines.iter().find(|line| line.get("request").is_some()).expect("the request is logged");
    assert_eq!(request["request"], "INDEX|a|");
    assert_eq!(request["reply"], "Ok");
    assert_eq!(
        (request["span"]["id"].as_u64(), request["span"]["peer"].as_str()),
        (Some(1), Some(&peer[..]))
    );
}

#[test]
fn a_client_cannot_forge_a_line_of_the_log() {
    for format in ["text", "json"] {
        let server = start(&["--log-level", "trace", "--log-format", format]);
        let mut client = server.connect();
        let forged = b"QUERY|x\r2026-01-01T00:00:00Z ERROR \x1b[31mforged\x00\xff\",\"level\":\"ERROR|\n";
        client.ask(forged, b"FAIL\n");
        let (_, log) = server.stop();
        assert!(log.contains("forged"), "{log}");
        assert!(log.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{log:?}");
        for line in log.lines().filter(|line| line.contains("forged")) {
            if format == "json" {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["level"], "TRACE");
            } else {
                assert!(line.contains("TRACE"), "{line}");
            }
        }
    }
}

#[test]
fn an_unread_log_delays_no_client() {
    // The test does not read standard error, and the log exceeds the capacity of a pipe.
    let server = start(&["--log-level", "trace"]);
    let mut client = server.connect();
    for _ in 0..500 {
        client.ask(&b"QUERY|some-package-with-a-long-name|\n".repeat(100), &b"FAIL\n".repeat(100));
    }
}

#[test]
fn lost_lines_are_counted_and_noted() {
    let mut server = start_with_admin(&["--log-level", "trace"]);
    let mut client = server.connect();
    let begun = Instant::now();
    while server.metric("package_indexer_log_lines_lost_total") < 1.0 {
        assert!(begun.elapsed() < WAIT_MAX, "no line is lost");
        client.ask(&b"QUERY|some-package-with-a-long-name|\n".repeat(100), &b"FAIL\n".repeat(100));
    }
    let mut line = String::new();
    while !line.contains("WARN log lines were lost") {
        line.clear();
        assert!(server.stderr.read_line(&mut line).unwrap() > 0, "the log has ended");
    }
}

#[test]
fn the_environment_sets_the_log_level() {
    let mut command = command();
    command.args(["--addr", "127.0.0.1:0"]).env("PACKAGE_INDEXER_LOG_LEVEL", "warn");
    let server = crate::binary::start_command(command);
    server.connect().ask(b"QUERY|a|\n", b"FAIL\n");
    assert_eq!(server.stop(), (Some(0), String::new()));
}
