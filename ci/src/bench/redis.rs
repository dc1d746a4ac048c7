//! Redis, the server that the reference server is compared with.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::load::Server;
use crate::failure::Failure;
use crate::process::Running;
use crate::prometheus::free_address;

const START_WITHIN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// Starts Redis without persistence on a free port.
///
/// # Errors
/// Redis does not start.
pub(crate) fn start() -> Result<Server, Failure> {
    let addr = free_address()?;
    let port = addr.rsplit_once(':').map_or("", |(_, port)| port);
    let mut command = Command::new("redis-server");
    command.args(["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.args(["--logfile", "/dev/null"]).stderr(Stdio::null());
    let running = Running::start(&mut command)?;
    let deadline = Instant::now() + START_WITHIN;
    loop {
        match TcpStream::connect(&addr) {
            Ok(_) => return Ok(Server::redis(running, addr)),
            Err(_) if Instant::now() < deadline => thread::sleep(POLL),
            Err(error) => return Err(Failure::during("connecting to Redis")(error)),
        }
    }
}
