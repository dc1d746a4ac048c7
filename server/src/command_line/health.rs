//! Asks a server whether it is well, as a container's health check does.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::flags::Flags;
use crate::admin;

/// How long the server may take for its answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// More than any reply to a question takes.
const REPLY_BYTES_MAX: usize = 8192;

/// What is asked where there is no admin address.
#[derive(Debug)]
pub(super) struct Question {
    /// What is sent.
    pub(super) request: fn() -> Vec<u8>,
    /// Whether a reply shows that the server is well; nothing while it is not whole.
    pub(super) is_well: fn(&[u8]) -> Option<bool>,
}

/// Asks.
///
/// # Errors
/// It is not well, for this reason.
pub(super) fn ask(flags: &Flags) -> Result<(), String> {
    if let Some(admin) = &flags.admin {
        let addr = reachable(admin).map_err(|error| format!("{admin}: {error}"))?;
        return admin::ask_health(addr, TIMEOUT).map_err(|problem| format!("{admin}: {problem}"));
    }
    let addr = &flags.addr;
    let question = &flags.service.question;
    let put = |addr| put(question, addr);
    let (reply, is_well) = reachable(addr).and_then(put).map_err(|error| format!("{addr}: {error}"))?;
    if is_well { Ok(()) } else { Err(format!("{addr}: it answered '{}'", reply.escape_ascii())) }
}

/// Where a server that listens on `addr` is reached from here: one that listens everywhere, on loopback.
fn reachable(addr: &str) -> io::Result<SocketAddr> {
    let mut addr = addr.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    addr.set_ip(match addr.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    });
    Ok(addr)
}

/// Sends the request, and brings the reply, or what there is of it, and whether it is a good one.
fn put(question: &Question, addr: SocketAddr) -> io::Result<(Vec<u8>, bool)> {
    let deadline = Instant::now() + TIMEOUT;
    let left = || deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
    let mut stream = TcpStream::connect_timeout(&addr, TIMEOUT)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(&(question.request)())?;
    let (mut reply, mut byte) = (Vec::new(), [0]);
    // A byte at a time: no reply is long, and none is followed by another.
    while reply.len() < REPLY_BYTES_MAX {
        if let Some(is_well) = (question.is_well)(&reply) {
            return Ok((reply, is_well));
        }
        stream.set_read_timeout(Some(left().ok_or(io::ErrorKind::TimedOut)?))?;
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
