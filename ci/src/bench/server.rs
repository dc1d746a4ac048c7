//! The reference server against Redis: one client program sends QUERY to one and GET to the other, in turns.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::bench::checkout::{Checkout, Pairs, Rounds};
use crate::bench::figure::{Limit, Table};
use crate::bench::load::{Load, Server};
use crate::bench::redis;
use crate::failure::Failure;
use crate::process::Running;
use crate::statistics::median_of_ratios;

/// The time that perf may take to attach. It does not report when it has; requests before that are not counted.
const ATTACH_TIME: Duration = Duration::from_millis(500);

/// # Errors
/// A server does not start, or the client program fails.
pub(crate) fn measure(
    current: &Checkout,
    baseline: Option<&Checkout>,
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    let ours = Server::start(current, &[])?;
    let earlier = baseline.map(|baseline| Server::start(baseline, &[])).transpose()?;
    let redis = redis::start()?;
    for in_flight in [1, 32] {
        let mut loads: Vec<[Load; 2]> = Vec::new();
        let (mut cpu, mut rate) = (Pairs::default(), Pairs::default());
        for _ in 0..rounds.count {
            let load = |server: &Server| server.load(current, in_flight, rounds.length);
            let (ours, redis) = (load(&ours)?, load(&redis)?);
            loads.push([ours, redis]);
            cpu.current.push(ours.cpu_ns / 1000.0);
            rate.current.push(ours.requests_per_second);
            if let Some(earlier) = &earlier {
                let earlier = load(earlier)?;
                cpu.baseline.push(earlier.cpu_ns / 1000.0);
                rate.baseline.push(earlier.requests_per_second);
            }
        }
        let name = format!("{in_flight} in flight, 100 clients");
        let of_redis = |figure: fn(&Load) -> f64| {
            median_of_ratios(loads.iter().map(|[ours, redis]| (figure(ours), figure(redis))))
        };
        let cpu_of_redis = of_redis(|load| load.cpu_ns);
        let cpu_name = format!("{name}: CPU per request, of Redis");
        if in_flight == 1 {
            table.add_with_goal(&cpu_name, cpu_of_redis, Limit::AtMost(1.10), 1.00);
            system_calls(current, [&ours, &redis], rounds, table)?;
        } else {
            let rate_name = format!("{name}: requests per second, of Redis");
            table.add_with_goal(
                &rate_name,
                of_redis(|load| load.requests_per_second),
                Limit::AtLeast(1.5),
                2.5,
            );
            table.add(&cpu_name, cpu_of_redis, Some(Limit::AtMost(0.5)));
        }
        table.add_pairs(&format!("{name}: CPU per request, µs"), &cpu, None, None);
        table.add_pairs(&format!("{name}: requests per second"), &rate, None, None);
    }
    Ok(())
}

fn system_calls(
    client: &Checkout,
    servers: [&Server; 2],
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    const NAME: &str = "1 in flight, 100 clients: system calls per request";
    let [ours, redis] = servers.map(|server| system_calls_of(server, client, rounds.length));
    match (ours?, redis?) {
        (Some(ours), Some(redis)) => {
            table.add_with_goal(&format!("{NAME} (Redis {redis:.2})"), ours, Limit::AtMost(3.5), 2.3);
        }
        _ => table.add_not_run(NAME, "perf may not count system calls here"),
    }
    Ok(())
}

/// Returns the system calls of a server per request; `None` if perf may not count them.
fn system_calls_of(server: &Server, client: &Checkout, length: Duration) -> Result<Option<f64>, Failure> {
    let counted = tempfile::NamedTempFile::new().map_err(Failure::during("creating a file"))?;
    let mut command = Command::new("perf");
    command.args(["stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", &server.pid().to_string(), "-o"]);
    let perf = Running::start(command.arg(counted.path()).stderr(Stdio::null()))?;
    thread::sleep(ATTACH_TIME);
    let load = server.load(client, 1, length)?;
    perf.signal(Signal::INT);
    perf.wait()?;
    let csv = std::fs::read_to_string(counted.path()).map_err(Failure::at(counted.path()))?;
    Ok(count_of(&csv).map(|count| count / load.requests))
}

/// Reads the count from perf's comma-separated output.
fn count_of(csv: &str) -> Option<f64> {
    csv.lines().find(|line| line.contains("sys_enter"))?.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_of_perf_is_read() {
        assert_eq!(count_of("# started\n\n120,,raw_syscalls:sys_enter,5,100.00,,\n"), Some(120.0));
        assert_eq!(count_of("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n"), None);
        assert_eq!(count_of(""), None);
    }
}
