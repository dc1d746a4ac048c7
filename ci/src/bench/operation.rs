//! The cost of operating the reference server: metrics, idle clients, a large index.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::bench::checkout::{Checkout, Pairs, Rounds};
use crate::bench::figure::{Limit, Table};
use crate::bench::load::Server;
use crate::failure::Failure;
use crate::statistics::{median, median_of_ratios};

/// Connections to an idle server. Descriptors of this process and of the server are separate, so that both have room.
const IDLE_CLIENTS: usize = 10_000;
const NEW_CLIENTS: usize = 100;
const DEPENDENCIES: usize = 5;
const PIPELINED: usize = 500;

/// # Errors
/// A server does not start, or replies incorrectly.
pub(crate) fn measure(
    current: &Checkout,
    baseline: Option<&Checkout>,
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    metrics(current, rounds, table)?;
    let mut delays = Vec::new();
    let idle = Pairs::measure(1, current, baseline, |checkout, _| {
        let (mib, delay) = idle_clients(checkout)?;
        delays.push(delay);
        Ok(mib)
    })?;
    table.add_pairs("10,000 idle clients: MiB resident for them", &idle, Some(Limit::AtMost(100.0)), None);
    let delay = delays.first().copied().unwrap_or(f64::NAN);
    table.add("a new client beside them, until its first reply: ms", delay, Some(Limit::AtMost(10.0)));
    let sizes: &[(usize, f64)] =
        if rounds.is_short { &[(10_000, 10.0)] } else { &[(10_000, 10.0), (1_000_000, 500.0)] };
    for (packages, mib_max) in sizes {
        let grown = Pairs::measure(1, current, baseline, |checkout, _| index_mib(checkout, *packages))?;
        let name = format!("index of {packages} packages with {DEPENDENCIES} dependencies: MiB");
        table.add_pairs(&name, &grown, Some(Limit::AtMost(*mib_max)), None);
    }
    Ok(())
}

/// The CPU time of a request with metrics, of that without. Logs are off in both.
fn metrics(current: &Checkout, rounds: Rounds, table: &mut Table) -> Result<(), Failure> {
    let plain = Server::start(current, &[])?;
    let counting = Server::start(current, &["--admin", "127.0.0.1:0"])?;
    let mut pairs = Vec::new();
    for _ in 0..rounds.count {
        let without = plain.load(current, 1, rounds.length)?.cpu_ns;
        pairs.push((counting.load(current, 1, rounds.length)?.cpu_ns, without));
    }
    let name = "metrics on, 100 clients: CPU per request, of that without";
    table.add(name, median_of_ratios(pairs), Some(Limit::AtMost(1.10)));
    Ok(())
}

/// Returns the memory of many idle connections in MiB, and the median time in milliseconds that a new client waits.
fn idle_clients(checkout: &Checkout) -> Result<(f64, f64), Failure> {
    raise_descriptor_limit();
    let server = Server::start(checkout, &[])?;
    let before = server.resident_mib()?;
    let clients: Vec<TcpStream> = (0..IDLE_CLIENTS).map(|_| ask(&server.addr)).collect::<Result<_, _>>()?;
    let grown = server.resident_mib()? - before;
    let mut delays = Vec::new();
    for _ in 0..NEW_CLIENTS {
        let begun = Instant::now();
        ask(&server.addr)?;
        delays.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    drop(clients);
    Ok((grown, median(&delays)))
}

fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where the system refuses, connecting fails with a clear error.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Connects and sends one request; returns the connection after its reply.
fn ask(addr: &str) -> Result<TcpStream, Failure> {
    let during = || Failure::during("sending a request to the server");
    let mut client = TcpStream::connect(addr).map_err(during())?;
    client.write_all(b"QUERY|a|\n").map_err(during())?;
    let mut reply = [0; b"FAIL\n".len()];
    client.read_exact(&mut reply).map_err(during())?;
    if &reply == b"FAIL\n" {
        Ok(client)
    } else {
        Err(Failure::other(format!("the server replied {reply:?}")))
    }
}

/// Returns the memory of an index of this number of packages, each with a few dependencies.
fn index_mib(checkout: &Checkout, packages: usize) -> Result<f64, Failure> {
    let during = || Failure::during("filling the index");
    let server = Server::start(checkout, &[])?;
    let before = server.resident_mib()?;
    let mut client = TcpStream::connect(&server.addr).map_err(during())?;
    let mut replies = vec![0; PIPELINED * b"OK\n".len()];
    for first in (0..packages).step_by(PIPELINED) {
        let count = PIPELINED.min(packages - first);
        let lines: String = (first..first + count).map(request).collect();
        client.write_all(lines.as_bytes()).map_err(during())?;
        let replies = &mut replies[..count * b"OK\n".len()];
        client.read_exact(replies).map_err(during())?;
        if !replies.chunks(b"OK\n".len()).all(|reply| reply == b"OK\n") {
            return Err(Failure::other("the server refused a package whose dependencies are indexed"));
        }
    }
    Ok(server.resident_mib()? - before)
}

/// Returns the request that indexes a package whose dependencies have lower numbers.
fn request(number: usize) -> String {
    let last = number * 7 / 11;
    let first = (last + 1).saturating_sub(DEPENDENCIES);
    let dependencies: Vec<String> =
        (first..=last).filter(|other| *other < number).map(|other| format!("package-{other}")).collect();
    format!("INDEX|package-{number}|{}\n", dependencies.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_depends_on_packages_with_lower_numbers() {
        assert_eq!(request(0), "INDEX|package-0|\n");
        assert_eq!(request(1), "INDEX|package-1|package-0\n");
        let expected = "INDEX|package-11|package-3,package-4,package-5,package-6,package-7\n";
        assert_eq!(request(11), expected);
    }
}
