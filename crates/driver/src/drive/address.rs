//! Source addresses of connections, and IPv4-mapped target addresses.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::net::TcpSocket;

use crate::moves::Source;

/// Binds a socket to the requested loopback address if the target is on loopback.
pub(super) fn bind(socket: &TcpSocket, target: SocketAddr, source: Source) -> io::Result<()> {
    let Some(address) = source.address() else { return Ok(()) };
    let is_needed = matches!(source, Source::Exactly(_));
    if !(target.is_ipv4() && target.ip().is_loopback()) {
        return if is_needed { Err(ErrorKind::AddrNotAvailable.into()) } else { Ok(()) };
    }
    match socket.bind((address, 0).into()) {
        // Systems with a single loopback address use it for all clients.
        Err(error) if error.kind() == ErrorKind::AddrNotAvailable && !is_needed => Ok(()),
        bound => bound,
    }
}

/// Returns the IPv4-mapped IPv6 form of an address.
pub(super) fn mapped(addr: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V4(addr) => (addr.ip().to_ipv6_mapped(), addr.port()).into(),
        SocketAddr::V6(_) => addr,
    }
}
