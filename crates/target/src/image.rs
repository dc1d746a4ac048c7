//! A container as the target: started through a supervisor and used once it answers a request.
//!
//! The supervisor talks to the Docker daemon (`container.rs`), reports the state of the container, and passes on its
//! log.
//! When the pipe from this process closes for any reason, it removes the container.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::Error;
use crate::notice::{Notice, SUBCOMMAND, next_notice};
use crate::started::{Started, spawn_supervisor};

/// The time until a container runs. It includes contacting the daemon and fetching the image; each has a shorter limit
/// of its own.
const RUNS_TIMEOUT: Duration = Duration::from_mins(10);

/// A request that changes nothing. Any reply shows that the server runs. A connection alone does not show it: for a
/// published port, the daemon accepts connections in place of the container.
const PROBE: &[u8] = b"QUERY|gauntlet-probe|\n";

/// Starts a container, and waits until it answers a request.
///
/// # Errors
/// There is no daemon or no image, the container ends, it does not answer, or this build has no container support.
pub(crate) async fn start(name: &str, port: Option<u16>) -> Result<(SocketAddr, Option<Started>), Error> {
    if !cfg!(feature = "docker") {
        return Err(Error::NoDocker);
    }
    let port = port.map(|port| port.to_string().into());
    let arguments = [SUBCOMMAND.into(), name.into()].into_iter().chain(port);
    let mut supervisor = spawn_supervisor(arguments)?;
    let mut notices = supervisor.stdout.take().map(|stdout| BufReader::new(stdout).lines());
    let mut started = Started::of(supervisor);
    let failed = |problem: &str| Error::Image { name: name.to_owned(), problem: problem.to_owned() };
    let first = async { next_notice(notices.as_mut()?).await };
    let first = timeout(RUNS_TIMEOUT, first).await.map_err(|_| failed("the start timed out"))?;
    match (first, notices) {
        (Some(Notice::Runs { addr, port, main }), Some(notices)) => {
            started.watch_container(notices, main);
            let place = format!("port {port} of its container");
            let answered = started.until_found(&place, async |_| ask(&addr).await.ok()).await;
            answered.map_err(Error::into_never_answers)
        }
        (Some(Notice::Failed(problem)), _) => Err(failed(&problem)),
        _ => Err(failed("its supervisor ended unexpectedly")),
    }
}

/// Sends a request and waits for one byte of the reply.
async fn ask(addr: &str) -> std::io::Result<SocketAddr> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(PROBE).await?;
    stream.read_u8().await?;
    stream.peer_addr()
}
