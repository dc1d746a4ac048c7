//! Faults of a service that the target uses: a package index that keeps everything in Redis.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Output, chaos};

/// A Redis server that is killed when it is dropped.
struct Redis {
    process: Child,
    addr: String,
}

impl Redis {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("this test needs redis-server; .ci/run installs it");
        let redis = Self { process, addr: format!("127.0.0.1:{port}") };
        let begun = Instant::now();
        while TcpStream::connect(&redis.addr).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "redis-server does not listen");
            sleep(Duration::from_millis(10));
        }
        redis
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs these faults against a server that behaves in this way while Redis does not answer.
fn run(behaviour: &str, faults: &str) -> Output {
    let redis = Redis::start();
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/dependency/redis_index.py");
    let exec = format!("python3 {} {behaviour} {{port}} {{redis}}", server.display());
    let through = format!("redis={}", redis.addr);
    chaos(&["--seed", "1", "--strict", "--faults", faults, "--through", &through, "--exec", &exec])
}

#[track_caller]
fn assert_harmed(behaviour: &str, clause: &str, finding: &str) {
    let output = run(behaviour, "dependency/cut");
    assert_eq!(output.status, 1, "{behaviour}: {}{}", output.stdout, output.stderr);
    let is_found = output.stdout.lines().last().unwrap().contains(&format!("{clause} ("));
    assert!(is_found && output.stdout.contains(finding), "{behaviour}: {}", output.stdout);
}

#[test]
fn a_server_that_refuses_while_its_database_is_unreachable_is_not_accused() {
    let output = run("refuses", "dependency/*");
    assert_eq!(output.status, 0, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("3 held"), "{}", output.stdout);
}

#[test]
fn a_server_that_answers_without_its_database_is_accused() {
    assert_harmed("lies", "C2", "incorrect reply");
}

#[test]
fn a_server_that_forgets_what_it_has_acknowledged_is_accused() {
    assert_harmed("forgets", "C2", r"OK\n");
}

#[test]
fn a_server_that_ends_with_its_database_is_accused() {
    // It is started again once the service answers. On a busy machine, delayed replies arrive after its time limit too.
    let output = run("gives-up", "dependency/cut,dependency/stalled");
    assert_eq!(output.status, 1, "{}{}", output.stdout, output.stderr);
    let last = output.stdout.lines().last().unwrap();
    assert!(last.contains("C1 (2)") && last.contains("2 harmed"), "{}", output.stdout);
}

#[test]
fn a_service_without_a_placeholder_is_a_usage_error() {
    let output = chaos(&["--through", "redis=127.0.0.1:6379", "--exec", "serve {addr}"]);
    assert_eq!(output.status, 2);
    assert!(output.stderr.contains("{redis}"), "{}", output.stderr);
}
