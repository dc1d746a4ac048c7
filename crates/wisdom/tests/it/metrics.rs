//! Metrics and the health check.

use crate::support::Server;
use crate::{command, start};

/// All counters and gauges that do not depend on the machine.
#[test]
fn metrics_count_challenges_and_errors() {
    let server = start(&["--quote-url", "http://127.0.0.1:9/"]);
    let mut client = server.connect();
    let received = client.request_challenge();
    client.send(&received.nearly_solved());
    client.expect_error("INSUFFICIENT_WORK");
    client.send(&received.solved());
    client.expect_quote_and_end();
    let mut client = server.connect();
    client.send(&received.solved());
    client.expect_error_and_end("REPLAYED");
    let mut client = server.connect();
    client.send(b"WX");
    client.expect_error_and_end("MALFORMED_FRAME");
    server.await_metric("wisdom_connections_open", 0.0);
    let (status, metrics) = server.get("/metrics");
    assert_eq!(status, 200);
    let is_fixed = |line: &&str| {
        line.starts_with("wisdom_")
            && !["duration_seconds", "uptime", "outcome=\"failed\""]
                .iter()
                .any(|varying| line.contains(varying))
    };
    let mut fixed: Vec<&str> = metrics.lines().filter(is_fixed).collect();
    fixed.sort_unstable();
    insta::assert_snapshot!(fixed.join("\n"));
    for (name, count) in [("check", 3.0), ("solve", 1.0)] {
        let counted = server.metric(&format!("wisdom_{name}_duration_seconds_count"));
        assert!((counted - count).abs() < 0.1, "{name}: {counted}");
        let buckets = metrics.matches(&format!("wisdom_{name}_duration_seconds_bucket{{")).count();
        assert_eq!(buckets, 11, "{metrics}");
        let all = server.metric(&format!("wisdom_{name}_duration_seconds_bucket{{le=\"+Inf\"}}"));
        assert!((all - count).abs() < 0.1, "{name}: {all}");
    }
}

#[test]
fn lost_connections_count_as_errors() {
    let server = start(&[]);
    let mut client = server.connect();
    client.request_challenge();
    // The server receives a reset instead of the end of the stream.
    rustix::net::sockopt::set_socket_linger(&client.stream, Some(std::time::Duration::ZERO)).unwrap();
    drop(client);
    server.await_metric("wisdom_errors_total{code=\"CONNECTION_LOST\"}", 1.0);
}

#[test]
fn the_health_check_requests_a_challenge() {
    let server = start(&[]);
    let index = Server::start();
    let index_addr = index.addr.to_string();
    for (flags, is_healthy) in [
        (&["--addr", &server.addr][..], true),
        (&["--addr", &server.addr, "--admin", &server.admin], true),
        (&["--addr", &index_addr], false),
        (&["--addr", &index_addr, "--admin", &server.admin], false),
    ] {
        let output = command().arg("health").args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(i32::from(!is_healthy)), "{flags:?}");
    }
}
