//! Tests of the registry of connections.

use std::net::TcpListener;
use std::time::Duration;

use super::*;
use crate::telemetry::NoTelemetry;

/// A connected pair of sockets, of which the server side is registered.
fn open(connections: &Connections, host: u8) -> (TcpStream, Arc<Connection>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let client =
        TcpStream::connect(listener.local_addr().expect("the listener is bound")).expect("it listens");
    let stream =
        Async::new(listener.accept().expect("a client has connected").0).expect("there are descriptors");
    (client, connections.add(stream, [127, 0, 0, host].into()))
}

/// A client address that uses less than another one keeps its connection, although it began first. Of the other
/// address, the oldest connections are closed.
#[test]
fn memory_is_reclaimed_from_the_address_that_uses_the_most() {
    let connections = Connections::default();
    let limits = Limits { buffered_bytes_max: 80_000, ..Limits::default() };
    let opened = [1, 2, 2, 2, 2].map(|host| open(&connections, host));
    for (_, connection) in &opened {
        connections.hold(connection, 20_000, &limits, &NoTelemetry);
    }
    let refusals = opened.each_ref().map(|(_, connection)| connection.refusal());
    let closed = Some(Refusal::BufferedBytes);
    assert_eq!(refusals, [None, closed, closed, None, None], "the sum is at most 70,000");
    assert_eq!((connections.budget.lasting_bytes(), connections.budget.bytes()), (60_000, 100_000));
    for (_, connection) in &opened {
        connections.remove(connection, &NoTelemetry);
    }
    assert_eq!(connections.budget.bytes(), 0);
}

/// During a drain the time limit of a blocked write begins with the drain, and again with each progress.
#[test]
fn a_drain_limits_the_time_without_progress_of_a_write() {
    let connections = Connections::default();
    let limits = Limits::default();
    let (_client, blocked) = open(&connections, 1);
    let (_other, resting) = open(&connections, 1);
    let begun = Instant::now();
    let sweep_after = |seconds: f64| {
        connections.sweep(begun + Duration::from_secs_f64(seconds), &limits);
        blocked.refusal()
    };
    blocked.begin_wait(Wait::WritingReplies);
    assert_eq!((sweep_after(0.0), sweep_after(20.0)), (None, None), "there is no drain yet");
    connections.drain(begun + Duration::from_secs(20));
    assert_eq!(sweep_after(21.9), None);
    blocked.begin_wait(Wait::WritingReplies);
    assert_eq!((sweep_after(22.1), sweep_after(24.0)), (None, None), "the write has made progress");
    assert_eq!(sweep_after(24.2), Some(Refusal::WriteTimeout));
    assert_eq!(resting.refusal(), None, "other waits have no shorter limit");
}
