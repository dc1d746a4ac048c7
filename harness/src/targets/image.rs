//! A container as the target, of any image: started by a supervisor of its own, and judged once it answers.
//!
//! The supervisor talks to the Docker daemon (`container.rs`) and to this side in one line; what the container says
//! it passes on. When the pipe from here closes, for whatever reason, it removes the container.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::ChildStdout;
use tokio::time::timeout;

use super::Error;
use super::started::{Started, spawn_supervisor};

/// The hidden subcommand that is the supervisor of a container; the image follows it, and the container's port, if it
/// is not to be found out.
pub(super) const SUBCOMMAND: &str = "supervise-container";

/// What the supervisor says once, as a line of JSON; nothing if the container ends before it could.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Told {
    /// The container runs.
    Runs {
        /// Where it can be reached.
        addr: String,
        /// Its own port.
        port: u16,
        /// Its main process, where that is one of this machine.
        main: Option<u32>,
    },
    /// There is none, in words.
    Failed(String),
}

/// How long it may take until a container runs: with the daemon asked and the image fetched, each of which has a
/// limit of its own that is reached first.
const RUNS_TIMEOUT: Duration = Duration::from_mins(10);

/// A request that changes nothing. Whatever comes of it shows that somebody is there: where a port is published, the
/// daemon takes connections in the container's place.
const PROBE: &[u8] = b"QUERY|gauntlet-probe|\n";

/// Starts a container, and waits until it answers.
///
/// # Errors
/// There is no daemon or no image, the container ends, or it does not answer; or this build has no supervisor for it.
pub(super) async fn start(name: &str, port: Option<u16>) -> Result<(SocketAddr, Option<Started>), Error> {
    if !cfg!(feature = "docker") {
        return Err(Error::NoDocker);
    }
    let port = port.map(|port| port.to_string().into());
    let arguments = [SUBCOMMAND.into(), name.into()].into_iter().chain(port);
    let mut supervisor = spawn_supervisor(arguments)?;
    let told = supervisor.stdout.take();
    let started = Started::of(supervisor);
    match timeout(RUNS_TIMEOUT, read(told)).await {
        Err(_) => Err(Error::Image { name: name.to_owned(), problem: "it takes too long".to_owned() }),
        Ok(Some(Told::Failed(problem))) => Err(Error::Image { name: name.to_owned(), problem }),
        Ok(Some(Told::Runs { addr, port, main })) => {
            let place = format!("port {port} of its container");
            let started = started.with_main_process(main);
            let answered = started.until_found(&place, async |_| ask(&addr).await.ok()).await;
            answered.map_err(Error::never_answers)
        }
        Ok(None) => started.until_found("a port of its container", async |_| None).await,
    }
}

async fn read(told: Option<ChildStdout>) -> Option<Told> {
    let mut line = String::new();
    BufReader::new(told?).read_line(&mut line).await.ok()?;
    serde_json::from_str(&line).ok()
}

/// Sends a request, and waits for a byte.
async fn ask(addr: &str) -> std::io::Result<SocketAddr> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(PROBE).await?;
    stream.read_u8().await?;
    stream.peer_addr()
}
