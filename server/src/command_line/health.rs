//! The health check of a server, for container platforms.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::error::Error;
use super::flags::ServerFlags;
use crate::admin;

/// Time limit of the whole check.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Longest reply to a check.
const REPLY_BYTES_MAX: usize = 8192;

/// A request that a healthy service answers.
#[derive(Clone, Copy, Debug)]
pub struct HealthCheck {
    /// Returns the request.
    pub request: fn() -> Vec<u8>,
    /// Reports whether a reply is that of a healthy service; `None` while the reply is incomplete.
    pub is_healthy: fn(&[u8]) -> Option<bool>,
}

/// Checks the server with these flags: by a request to the service and, if there is one, by the admin endpoint. The admin
/// endpoint knows the phase of the server, and only the request shows that clients are served.
///
/// # Errors
/// Returns [`Error::NotHealthy`] with the reason.
pub fn check(flags: &ServerFlags, health_check: &HealthCheck) -> Result<(), Error> {
    let deadline = Instant::now() + TIMEOUT;
    if let Some(admin) = &flags.admin {
        let failed = |problem: String| Error::NotHealthy(format!("{admin}: {problem}"));
        let addr = reachable(admin).map_err(|error| failed(error.to_string()))?;
        admin::ask_health(addr, TIMEOUT).map_err(failed)?;
    }
    let addr = &flags.addr;
    let failed = |problem: String| Error::NotHealthy(format!("{addr}: {problem}"));
    let exchange = |addr| exchange(health_check, addr, deadline);
    let (reply, is_healthy) =
        reachable(addr).and_then(exchange).map_err(|error| failed(error.to_string()))?;
    if is_healthy { Ok(()) } else { Err(failed(format!("unexpected reply '{}'", reply.escape_ascii()))) }
}

/// The address that reaches a listener from this host: the loopback address if it listens on all interfaces.
fn reachable(addr: &str) -> io::Result<SocketAddr> {
    // `:8080` stands for all interfaces, of which IPv4 is always one.
    let addr = if addr.starts_with(':') { format!("{}{addr}", Ipv4Addr::LOCALHOST) } else { addr.to_owned() };
    let mut addr = addr.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    addr.set_ip(match addr.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    });
    Ok(addr)
}

/// Sends the request. Returns the reply, as far as it was received, and whether it is that of a healthy service.
fn exchange(health_check: &HealthCheck, addr: SocketAddr, deadline: Instant) -> io::Result<(Vec<u8>, bool)> {
    let left = || {
        let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
        left.ok_or(io::ErrorKind::TimedOut)
    };
    let mut stream = TcpStream::connect_timeout(&addr, left()?)?;
    stream.set_write_timeout(Some(left()?))?;
    stream.write_all(&(health_check.request)())?;
    let (mut reply, mut byte) = (Vec::new(), [0]);
    // Single bytes, because the reply is short and its length is not known.
    while reply.len() < REPLY_BYTES_MAX {
        if let Some(is_healthy) = (health_check.is_healthy)(&reply) {
            return Ok((reply, is_healthy));
        }
        stream.set_read_timeout(Some(left()?))?;
        match stream.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => reply.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
    Ok((reply, false))
}
