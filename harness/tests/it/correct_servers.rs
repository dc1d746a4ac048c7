//! Correct servers with unusual behaviour: no run may accuse them.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::listen;

use crate::support::{Act, Server, harness, is_full, repetitions, replay, replay_tiny};

#[track_caller]
fn passes(addr: SocketAddr, flags: &[&str]) {
    let output = replay_tiny(addr, flags);
    assert_eq!(output.status, 0, "{}{}", output.stdout, output.stderr);
}

/// Runs the gate with several seeds, in `cargo ci full` with its default settings. The replay of the challenge's own harness
/// fills the rest of the time of a run.
#[track_caller]
fn passes_the_gate(addr: SocketAddr) {
    for seed in 1..=repetitions(1, 5) {
        let (addr, seed) = (addr.to_string(), seed.to_string());
        let skipped: &[&str] = if is_full() {
            &[]
        } else {
            &["--skip", "index/official", "--episodes", "1", "--deadline", "90"]
        };
        let output = harness(&[&["--addr", &addr, "--seed", &seed], skipped].concat());
        assert_eq!(output.status, 0, "seed {seed}: {}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains("replay: "), "{}", output.stdout);
    }
}

#[test]
fn the_gate_passes_a_server_with_two_milliseconds_per_reply() {
    let server = Server::new(|received| {
        thread::sleep(Duration::from_millis(2));
        received.correct_act()
    });
    passes_the_gate(server.start());
}

#[test]
fn the_gate_passes_a_server_with_a_thread_per_client_and_a_backlog_of_five() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listen(&listener, 5).unwrap();
    let addr = listener.local_addr().unwrap();
    Server::correct().start_on(listener);
    passes_the_gate(addr);
}

#[test]
fn the_gate_passes_a_server_that_sends_byte_by_byte() {
    let server = Server::new(|received| Act::SendByteByByte(received.correct_reply.line().to_vec()));
    passes_the_gate(server.start());
}

#[test]
fn the_gate_passes_a_distant_server() {
    passes_the_gate(delayed(Server::correct().start(), Duration::from_millis(30)));
}

#[test]
fn a_plain_server_passes_repeatedly() {
    let addr = Server::correct().start();
    for concurrency in ["1", "10", "100"] {
        passes(addr, &["--concurrency", concurrency]);
    }
}

#[test]
fn a_slow_server_passes() {
    let addr = Server::new(|received| {
        thread::sleep(Duration::from_millis(2));
        received.correct_act()
    })
    .start();
    passes(addr, &["--concurrency", "10"]);
}

/// The time limit applies to each reply, also after many requests in one write.
#[test]
fn a_server_may_take_longer_for_two_hundred_lines_than_for_one_reply() {
    let addr = Server::new(|received| {
        thread::sleep(Duration::from_millis(10));
        received.correct_act()
    })
    .start();
    let output = harness(&[
        "--addr",
        &addr.to_string(),
        "--only",
        "index/F3/7",
        "--timeout",
        "1",
        "--strict",
        "--seed",
        "1",
    ]);
    assert_eq!(output.status, 0, "{}{}", output.stdout, output.stderr);
}

/// The pace is measured with changes too: a server that writes each to a file answers queries much faster.
#[test]
fn a_server_with_slow_changes_is_not_given_cases_with_thousands_of_them() {
    let file = Mutex::new(());
    let server = Server::new(move |received| {
        if !received.line.starts_with("QUERY") {
            let _writing = file.lock().unwrap();
            thread::sleep(Duration::from_millis(2));
        }
        received.correct_act()
    });
    let output = harness(&["--addr", &server.start().to_string(), "--only", "S1", "--seed", "1"]);
    assert_eq!(output.status, 0, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("which is too slow for this case"), "{}", output.stdout);
}

/// One client of this server waits for a millisecond per reply. The case has 32 clients, with which the server is fast enough.
#[test]
fn the_pace_for_cases_is_measured_with_as_many_clients_as_they_have() {
    let server = Server::new(|received| {
        thread::sleep(Duration::from_millis(1));
        received.correct_act()
    });
    let addr = server.start().to_string();
    let output = harness(&["--addr", &addr, "--only", "index/S3/6", "--concurrency", "1", "--seed", "1"]);
    assert_eq!(output.status, 0, "{}{}", output.stdout, output.stderr);
    assert!(!output.stdout.contains("which is too slow for this case"), "{}", output.stdout);
}

/// A request whose reply was lost may take effect at any later time: here the INDEX of a lost client takes effect after
/// the REMOVE of another client.
#[test]
fn the_request_of_a_lost_client_may_take_effect_late() {
    let server = Server::new(|received| match received.number {
        2 if received.line.starts_with("QUERY") => Act::Send(b"OK\n".to_vec()),
        _ => received.correct_act(),
    });
    let addr = server.start().to_string();
    let output = harness(&["--addr", &addr, "--only", "index/C3/3", "--seed", "1"]);
    assert_eq!(output.status, 0, "{}{}", output.stdout, output.stderr);
}

