//! What is counted, and the question for its health.

use super::start;
use crate::binary::command;

/// All counters and gauges that do not depend on the machine.
#[test]
fn the_metrics_count_what_happened() {
    let server = start(&["--quote-url", "http://127.0.0.1:9/"]);
    let mut client = server.connect();
    let given = client.ask_for_challenge();
    client.send(&given.nearly_solved());
    client.expect_error("INSUFFICIENT_WORK");
    client.send(&given.solved());
    client.expect_quote_and_end();
    let mut client = server.connect();
    client.send(&given.solved());
    client.expect_error_and_end("REPLAYED");
    let mut client = server.connect();
    client.send(b"WX");
    client.expect_error_and_end("MALFORMED_FRAME");
    server.await_metric("wisdom_connections_open", 0.0);
    let (status, metrics) = server.get("/metrics");
    assert_eq!(status, 200);
    let is_steady = |line: &&str| {
        line.starts_with("wisdom_")
            && !["duration_seconds", "uptime", "outcome=\"failed\""]
                .iter()
                .any(|moving| line.contains(moving))
    };
    let mut steady: Vec<&str> = metrics.lines().filter(is_steady).collect();
    steady.sort_unstable();
    insta::assert_snapshot!(steady.join("\n"));
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
fn the_health_subcommand_asks_for_a_challenge() {
    let server = start(&[]);
    let index = crate::binary::start(&[]);
    for (flags, is_well) in [
        (["--addr", &server.addr], true),
        (["--admin", &server.admin], true),
        (["--addr", &index.addr], false),
    ] {
        let output = command().args(["health", "--service", "wisdom"]).args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(i32::from(!is_well)), "{flags:?}");
    }
}
