//! A free port for a command, which listens on it later and perhaps, when it is started again, once more.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The first port that is used.
const FIRST: u32 = 10_000;

/// The number of ports that a process tries before those at which the next process begins. Runs at the same time thus do not find the
/// same port.
const PER_PROCESS: u32 = 97;

/// The first port that Linux assigns to outgoing connections by default.
const FIRST_ASSIGNED: u32 = 32_768;

/// Returns a free port below those that the system assigns to outgoing connections. One of them could otherwise be assigned to a
/// connection of any other program before the command listens, or while it is started again.
///
/// # Errors
/// No port is free.
pub(crate) fn find() -> io::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let count = first_assigned().saturating_sub(FIRST);
    let begin = process::id().wrapping_mul(PER_PROCESS);
    for _ in 0..count {
        let offset = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % count;
        let Ok(port) = u16::try_from(FIRST + offset) else { break };
        // Servers listen on one address or on all.
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return Ok(port);
        }
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn first_assigned() -> u32 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    range.and_then(|range| range.split_whitespace().next()?.parse().ok()).unwrap_or(FIRST_ASSIGNED)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ports_differ_and_are_not_those_of_outgoing_connections() {
        let ports: BTreeSet<u16> = (0..20).map(|_| find().unwrap()).collect();
        assert_eq!(ports.len(), 20);
        assert!(ports.iter().all(|port| u32::from(*port) < first_assigned()), "{ports:?}");
    }

    #[test]
    fn a_port_in_use_is_not_returned() {
        let held: Vec<TcpListener> =
            (0..20).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, find().unwrap())).unwrap()).collect();
        let port = find().unwrap();
        assert!(held.iter().all(|listener| listener.local_addr().unwrap().port() != port));
    }
}
