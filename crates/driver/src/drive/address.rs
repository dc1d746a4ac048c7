//! The addresses that connections come from, and go to.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::net::TcpSocket;

use crate::moves::Source;

/// Takes an address of the loopback network, where the target is on it.
pub(super) fn bind(socket: &TcpSocket, target: SocketAddr, source: Source) -> io::Result<()> {
    let Some(address) = source.address() else { return Ok(()) };
    let is_needed = matches!(source, Source::Exactly(_));
    if !(target.is_ipv4() && target.ip().is_loopback()) {
        return if is_needed { Err(ErrorKind::AddrNotAvailable.into()) } else { Ok(()) };
    }
    match socket.bind((address, 0).into()) {
        // Some systems have one address there, and their clients share it.
        Err(error) if error.kind() == ErrorKind::AddrNotAvailable && !is_needed => Ok(()),
        bound => bound,
    }
}

/// The same address as IPv6 has it.
pub(super) fn mapped(addr: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V4(addr) => (addr.ip().to_ipv6_mapped(), addr.port()).into(),
        SocketAddr::V6(_) => addr,
    }
}
