//! The admin endpoint: health, metrics and profiles over HTTP.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;
use rustix::process::Signal;
use server::admin::{Admin, Build};
use server::heartbeats::Heartbeats;
use server::lifecycle::{Lifecycle, Phase};
use server::limits::Limits;
use server::service::index::{Capacity, IndexService};
use smol::Async;
use smol::channel::bounded;

use crate::binary::{connect, exchange, start_command};
use crate::support::{LINE_BYTES_MAX, WAIT_MAX};
use crate::{command, start, start_with_admin};

#[test]
fn readiness_ends_when_the_drain_begins() {
    let server = start_with_admin(&[
        "--shutdown-timeout",
        "7200",
        "--shutdown-write-timeout",
        "3600",
        "--write-timeout",
        "3600",
    ]);
    let ready = "{\"liveness\":true,\"readiness\":true,\"status\":\"ready\"}\n";
    assert_eq!(server.get("/healthz"), (200, ready.to_owned()));
    // A client that prevents the end of the drain.
    let mut blocked = server.connect();
    blocked.send_until_blocked();
    server.signal(Signal::TERM);
    let begun = Instant::now();
    while server.get("/healthz").0 == 200 {
        assert!(begun.elapsed() < WAIT_MAX, "the server is still ready");
    }
    let draining = "{\"liveness\":true,\"readiness\":false,\"status\":\"draining\"}\n";
    assert_eq!(server.get("/healthz"), (503, draining.to_owned()));
    server.await_metric("package_indexer_draining", 1.0);
    let (status, message) = check_health(&["--admin", &server.admin]);
    assert_eq!(status, Some(1));
    assert!(message.contains("not healthy") && message.contains("draining"), "{message}");
    assert_eq!(message.lines().count(), 1);
}

/// Errors of connections count, and not only those of requests.
#[test]
fn refused_and_lost_connections_count_as_errors() {
    let server = start_with_admin(&["--max-connections", "1"]);
    let mut client = server.connect();
    client.ask(b"QUERY|a|\n", b"FAIL\n");
    server.connect().expect_to_end(b"ERROR\n");
    server.await_metric("package_indexer_errors_total", 1.0);
    // The server receives a reset instead of the end of the stream.
    set_socket_linger(&client.stream, Some(Duration::ZERO)).unwrap();
    drop(client);
    server.await_metric("package_indexer_errors_total", 2.0);
}

#[test]
fn a_server_that_cannot_listen_is_never_ready() {
    // The starting phase is too short to observe. A server whose port is taken stays in it until it ends.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let output = command().args(["--addr", &addr, "--admin", "127.0.0.1:0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stdout).unwrap();
    assert!(message.starts_with("admin on ") && !message.contains("listening"), "{message}");
}

/// Runs the health check. Returns its exit status and its message.
fn check_health(flags: &[&str]) -> (Option<i32>, String) {
    let output = command().arg("health").args(flags).output().expect("the program can be started");
    assert!(output.stdout == b"healthy\n" || output.stdout.is_empty());
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_health_subcommand_asks_the_service_and_the_admin_endpoint() {
    let server = start_with_admin(&[]);
    let (addr, admin) = (&*server.addr, &*server.admin);
    for flags in [&["--addr", addr][..], &["--addr", addr, "--admin", admin]] {
        assert_eq!(check_health(flags), (Some(0), String::new()), "{flags:?}");
    }
    let everywhere = addr.replace("127.0.0.1", "0.0.0.0");
    let output = command().arg("health").env("PACKAGE_INDEXER_ADDR", everywhere).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    // The kernel accepts connections for a listener that nobody serves, but nothing answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    for flags in [
        &["--addr", &*silent][..],
        &["--addr", &silent, "--admin", admin],
        &["--addr", addr, "--admin", &silent],
    ] {
        let (status, message) = check_health(flags);
        assert_eq!((status, message.lines().count()), (Some(1), 1), "{flags:?}: {message}");
        assert!(message.contains(&silent), "{message}");
    }
    server.signal(Signal::STOP);
    for flags in [&["--addr", addr][..], &["--addr", addr, "--admin", admin]] {
        let (status, message) = check_health(flags);
        assert_eq!((status, message.lines().count()), (Some(1), 1), "{flags:?}: {message}");
    }
    server.signal(Signal::CONT);
}

