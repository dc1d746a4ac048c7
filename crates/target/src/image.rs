//! A container as the target, of any image: started by a supervisor of its own, and judged once it answers.
//!
//! The supervisor talks to the Docker daemon (`container.rs`) and tells this side what becomes of the container; what
//! that says it passes on. When the pipe from here closes, for whatever reason, it removes the container.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::ChildStdout;
use tokio::time::timeout;

use crate::error::Error;
use crate::started::{Started, spawn_supervisor};

/// The hidden subcommand that is the supervisor of a container; the image follows it, and the container's port, if it
/// is not to be found out.
pub(crate) const SUBCOMMAND: &str = "supervise-container";

/// What the supervisor tells, each as a line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Told {
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
    /// It has ended, in words. Its network stays, so that nobody else gets its address.
    Ended(String),
}

/// All that a supervisor tells.
pub(crate) type Words = Lines<BufReader<ChildStdout>>;

/// The next that it tells; nothing if it is gone.
pub(crate) async fn hear(words: &mut Words) -> Option<Told> {
    serde_json::from_str(&words.next_line().await.ok()??).ok()
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
pub(crate) async fn start(name: &str, port: Option<u16>) -> Result<(SocketAddr, Option<Started>), Error> {
    if !cfg!(feature = "docker") {
        return Err(Error::NoDocker);
    }
    let port = port.map(|port| port.to_string().into());
    let arguments = [SUBCOMMAND.into(), name.into()].into_iter().chain(port);
    let mut supervisor = spawn_supervisor(arguments)?;
    let mut words = supervisor.stdout.take().map(|told| BufReader::new(told).lines());
    let mut started = Started::of(supervisor);
    let failed = |problem: &str| Error::Image { name: name.to_owned(), problem: problem.to_owned() };
    let told = async { hear(words.as_mut()?).await };
    let told = timeout(RUNS_TIMEOUT, told).await.map_err(|_| failed("it takes too long"))?;
    match (told, words) {
        (Some(Told::Runs { addr, port, main }), Some(words)) => {
            started.watch_container(words, main);
            let place = format!("port {port} of its container");
            let answered = started.until_found(&place, async |_| ask(&addr).await.ok()).await;
            answered.map_err(Error::never_answers)
        }
        (Some(Told::Failed(problem)), _) => Err(failed(&problem)),
        _ => Err(failed("its supervisor was lost")),
    }
}

/// Sends a request, and waits for a byte.
async fn ask(addr: &str) -> std::io::Result<SocketAddr> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(PROBE).await?;
    stream.read_u8().await?;
    stream.peer_addr()
}
