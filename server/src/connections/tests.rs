//! Tests of the registry of connections.

use std::net::TcpListener;

use super::*;
use crate::telemetry::NoTelemetry;

/// A client address that uses less than another one keeps its connection, although it began first. Of the other
/// address, the oldest connections are closed.
#[test]
fn memory_is_reclaimed_from_the_address_that_uses_the_most() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connections = Connections::default();
    let open = |host: u8| {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = Async::new(listener.accept().unwrap().0).unwrap();
        (client, connections.add(stream, [127, 0, 0, host].into()))
    };
    let limits = Limits { buffered_bytes_max: 80_000, ..Limits::default() };
    let opened = [1, 2, 2, 2, 2].map(open);
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