/// All counters and gauges that do not depend on the machine.
#[test]
fn metrics_count_requests_and_connections() {
    let server = start_with_admin(&[]);
    server
        .connect()
        .ask(b"INDEX|a|\nINDEX|b|a\nINDEX|c|d\nREMOVE|a|\nREMOVE|b|\n", b"OK\nOK\nFAIL\nFAIL\nOK\n");
    let mut client = server.connect();
    client.ask(b"QUERY|a|\nQUERY|b|\nnonsense\n", b"OK\nFAIL\nERROR\n");
    let long = [&b"x".repeat(70_000)[..], b"\n"].concat();
    client.ask(&long, b"ERROR\n");
    server.await_metric("package_indexer_connections_open", 1.0);
    let (status, metrics) = server.get("/metrics");
    assert_eq!(status, 200);
    let is_fixed = |line: &&str| {
        line.starts_with("package_indexer_")
            && !["duration_seconds", "uptime"].iter().any(|varying| line.contains(varying))
    };
    let mut fixed: Vec<&str> = metrics.lines().filter(is_fixed).collect();
    fixed.sort_unstable();
    insta::assert_snapshot!(fixed.join("\n"));
    assert!(server.metric("package_indexer_request_duration_seconds_count") >= 3.0);
    assert!(server.metric("package_indexer_uptime_seconds") > 0.0);
    if cfg!(target_os = "linux") {
        for name in
            ["process_resident_memory_bytes", "process_open_fds", "process_threads", "process_max_fds"]
        {
            assert!(server.metric(name) > 0.0, "{name}");
        }
    }
}

#[test]
fn the_format_of_metrics_follows_the_accept_header() {
    let server = start_with_admin(&[]);
    let (_, plain) = server.get("/metrics");
    assert!(plain.contains("# TYPE package_indexer_connections_total counter\n"), "{plain}");
    assert!(!plain.contains("# EOF"), "{plain}");
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";
    let (_, open) = server.get_with("/metrics", accept);
    assert!(open.contains("# TYPE package_indexer_connections counter\n"), "{open}");
    assert!(open.ends_with("# EOF\n"), "{open}");
}

#[test]
fn other_paths_and_methods_are_refused() {
    let server = start_with_admin(&[]);
    assert_eq!(server.get("/nothing").0, 404);
    assert!(
        exchange(&server.admin, b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            .contains(" 405 ")
    );
    assert!(exchange(&server.admin, b"QUERY|a|\n").contains(" 400 "));
    let (status, information) = server.get("/buildinfo");
    assert_eq!(status, 200);
    assert!(information.contains("\"name\":\"server\""), "{information}");
    // The port of the protocol does not speak HTTP. The end of the stream lets the server close.
    let mut client = connect(&server.addr);
    client.stream.write_all(b"GET /healthz HTTP/1.1\r\n\r\n\n").unwrap();
    client.stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    client.stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("ERROR\n") && !answer.contains("HTTP/"), "{answer}");
}

#[test]
#[cfg(not(feature = "profile"))]
fn a_build_without_a_profiler_names_the_feature() {
    for flags in [&[][..], &["--pprof"]] {
        let (status, text) = start_with_admin(flags).get("/debug/pprof/profile");
        assert!(status == 501 && text.contains("--features profile"), "{status} {text}");
    }
}

#[test]
#[cfg(feature = "profile")]
fn profiles_are_disabled_by_default() {
    let (status, text) = start_with_admin(&[]).get("/debug/pprof/profile");
    assert!(status == 403 && text.contains("--pprof"), "{status} {text}");
}

#[test]
#[cfg(feature = "profile")]
fn a_profile_contains_functions_of_the_server() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let server = start_with_admin(&["--pprof"]);
    for wrong in ["0", "61", "x"] {
        assert_eq!(server.get(&format!("/debug/pprof/profile?seconds={wrong}")).0, 400);
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = server.connect();
            while !is_over.load(Ordering::Relaxed) {
                client.ask(&b"QUERY|a|\n".repeat(100), &b"FAIL\n".repeat(100));
            }
        });
        // On a busy machine a profile may contain no sample of the server.
        let shows_server = (0..20).any(|_| {
            let mut asking = connect(&server.admin);
            asking.send(b"GET /debug/pprof/profile?seconds=1 HTTP/1.1\r\nHost: a\r\n\r\n");
            let mut answer = Vec::new();
            asking.stream.read_to_end(&mut answer).unwrap();
            let text = String::from_utf8_lossy(&answer);
            assert!(text.starts_with("HTTP/1.1 200"), "{text}");
            // Which functions the compiler inlines differs; those of a request name its service.
            text.contains("server::service::index::IndexService")
        });
        is_over.store(true, Ordering::Relaxed);
        assert!(shows_server, "no profile contains a function of the server");
    });
}

