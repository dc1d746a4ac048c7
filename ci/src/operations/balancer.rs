//! HAProxy in front of two quotation servers: clients are served, also while one of them stops.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::binaries::{Binaries, Binary};
use crate::failure::Failure;
use crate::http;
use crate::process::{self, Running};
use crate::prometheus::free_address;
use crate::workspace::Workspace;

const READY_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

/// The number of quotations that clients ask for with both servers, and with one.
const QUOTATIONS: &str = "20";

/// An instance of the quotation server.
struct Instance {
    process: Running,
    addr: String,
    admin: String,
}

/// Checks that clients get their quotations from both instances, and from the other one after one has stopped.
///
/// # Errors
/// HAProxy rejects its configuration, a client gets no quotation, or an instance served none.
pub(super) fn check(workspace: &Workspace, binaries: &Binaries) -> Result<(), Failure> {
    let (one, two) = (start(binaries)?, start(binaries)?);
    let listen = free_address()?;
    let configuration = workspace.path("ci/deploy/haproxy/haproxy.cfg");
    let haproxy = || {
        let mut command = Command::new("haproxy");
        command.arg("-f").arg(&configuration).env("LISTEN", &listen).env("ADMIN_HOST", "127.0.0.1");
        command.env("INSTANCE_1", &one.addr).env("ADMIN_1", port_of(&one.admin));
        command.env("INSTANCE_2", &two.addr).env("ADMIN_2", port_of(&two.admin));
        command
    };
    process::output(haproxy().arg("-c"))?;
    let mut running = Running::start(haproxy().arg("-db").stderr(Stdio::null()))?;
    await_service(binaries, &listen, &mut running)?;
    quotations(binaries, &listen)?;
    for instance in [&one, &two] {
        if served(instance)? == 0 {
            return Err(Failure::other(format!("the instance {} served no client", instance.addr)));
        }
    }
    one.process.signal(Signal::TERM);
    quotations(binaries, &listen)?;
    println!("HAProxy balances clients over two instances, and over one after the other has stopped");
    Ok(())
}

fn start(binaries: &Binaries) -> Result<Instance, Failure> {
    // The addresses must be known before HAProxy starts; another program may take one in between, which is a failure.
    let (addr, admin) = (free_address()?, free_address()?);
    let mut command = Command::new(binaries.path(Binary::Wisdom));
    command.args(["serve", "--addr", &addr, "--admin", &admin, "--bind-ip", "false", "--difficulty", "8"]);
    command.args([
        "--difficulty-min",
        "8",
        "--max-connections-per-address",
        "1000",
        "--max-request-rate",
        "1000",
    ]);
    Ok(Instance { process: Running::start(command.stderr(Stdio::null()))?, addr, admin })
}

fn port_of(addr: &str) -> &str {
    addr.rsplit_once(':').map_or(addr, |(_, port)| port)
}

fn get(binaries: &Binaries, addr: &str, count: &str) -> Command {
    let mut command = Command::new(binaries.path(Binary::Wisdom));
    command.args(["get", "--addr", addr, "--count", count, "--timeout", "10"]);
    command
}

fn await_service(binaries: &Binaries, listen: &str, haproxy: &mut Running) -> Result<(), Failure> {
    let deadline = Instant::now() + READY_WITHIN;
    while process::output(&mut get(binaries, listen, "1")).is_err() {
        if haproxy.has_ended() || Instant::now() > deadline {
            return Err(Failure::other("HAProxy does not serve clients"));
        }
        thread::sleep(POLL);
    }
    Ok(())
}

fn quotations(binaries: &Binaries, listen: &str) -> Result<(), Failure> {
    process::output(&mut get(binaries, listen, QUOTATIONS)).map(drop)
}

/// Returns the number of challenges that clients of an instance have solved.
fn served(instance: &Instance) -> Result<u64, Failure> {
    let metrics = http::get(&instance.admin, "/metrics")?.body;
    let line = metrics.lines().find_map(|line| line.strip_prefix("wisdom_challenges_solved_total "));
    line.and_then(|count| count.trim().parse().ok())
        .ok_or_else(|| Failure::other(format!("{} reports no number of solved challenges", instance.admin)))
}
