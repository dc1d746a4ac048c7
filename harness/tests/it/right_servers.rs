//! Servers that are right, each in a way that could be mistaken for wrong: none may be accused.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::listen;

use crate::support::{Act, Server, harness, replay, replay_tiny};

#[track_caller]
fn passes(addr: SocketAddr, flags: &[&str]) {
    let said = replay_tiny(addr, flags);
    assert_eq!(said.status, 0, "{}{}", said.stdout, said.stderr);
}

/// The whole gate with its default settings, on several seeds.
#[track_caller]
fn passes_the_gate(addr: SocketAddr) {
    for seed in ["1", "2", "3", "4", "5"] {
        let said = harness(&["--addr", &addr.to_string(), "--seed", seed]);
        assert_eq!(said.status, 0, "seed {seed}: {}{}", said.stdout, said.stderr);
        assert!(said.stdout.contains("replay: "), "{}", said.stdout);
    }
}

#[test]
fn the_gate_passes_one_that_takes_two_milliseconds_for_each_reply() {
    let server = Server::new(|asked| {
        thread::sleep(Duration::from_millis(2));
        asked.say_right()
    });
    passes_the_gate(server.start());
}

#[test]
fn the_gate_passes_one_with_a_thread_for_each_client_and_a_backlog_of_five() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listen(&listener, 5).unwrap();
    let addr = listener.local_addr().unwrap();
    Server::right().start_on(listener);
    passes_the_gate(addr);
}

#[test]
fn the_gate_passes_one_that_sends_byte_by_byte() {
    let server = Server::new(|asked| Act::SayByteByByte(asked.right.line().to_vec()));
    passes_the_gate(server.start());
}

#[test]
fn the_gate_passes_one_that_is_far_away() {
    passes_the_gate(delayed(Server::right().start(), Duration::from_millis(30)));
}

#[test]
fn one_that_is_plain_passes_again_and_again() {
    let addr = Server::right().start();
    for concurrency in ["1", "10", "100"] {
        passes(addr, &["--concurrency", concurrency]);
    }
}

#[test]
fn one_that_takes_its_time() {
    let addr = Server::new(|asked| {
        thread::sleep(Duration::from_millis(2));
        asked.say_right()
    })
    .start();
    passes(addr, &["--concurrency", "10"]);
}

/// The limit is for each reply, also where many were asked for at once.
#[test]
fn one_that_takes_longer_for_two_hundred_lines_than_a_reply_may_take() {
    let addr = Server::new(|asked| {
        thread::sleep(Duration::from_millis(10));
        asked.say_right()
    })
    .start();
    let said = harness(&[
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
    assert_eq!(said.status, 0, "{}{}", said.stdout, said.stderr);
}

#[test]
fn one_that_sends_byte_by_byte() {
    let addr = Server::new(|asked| Act::SayByteByByte(asked.right.line().to_vec())).start();
    passes(addr, &["--concurrency", "10"]);
}

#[test]
fn one_with_a_backlog_of_five() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listen(&listener, 5).unwrap();
    let addr = listener.local_addr().unwrap();
    Server::right().start_on(listener);
    passes(addr, &["--concurrency", "100"]);
}

#[test]
fn one_that_never_closes_its_side() {
    let held = Mutex::new(Vec::<TcpStream>::new());
    let mut server = Server::right();
    server.farewell = Box::new(move |stream| {
        held.lock().unwrap().push(stream.try_clone().unwrap());
        // Holds on until the harness has gone.
        let mut stream = stream;
        let _ = std::io::Read::read(&mut stream, &mut [0]);
        thread::sleep(Duration::from_secs(2));
    });
    passes(server.start(), &["--concurrency", "3"]);
}

#[test]
fn one_that_says_error_as_it_closes() {
    let mut server = Server::right();
    server.farewell = Box::new(|mut stream| _ = stream.write_all(b"ERROR\n"));
    let addr = server.start();
    for concurrency in ["1", "3", "100"] {
        passes(addr, &["--concurrency", concurrency]);
    }
}

#[test]
fn one_whose_last_word_comes_in_pieces_and_ends_with_a_reset() {
    let mut server = Server::right();
    server.farewell = Box::new(|mut stream| {
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

/// While others wait to be connected, it ends a connection on which nothing is asked. The protocol does not promise to
/// keep it, so that is not known to be wrong.
#[test]
fn one_that_keeps_no_idle_connections_and_is_slow_to_serve_new_ones() {
    let mut server = Server::right();
    server.greet = Box::new(|stream, connection| {
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        // The first is the harness looking whether anybody is there; the one that all others wait for is late.
        if connection == 3 {
            thread::sleep(Duration::from_secs(4));
        }
        true
    });
    let said = replay_tiny(server.start(), &["--concurrency", "5"]);
    assert_eq!(said.status, 3, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("idle while others were opened"), "{}", said.stdout);
}

/// A pool of a hundred threads is all that C1 asks for: at more clients nothing is promised, and nobody is accused.
#[test]
fn one_that_serves_a_hundred_and_no_more() {
    static SERVED: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());
    let mut server = Server::right();
    server.greet = Box::new(|_, _| {
        let mut open = SERVED.1.wait_while(SERVED.0.lock().unwrap(), |count| *count == 100).unwrap();
        *open += 1;
        true
    });
    server.farewell = Box::new(|_| {
        *SERVED.0.lock().unwrap() -= 1;
        SERVED.1.notify_one();
    });
    let addr = server.start();
    passes(addr, &["--concurrency", "100"]);
    // Those who wait may be served when others are done in time; if not, it is unknown.
    let said = replay(&["--addr", &addr.to_string(), "--concurrency", "130", "--timeout", "1"]);
    assert!([0, 3].contains(&said.status), "{}{}", said.stdout, said.stderr);
}

/// The same, and those beyond are told so.
#[test]
fn one_that_refuses_the_hundred_and_first() {
    let open = std::sync::Arc::new(Mutex::new(0_usize));
    let (opened, left) = (std::sync::Arc::clone(&open), open);
    let mut server = Server::right();
    server.greet = Box::new(move |mut stream, _| {
        let mut open = opened.lock().unwrap();
        if *open == 100 {
            let _ = stream.write_all(b"ERROR\n");
            return false;
        }
        *open += 1;
        true
    });
    server.farewell = Box::new(move |_| *left.lock().unwrap() -= 1);
    let said = replay(&["--addr", &server.start().to_string(), "--concurrency", "130"]);
    assert_eq!(said.status, 3, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("beyond 100 clients nothing is promised"), "{}", said.stdout);
}

/// The same server, with everything that goes there and comes back taking a while.
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

/// Carries bytes and the end of the stream from one connection to another, each when its time has come.
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
