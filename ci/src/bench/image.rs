//! The images: size, time to the first served request, memory.
//!
//! The time to the first request is that from before `docker run` to the reply, with everything that the daemon does.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::bench::checkout::Rounds;
use crate::bench::figure::{Limit, Table};
use crate::docker::{Container, HARNESS_IMAGE, SERVER_IMAGE, TEST_LABEL, docker};
use crate::failure::Failure;
use crate::images;
use crate::statistics::median;

const PORT: u16 = 8080;
const START_WITHIN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(1);
const MEMORY_MIB_MAX: u32 = 64;
const SERVER_MB_MAX: f64 = 12.0;

/// # Errors
/// The daemon refuses something, or a memory limit kills the server.
pub(crate) fn measure(rounds: Rounds, table: &mut Table) -> Result<(), Failure> {
    for (image, limit) in [(SERVER_IMAGE, Some(Limit::AtMost(SERVER_MB_MAX))), (HARNESS_IMAGE, None)] {
        table.add(&format!("{image}: MB"), megabytes(images::size_bytes(image)?), limit);
    }
    let starts = if rounds.is_short { 5 } else { 20 };
    let millis = (0..starts).map(|_| first_request_ms()).collect::<Result<Vec<f64>, _>>()?;
    let name = format!("from `docker run` to the first served request, median of {starts}: ms");
    table.add(&name, median(&millis), Some(Limit::AtMost(300.0)));
    table.add("the slowest of these starts: ms", millis.iter().copied().fold(0.0, f64::max), None);
    let limit = Limit::AtMost(MEMORY_MIB_MAX.into());
    table.add("1,000 clients: MiB of the container at most", memory_mib()?, Some(limit));
    Ok(())
}

fn first_request_ms() -> Result<f64, Failure> {
    let begun = Instant::now();
    let container = Container::start(&[], SERVER_IMAGE)?;
    ask_until(&container.address()?, begun + START_WITHIN)?;
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    running: bool,
    #[serde(rename = "OOMKilled")]
    is_killed_for_memory: bool,
    pid: u32,
}

/// Returns the most memory that the kernel counted for a container with a limit while 1,000 clients replayed a graph.
fn memory_mib() -> Result<f64, Failure> {
    let limit = format!("{MEMORY_MIB_MAX}m");
    let container = Container::start(&["--memory", &limit, "--memory-swap", &limit], SERVER_IMAGE)?;
    let addr = container.address()?;
    ask_until(&addr, Instant::now() + START_WITHIN)?;
    let target = format!("{addr}:{PORT}");
    let label = format!("--label={TEST_LABEL}=bench");
    let run = ["run", "--rm", &label, HARNESS_IMAGE, "--addr", &target, "--only", "index/replay"];
    let replay = ["--packages", "10000", "--concurrency", "1000", "--seed", "7", "--deadline", "120"];
    docker(&[&run[..], &replay].concat())?;
    let json = container.inspect("{{json .State}}")?;
    let state: State = serde_json::from_str(&json)
        .map_err(|source| Failure::Json { what: "`docker inspect`".to_owned(), source })?;
    if !state.running || state.is_killed_for_memory {
        return Err(Failure::other(format!("the server's container has ended: {json}")));
    }
    peak_mib(&container.id, state.pid)
}

/// Returns the most memory of the container's control group, caches of files included.
fn peak_mib(container: &str, pid: u32) -> Result<f64, Failure> {
    let path = format!("/proc/{pid}/cgroup");
    let groups = fs::read_to_string(&path).map_err(Failure::at(&path))?;
    let mut files = groups.lines().filter(|line| line.contains(container)).filter_map(|line| {
        let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
        let first = format!("/sys/fs/cgroup/{controllers}{group}/memory.max_usage_in_bytes");
        let second = format!("/sys/fs/cgroup{group}/memory.peak");
        [first, second].into_iter().find(|file| Path::new(file).exists())
    });
    let bytes = files.find_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    let bytes =
        bytes.ok_or_else(|| Failure::other("this kernel does not report the memory of a container"))?;
    Ok(megabytes(bytes) * 1e6 / f64::from(1 << 20))
}

#[expect(clippy::cast_precision_loss, reason = "a size is shown with two decimals")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Asks until a request is served.
fn ask_until(addr: &str, deadline: Instant) -> Result<(), Failure> {
    let addr: SocketAddr = format!("{addr}:{PORT}")
        .parse()
        .map_err(|_| Failure::other(format!("docker reports the address {addr:?}")))?;
    loop {
        match ask(addr) {
            Ok(()) => return Ok(()),
            Err(_) if Instant::now() < deadline => thread::sleep(POLL),
            Err(error) => return Err(Failure::during("waiting for the first reply of a container")(error)),
        }
    }
}

fn ask(addr: SocketAddr) -> std::io::Result<()> {
    let mut client = TcpStream::connect_timeout(&addr, Duration::from_secs(1))?;
    client.set_read_timeout(Some(Duration::from_secs(1)))?;
    client.write_all(b"QUERY|nothing|\n")?;
    let mut reply = [0; b"FAIL\n".len()];
    client.read_exact(&mut reply)
}
