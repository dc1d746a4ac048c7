//! A server under load, and the client program that loads it.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::bench::checkout::Checkout;
use crate::binaries::Binary;
use crate::failure::Failure;
use crate::process::{self, Running};

/// A server that the client program can load.
pub(crate) struct Server {
    running: Running,
    pub(crate) addr: String,
    /// The address of the metrics, if the server serves them.
    pub(crate) admin: Option<String>,
    /// The protocol of the server, as the client program calls it.
    protocol: &'static str,
}

/// The load of a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) requests: f64,
    pub(crate) requests_per_second: f64,
    /// The CPU time of the server for one request, in nanoseconds.
    pub(crate) cpu_ns: f64,
}

impl Server {
    /// Starts the reference server on a free port, with one thread.
    ///
    /// # Errors
    /// The server does not start.
    pub(crate) fn start(checkout: &Checkout, flags: &[&str]) -> Result<Self, Failure> {
        let mut command = Command::new(checkout.binaries.path(Binary::Server));
        command.args(["--addr", "127.0.0.1:0", "--threads", "1", "--log-level", "error"]).args(flags);
        Self::start_command(&mut command)
    }

    /// Starts a server that prints `listening on HOST:PORT`, after `admin on HOST:PORT` if it serves metrics.
    ///
    /// # Errors
    /// The server does not start.
    pub(crate) fn start_command(command: &mut Command) -> Result<Self, Failure> {
        let mut running = Running::start(command)?;
        let mut admin = None;
        loop {
            let line = running.line()?;
            let line = line.ok_or_else(|| Failure::other("the server ended before it listened"))?;
            if let Some(addr) = line.strip_prefix("admin on ") {
                admin = Some(addr.to_owned());
            }
            if let Some(addr) = line.strip_prefix("listening on ") {
                return Ok(Self { running, addr: addr.to_owned(), admin, protocol: "index" });
            }
        }
    }

    /// Returns a server that listens on this address already.
    pub(crate) fn redis(running: Running, addr: String) -> Self {
        Self { running, addr, admin: None, protocol: "redis" }
    }

    /// Returns the id of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Loads the server with 100 clients, each of which keeps this number of requests in flight.
    ///
    /// # Errors
    /// The client program fails.
    pub(crate) fn load(&self, client: &Checkout, in_flight: u32, length: Duration) -> Result<Load, Failure> {
        let before = cpu_ns(self.pid())?;
        let mut command = Command::new(client.binaries.bench_client());
        command.args([
            "--addr",
            &self.addr,
            "--speech",
            self.protocol,
            "--in-flight",
            &in_flight.to_string(),
        ]);
        let output = process::output(command.args(["--seconds", &length.as_secs_f64().to_string()]))?;
        let figures: Vec<f64> = output.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [requests, seconds] = figures[..] else {
            return Err(Failure::other(format!("the client program printed {output:?}")));
        };
        let cpu_ns = (cpu_ns(self.pid())? - before) / requests;
        Ok(Load { requests, requests_per_second: requests / seconds, cpu_ns })
    }

    /// Returns the resident memory in MiB.
    ///
    /// # Errors
    /// The server has ended.
    pub(crate) fn resident_mib(&self) -> Result<f64, Failure> {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(&path).map_err(Failure::at(&path))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        kib.map(|kib| kib / 1024.0).ok_or_else(|| Failure::other(format!("{path} has no line VmRSS")))
    }
}

/// Returns the CPU time that the scheduler has counted for the threads of a process.
fn cpu_ns(pid: u32) -> Result<f64, Failure> {
    let path = format!("/proc/{pid}/task");
    let mut total = 0.0;
    for thread in fs::read_dir(&path).map_err(Failure::at(&path))?.flatten() {
        // A thread may end meanwhile.
        let counted = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        total += counted.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0);
    }
    Ok(total)
}
