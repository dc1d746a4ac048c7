//! Stalled clients and the shutdown, on a clock that the test advances.

use std::io::{Read, Write};
use std::net::IpAddr;
use std::time::Duration;

use server::limits::Limits;
use server::listener::Ending;
use server::service::index::{Capacity, IndexService};
use server::service::{Answered, Awaited, CloseReason, Linger, Service};

use crate::support::Server;

/// Longer than a test, so that no limit is exceeded before the clock is advanced.
const LONG: Duration = Duration::from_hours(1);

/// A time that the advanced clock does not reach.
const NEVER: Duration = Duration::from_hours(1_000_000);

/// Limits that the advanced clock does not reach.
fn never() -> Limits {
    Limits {
        read_timeout: NEVER,
        idle_timeout: NEVER,
        write_timeout: NEVER,
        lifetime: NEVER,
        shutdown_timeout: NEVER,
        shutdown_write_timeout: NEVER,
        ..Limits::default()
    }
}

fn server() -> Server {
    Server::start_with(Limits { read_timeout: LONG, write_timeout: LONG, shutdown_timeout: LONG, ..never() })
}

/// Advances the clock until the server has closed the connection.
fn advance_until_closed(server: &Server, mut is_closed: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        server.advance_clock(LONG);
        std::thread::sleep(Duration::from_millis(2));
        if is_closed() {
            return;
        }
    }
    panic!("the connection was not closed");
}

#[test]
fn c5_a_client_that_stalls_in_a_line_is_closed_and_an_idle_one_is_not() {
    let server = server();
    let mut idle = server.connect();
    idle.ask(b"QUERY|a|\n", b"FAIL\n");
    let mut stalled = server.connect();
    stalled.send(b"INDEX|a");
    let mut received = Vec::new();
    advance_until_closed(&server, || {
        let mut chunk = [0; 64];
        stalled.stream.set_read_timeout(Some(Duration::from_millis(1))).ok();
        match stalled.stream.read(&mut chunk) {
            Ok(count) => {
                received.extend_from_slice(&chunk[..count]);
                count == 0
            }
            Err(_) => false,
        }
    });
    assert_eq!(received, b"ERROR\n");
    idle.ask(b"QUERY|a|\n", b"FAIL\n");
}

#[test]
fn c5_the_deadline_covers_the_whole_line() {
    let server = server();
    let mut slow = server.connect();
    slow.stream.set_read_timeout(Some(Duration::from_millis(1))).ok();
    let mut is_closed = false;
    // Each byte arrives within the limit, but the complete line does not.
    for _ in 0..10_000 {
        server.advance_clock(LONG / 4);
        std::thread::sleep(Duration::from_millis(5));
        if slow.stream.write_all(b"x").is_err() {
            is_closed = true;
            break;
        }
        if slow.stream.read(&mut [0; 64]).is_ok() {
            is_closed = true;
            break;
        }
    }
    assert!(is_closed, "a client that sends single bytes is never closed");
}

#[test]
fn c5_a_client_that_never_reads_its_replies_is_closed() {
    let server = server();
    let mut blocked = server.connect();
    blocked.send_until_blocked();
    advance_until_closed(&server, || blocked.is_aborted());
    server.connect().ask(b"QUERY|a|\n", b"FAIL\n");
}

#[test]
fn a_stop_answers_received_requests_and_closes_idle_connections() {
    let server = Server::start();
    let mut idle = server.connect();
    idle.ask(b"QUERY|a|\n", b"FAIL\n");
    let mut busy = server.connect();
    busy.ask(b"INDEX|a|\n", b"OK\n");
    busy.send(b"QUERY|a|\nQUERY|b|\nQUERY|half");
    server.begin_stop();
    busy.expect_to_end(b"OK\nFAIL\n");
    idle.expect_to_end(b"");
    let addr = server.addr;
    assert_eq!(server.ending(), Ending::Drained);
    assert!(std::net::TcpStream::connect(addr).is_err(), "the server still listens");
}

#[test]
fn a_stop_aborts_connections_after_the_shutdown_timeout() {
    let limits = Limits { shutdown_timeout: LONG, request_rate: 1.try_into().ok(), ..never() };
    let server = Server::start_serving(limits, |_| Lingering(IndexService::new(100, Capacity::default())));
    let mut lingering = server.connect();
    lingering.ask(b"QUERY|a|\nQUERY|a|\n", b"FAIL\nFAIL\nERROR\n");
    server.begin_stop();
    advance_until_closed(&server, || server.is_over());
    assert_eq!(server.ending(), Ending::Aborted(1));
}

/// A connection that lingers until its client closes it.
struct Lingering(IndexService);

impl Service for Lingering {
    type Session = <IndexService as Service>::Session;
    const REPLY_BYTES_PER_BYTE_MAX: usize = IndexService::REPLY_BYTES_PER_BYTE_MAX;
    const LINGER: Linger = Linger { bytes_max: usize::MAX, duration_max: NEVER };

    fn open_session(&self, peer: IpAddr) -> Self::Session {
        self.0.open_session(peer)
    }

    fn answer(&self, session: &mut Self::Session, input: &[u8], replies: &mut Vec<u8>) -> Answered {
        self.0.answer(session, input, replies)
    }

    fn awaits(&self, session: &Self::Session) -> Awaited {
        self.0.awaits(session)
    }

    fn buffered_bytes(&self, session: &Self::Session) -> usize {
        self.0.buffered_bytes(session)
    }

    fn append_close_reason(&self, reason: CloseReason, replies: &mut Vec<u8>) {
        self.0.append_close_reason(reason, replies);
    }
}

/// A client that takes no replies does not delay the end, although no other limit ends its connection.
#[test]
fn a_stop_closes_clients_that_take_no_replies() {
    let server = Server::start_with(Limits { shutdown_write_timeout: LONG, ..never() });
    let mut blocked = server.connect();
    blocked.send_until_blocked();
    server.begin_stop();
    advance_until_closed(&server, || server.is_over());
    assert_eq!(server.ending(), Ending::Drained);
    assert!(blocked.is_aborted());
}