#[test]
fn a_server_that_sends_byte_by_byte_passes() {
    let addr = Server::new(|received| Act::SendByteByByte(received.correct_reply.line().to_vec())).start();
    passes(addr, &["--concurrency", "10"]);
}

#[test]
fn a_server_with_a_backlog_of_five_passes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listen(&listener, 5).unwrap();
    let addr = listener.local_addr().unwrap();
    Server::correct().start_on(listener);
    passes(addr, &["--concurrency", "100"]);
}

#[test]
fn a_server_that_never_closes_its_side_passes() {
    let held = Mutex::new(Vec::<TcpStream>::new());
    let mut server = Server::correct();
    server.at_end = Box::new(move |stream| {
        held.lock().unwrap().push(stream.try_clone().unwrap());
        // Keeps the connection open until the harness has ended.
        let mut stream = stream;
        let _ = std::io::Read::read(&mut stream, &mut [0]);
        thread::sleep(Duration::from_secs(2));
    });
    passes(server.start(), &["--concurrency", "3"]);
}

#[test]
fn a_server_that_sends_error_as_it_closes_passes() {
    let mut server = Server::correct();
    server.at_end = Box::new(|mut stream| _ = stream.write_all(b"ERROR\n"));
    let addr = server.start();
    for concurrency in ["1", "3", "100"] {
        passes(addr, &["--concurrency", concurrency]);
    }
}

#[test]
fn a_server_with_a_split_error_and_a_reset_at_the_end_passes() {
    let mut server = Server::correct();
    server.at_end = Box::new(|mut stream| {
        for byte in b"ERROR\n" {
            let _ = stream.write_all(&[*byte]);
            thread::sleep(Duration::from_millis(1));
        }
        let linger = Some(Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(stream, linger).unwrap();
    });
    let addr = server.start();
    for concurrency in ["1", "10"] {
        passes(addr, &["--concurrency", concurrency]);
    }
}

/// The server closes an idle connection while other clients wait to connect. The protocol does not require it to keep the
/// connection, so the result is unknown.
#[test]
fn a_server_that_closes_idle_connections_and_serves_new_ones_slowly_is_unknown() {
    let mut server = Server::correct();
    server.greet = Box::new(|stream, connection| {
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        // The first connection only checks whether the server is reachable. The one that all clients wait for is late.
        if connection == 3 {
            thread::sleep(Duration::from_secs(4));
        }
        true
    });
    let output = replay_tiny(server.start(), &["--concurrency", "5"]);
    assert_eq!(output.status, 3, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("idle while other clients connected"), "{}", output.stdout);
}

/// C1 requires service to a hundred clients. A pool of a hundred threads is therefore sufficient.
#[test]
fn a_server_for_a_hundred_clients_is_not_accused() {
    static SERVED: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());
    let mut server = Server::correct();
    server.greet = Box::new(|_, _| {
        let mut open = SERVED.1.wait_while(SERVED.0.lock().unwrap(), |count| *count == 100).unwrap();
        *open += 1;
        true
    });
    server.at_end = Box::new(|_| {
        *SERVED.0.lock().unwrap() -= 1;
        SERVED.1.notify_one();
    });
    let addr = server.start();
    passes(addr, &["--concurrency", "100"]);
    // Waiting clients may be served in time when others have finished; otherwise the result is unknown.
    let output = replay(&["--addr", &addr.to_string(), "--concurrency", "130", "--timeout", "1"]);
    assert!([0, 3].contains(&output.status), "{}{}", output.stdout, output.stderr);
}

/// The same server, which refuses further clients with ERROR.
#[test]
fn a_server_that_refuses_the_hundred_and_first_client_is_unknown() {
    let open = std::sync::Arc::new(Mutex::new(0_usize));
    let (opened, left) = (std::sync::Arc::clone(&open), open);
    let mut server = Server::correct();
    server.greet = Box::new(move |mut stream, _| {
        let mut open = opened.lock().unwrap();
        if *open == 100 {
            let _ = stream.write_all(b"ERROR\n");
            return false;
        }
        *open += 1;
        true
    });
    server.at_end = Box::new(move |_| *left.lock().unwrap() -= 1);
    let output = replay(&["--addr", &server.start().to_string(), "--concurrency", "130"]);
    assert_eq!(output.status, 3, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("promises service to 100 clients"), "{}", output.stdout);
}

/// Returns the address of a relay that delays all bytes in both directions.
fn delayed(server: SocketAddr, delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(client) = client else { return };
            let Ok(target) = TcpStream::connect(server) else { return };
            for (from, to) in [(&client, &target), (&target, &client)] {
                to.set_nodelay(true).unwrap();
                carry(from.try_clone().unwrap(), to.try_clone().unwrap(), delay);
            }
        }
    });
    addr
}

/// Forwards bytes and the end of the stream from one connection to another, after a delay.
fn carry(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read) = from.read(&mut buffer) {
            if sender.send((Instant::now() + delay, buffer[..read].to_vec())).is_err() || read == 0 {
                return;
            }
        }
    });
    thread::spawn(move || {
        for (at, bytes) in receiver {
            thread::sleep(at.saturating_duration_since(Instant::now()));
            if bytes.is_empty() || to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