/// A client that sends an incomplete head delays no other client, and its connection is closed.
#[test]
fn stalled_admin_clients_are_closed() {
    let server = start_with_admin(&[]);
    let mut stalled: Vec<_> = (0..8).map(|_| connect(&server.admin)).collect();
    for client in &mut stalled {
        client.stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: ").unwrap();
    }
    assert_eq!(server.get("/healthz").0, 200);
    for client in &mut stalled {
        let mut rest = Vec::new();
        client.stream.read_to_end(&mut rest).unwrap();
    }
}

/// Silent clients that use all places of the endpoint make room for others.
#[test]
fn silent_admin_clients_do_not_fail_the_health_check() {
    let server = start_with_admin(&[]);
    let silent: Vec<_> = (0..64).map(|_| connect(&server.admin)).collect();
    let message = check_health(&["--addr", &server.addr, "--admin", &server.admin]);
    assert_eq!(message, (Some(0), String::new()));
    assert_eq!(server.get("/livez").0, 200);
    // The newest one can still send its request.
    let mut silent = silent.into_iter();
    silent.next().unwrap().expect_to_end(b"");
    let mut newest = silent.next_back().unwrap();
    newest.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut answer = String::new();
    newest.stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// The endpoint answers while clients of the service use all file descriptors.
#[test]
fn the_admin_endpoint_answers_without_free_file_descriptors() {
    let program = command().get_program().to_str().unwrap().to_owned();
    let mut shell = std::process::Command::new("sh");
    let line = format!("ulimit -n 40; exec {program} --addr 127.0.0.1:0 --admin 127.0.0.1:0");
    shell.args(["-c", &line]);
    let server = start_command(shell);
    let clients: Vec<_> = (0..60).map(|_| server.connect()).collect();
    let begun = Instant::now();
    while server.metric("package_indexer_accept_failures_total") < 1.0 {
        assert!(begun.elapsed() < WAIT_MAX, "40 file descriptors suffice for 60 clients");
    }
    for _ in 0..20 {
        assert_eq!(server.get("/livez").0, 200);
    }
    drop(clients);
}

/// A thread without heartbeats is not alive, whatever the phase says.
#[test]
fn liveness_reflects_the_serving_threads() {
    let begun = Instant::now().checked_sub(2 * Heartbeats::AGE_MAX).unwrap();
    let (heartbeats, lifecycle) = (Arc::new(Heartbeats::new(2, begun)), Arc::new(Lifecycle::default()));
    let service = Arc::new(IndexService::new(LINE_BYTES_MAX, Capacity::default()));
    let build = Build { name: "test", version: "0" };
    let (admin, _) = Admin::new(
        Arc::clone(&lifecycle),
        Arc::clone(&heartbeats),
        service,
        &Limits::default(),
        build,
        false,
        None,
    );
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
    let addr = listener.get_ref().local_addr().unwrap().to_string();
    server::admin::start(listener, admin, bounded(1).0).unwrap();
    let get = |path: &str| {
        let answer = exchange(&addr, format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes());
        let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.lines().last().unwrap().to_owned())
    };
    assert_eq!(get("/livez").0, 200, "the threads have not started yet");
    lifecycle.enter(Phase::Ready);
    heartbeats.beat(0, Instant::now());
    assert_eq!(get("/livez"), (503, "{\"liveness\":false,\"stuck_threads\":1}".to_owned()));
    let stuck = "{\"liveness\":false,\"readiness\":false,\"status\":\"stuck\"}";
    assert_eq!(get("/healthz"), (503, stuck.to_owned()));
    heartbeats.beat(1, Instant::now());
    assert_eq!(get("/livez"), (200, "{\"liveness\":true,\"stuck_threads\":0}".to_owned()));
    assert_eq!(get("/healthz").0, 200);
    // A drain is no reason to restart the process.
    lifecycle.enter(Phase::Draining);
    assert_eq!((get("/livez").0, get("/healthz").0), (200, 503));
}

#[test]
fn the_admin_endpoint_is_disabled_by_default() {
    let server = start(&[]);
    assert_eq!(server.admin, "");
    let (status, _) = server.stop();
    assert_eq!(status, Some(0));
}

#[test]
fn an_admin_address_in_use_is_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let output = command().args(["--addr", "127.0.0.1:0", "--admin", &addr]).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        message.lines().count() == 1 && message.contains(&addr) && message.contains("--admin"),
        "{message}"
    );
    assert!(TcpStream::connect_timeout(&taken.local_addr().unwrap(), Duration::from_secs(1)).is_ok());
}
