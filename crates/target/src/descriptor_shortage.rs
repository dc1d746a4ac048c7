//! A shortage of file descriptors in the processes of a target: begun, proven and ended.

use procfs::process::{FDTarget, LimitValue, Process};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// The limits of processes that have almost no free descriptor.
#[derive(Debug)]
pub(crate) struct DescriptorShortage {
    limited: Vec<Limited>,
    /// Whether a process with sockets was seen without a free descriptor.
    has_occurred: bool,
}

/// A process with the limit that it has now and the ones that it had before.
#[derive(Debug)]
struct Limited {
    pid: Pid,
    limit: u64,
    before: Rlimit,
}

impl DescriptorShortage {
    /// Leaves the processes this number of free descriptors, or none if several of them have sockets: it cannot be known
    /// which of them accepts the next client. Returns `None` if a limit cannot be set.
    pub(crate) fn begin(processes: &[Pid], free: u32) -> Option<Self> {
        let mut open = Vec::new();
        for &pid in processes {
            open.push((pid, Open::of(pid)?));
        }
        let with_sockets = open.iter().filter(|(_, open)| open.has_socket).count();
        let free = if with_sockets > 1 { 0 } else { free };
        let mut limited = Vec::new();
        for (pid, open) in open {
            let limit = limit_with_free(&open.numbers, free);
            let allowed = Rlimit { current: Some(limit), ..limits(pid)? };
            let before = prlimit(Some(pid), Resource::Nofile, allowed).ok()?;
            limited.push(Limited { pid, limit, before });
        }
        (with_sockets > 0).then_some(Self { limited, has_occurred: false })
    }

    /// Notes whether a process with sockets has no free descriptor left, so that a further client cannot be accepted. At another
    /// time a client may have left.
    pub(crate) fn observe(&mut self) {
        self.has_occurred |= self.limited.iter().any(|Limited { pid, limit, .. }| {
            let is_exhausted = |open: Open| open.has_socket && free_below(&open.numbers, *limit) == 0;
            Open::of(*pid).is_some_and(is_exhausted)
        });
    }

    /// Restores the previous limits. Returns whether a further client could not be accepted at some time.
    pub(crate) fn end(mut self) -> bool {
        self.observe();
        for Limited { pid, before, .. } in self.limited {
            // A process that has ended needs no limit.
            let _ = prlimit(Some(pid), Resource::Nofile, before);
        }
        self.has_occurred
    }
}

/// The open descriptors of a process.
struct Open {
    /// Their numbers, in ascending order.
    numbers: Vec<u64>,
    has_socket: bool,
}

impl Open {
    fn of(pid: Pid) -> Option<Self> {
        let descriptors = Process::new(pid.as_raw_nonzero().get()).ok()?.fd().ok()?.flatten();
        let mut open = Self { numbers: Vec::new(), has_socket: false };
        for descriptor in descriptors {
            open.has_socket |= matches!(descriptor.target, FDTarget::Socket(_));
            open.numbers.extend(u64::try_from(descriptor.fd));
        }
        open.numbers.sort_unstable();
        Some(open)
    }
}

/// Returns the limits of a process.
fn limits(pid: Pid) -> Option<Rlimit> {
    let limits = Process::new(pid.as_raw_nonzero().get()).ok()?.limits().ok()?.max_open_files;
    let value = |limit| match limit {
        LimitValue::Value(value) => Some(value),
        LimitValue::Unlimited => None,
    };
    Some(Rlimit { current: value(limits.soft_limit), maximum: value(limits.hard_limit) })
}

/// Returns the smallest limit below which this number of descriptors is free. A new descriptor has the lowest free number,
/// which must be below the limit.
fn limit_with_free(open: &[u64], free: u32) -> u64 {
    let mut free_numbers = (0..).filter(|number: &u64| open.binary_search(number).is_err());
    let limit = match free.checked_sub(1) {
        Some(others) => free_numbers.nth(others as usize).map(|last| last + 1),
        None => free_numbers.next(),
    };
    limit.unwrap_or(u64::MAX)
}

/// Returns how many numbers below the limit are free.
fn free_below(open: &[u64], limit: u64) -> u64 {
    limit - open.iter().filter(|&&number| number < limit).count() as u64
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpStream;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_limit_leaves_the_wanted_number_of_descriptors_free() {
        let open = [0, 1, 2, 3, 5, 9];
        for (free, limit) in [(0, 4), (1, 5), (2, 7), (3, 8), (4, 9), (5, 11)] {
            assert_eq!(limit_with_free(&open, free), limit);
            assert_eq!(free_below(&open, limit), u64::from(free));
        }
    }

    /// Accepts clients for ever and keeps them.
    const SERVER: &str = "
import socket, sys, time
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
clients = []
while True:
    try:
        clients.append(listener.accept())
    except OSError:
        time.sleep(0.01)
";

    #[test]
    fn a_shortage_has_occurred_if_the_last_descriptor_was_taken() {
        let mut server = Command::new("python3").args(["-c", SERVER]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let connect = || TcpStream::connect(("127.0.0.1", line.trim().parse().unwrap())).unwrap();
        let pid = Pid::from_child(&server);
        let open = || Open::of(pid).unwrap().numbers.len();
        let wait_for = |count: usize| {
            let begun = Instant::now();
            while open() != count {
                assert!(begun.elapsed() < Duration::from_secs(20), "{} descriptors, not {count}", open());
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        let before = open();
        let unlimited = limits(pid);

        let unused = DescriptorShortage::begin(&[pid], 1).unwrap();
        assert!(!unused.end());

        let used = DescriptorShortage::begin(&[pid], 1).unwrap();
        let clients = [connect(), connect(), connect()];
        wait_for(before + 1);
        assert!(used.end());

        // The previous limit is restored, so the others are accepted.
        wait_for(before + clients.len());
        assert_eq!(limits(pid), unlimited);
        server.kill().unwrap();
        server.wait().unwrap();
    }
}
