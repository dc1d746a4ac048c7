//! The supervisor of a container: starts it, passes on its log, and removes it when the starting process is gone.
//!
//! It is a separate process, started through a hidden subcommand, like the supervisor of a command. Its standard
//! input
//! is a pipe that closes when the starting process ends. It writes notices about the container to standard output and
//! the
//! log of the container to standard error. No other file uses testcontainers.

use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::net::{IpAddr, UdpSocket};
use std::path::Path;
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, thread};

use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error as DaemonError;
use testcontainers::bollard::models::{ContainerInspectResponse, ImageInspect};
use testcontainers::bollard::query_parameters::RemoveContainerOptionsBuilder;
use testcontainers::core::client::{ClientError, docker_client_instance};
use testcontainers::core::{ContainerPort, IntoContainerPort};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt, TestcontainersError};
use tokio::io::{AsyncBufRead, AsyncReadExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::notice::Notice;
use crate::supervisor::{describe_exit, wait_for_end_of_input};

/// The label by which containers of a killed supervisor can be found.
const LABEL: &str = "gauntlet";

/// The port that the protocol names, used for images that expose no port or several.
const DEFAULT_PORT: u16 = 8080;

/// The time that the daemon has for its first response.
const DAEMON_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for fetching an image that is not present.
const FETCH_TIMEOUT: Duration = Duration::from_mins(5);

/// The time that the daemon has to start a container.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// The interval at which a container that has closed its output is checked.
const RUNNING_POLL: Duration = Duration::from_millis(20);

/// The reason for which there is no container.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("the Docker daemon does not respond: {0}")]
    NoDaemon(String),
    #[error("the image is not present and cannot be fetched: {0}")]
    NoImage(String),
    #[error("{0}")]
    Refused(#[from] DaemonError),
    #[error("{0}")]
    Start(#[from] TestcontainersError),
    #[error("{0}")]
    System(#[from] io::Error),
    #[error("the start was aborted: {0}")]
    Aborted(#[from] tokio::task::JoinError),
}

/// Runs a container of the image until it is no longer needed.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let name = arguments.first().and_then(|name| name.to_str()).unwrap_or_default();
    let port = arguments.get(1).and_then(|port| port.to_str()?.parse().ok());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Problem::from).and_then(|runtime| runtime.block_on(supervise(name, port))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            send(&Notice::Failed(problem.to_string().replace('\n', " ")));
            ExitCode::FAILURE
        }
    }
}

async fn supervise(image: &str, port: Option<u16>) -> Result<(), Problem> {
    let mut end_requested = pin!(end_requested()?);
    let found = async {
        let docker = connect().await?;
        let image = find_image(&docker, image).await?;
        Ok::<_, Problem>((docker, image))
    };
    let (docker, image) = tokio::select! {
        found = found => found?,
        () = &mut end_requested => return Ok(()),
    };
    // The container gets its own network, so that the target cannot reach other containers.
    let name = new_name();
    let port = port.unwrap_or_else(|| port_of(&image)).tcp();
    // The task contains panics. A start is not cancelled, because its container could not be found afterwards.
    let started = tokio::spawn(start(image, port, name.clone())).await;
    let outcome = match started {
        Ok(Ok(container)) => {
            let watched = async {
                let ended = watch(&docker, &container, port).await;
                send(&Notice::Ended(ended.unwrap_or_else(|problem| problem.to_string())));
                // An ended container is kept too, so that its address is not reused while clients may still connect.
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = watched => {}
                () = &mut end_requested => {}
            }
            // If this fails, `remove` below tries again.
            let _ = container.rm().await;
            Ok(())
        }
        Ok(Err(problem)) => Err(problem),
        Err(aborted) => Err(aborted.into()),
    };
    remove(&docker, &name).await;
    outcome
}

/// Returns a unique name. Other machines may use the same daemon with the same process ids.
fn new_name() -> String {
    let draw = RandomState::new().build_hasher().finish();
    format!("gauntlet-{}-{draw:016x}", std::process::id())
}

/// Waits until the pipe from the starting process closes, or a signal arrives.
fn end_requested() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (closed, is_closed) = oneshot::channel();
    thread::spawn(move || {
        wait_for_end_of_input();
        // The receiver is gone if a signal arrived first.
        let _ = closed.send(());
    });
    Ok(async move {
        tokio::select! {
            _ = is_closed => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

async fn connect() -> Result<Docker, Problem> {
    let docker = docker_client_instance().await.map_err(|error| Problem::NoDaemon(error.to_string()))?;
    match timeout(DAEMON_TIMEOUT, docker.ping()).await {
        Ok(Ok(_)) => Ok(docker),
        Ok(Err(error)) => Err(Problem::NoDaemon(error.to_string())),
        Err(_) => Err(Problem::NoDaemon(format!("no response within {} s", DAEMON_TIMEOUT.as_secs()))),
    }
}

/// Returns the image, after fetching it if it is not present.
async fn find_image(docker: &Docker, name: &str) -> Result<ImageInspect, Problem> {
    match docker.inspect_image(name).await {
        Err(DaemonError::DockerResponseServerError { status_code: 404, .. }) => {}
        found => return Ok(found?),
    }
    let (repository, tag) = split(name);
    let fetched = timeout(FETCH_TIMEOUT, GenericImage::new(repository, tag).pull_image()).await;
    match fetched {
        Ok(Ok(_)) => Ok(docker.inspect_image(name).await?),
        Ok(Err(TestcontainersError::Client(ClientError::PullImage { err, .. }))) => {
            Err(Problem::NoImage(err.to_string()))
        }
        Ok(Err(error)) => Err(Problem::NoImage(error.to_string())),
        Err(_) => Err(Problem::NoImage(format!("not complete after {} s", FETCH_TIMEOUT.as_secs()))),
    }
}

/// Splits an image name into the repository and the tag or digest. A colon before the last slash belongs to a port.
fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    }
}

/// Returns the only TCP port that the image exposes, or the default port.
fn port_of(image: &ImageInspect) -> u16 {
    let exposed = image.config.as_ref().and_then(|config| config.exposed_ports.as_deref());
    let mut ports = exposed.into_iter().flatten().filter_map(|port| port.strip_suffix("/tcp")?.parse().ok());
    match (ports.next(), ports.next()) {
        (Some(only), None) => only,
        _ => DEFAULT_PORT,
    }
}

async fn start(
    image: ImageInspect,
    port: ContainerPort,
    name: String,
) -> Result<ContainerAsync<GenericImage>, Problem> {
    // The id identifies this image exactly, so nothing is fetched again.
    let id = image.id.unwrap_or_default();
    let (algorithm, hash) = split(&id);
    let is_daemon_here = is_daemon_here();
    let request = GenericImage::new(algorithm, hash)
        .with_container_name(&name)
        .with_label(LABEL, "target")
        .with_network(&name)
        .with_mapped_port(0, port)
        .with_startup_timeout(START_TIMEOUT)
        .with_host_config_modifier(move |config| {
            let bindings = config.port_bindings.iter_mut().flat_map(|ports| ports.values_mut());
            for binding in bindings.flatten().flatten().filter(|_| is_daemon_here) {
                // The target should not be reachable from other machines.
                binding.host_ip = Some("127.0.0.1".to_owned());
            }
        });
    Ok(request.start().await?)
}

/// Returns whether ports that the daemon publishes on the loopback interface can be reached from here.
fn is_daemon_here() -> bool {
    let is_elsewhere = std::env::var("DOCKER_HOST").is_ok_and(|host| !host.starts_with("unix:"));
    !is_elsewhere && !Path::new("/.dockerenv").exists()
}

/// Reports the address of the container, passes on its log, and waits for its end. Returns how it ended.
async fn watch(
    docker: &Docker,
    container: &ContainerAsync<GenericImage>,
    port: ContainerPort,
) -> Result<String, Problem> {
    let inspected = docker.inspect_container(container.id(), None).await?;
    // A container that has ended already has no address.
    let addr = find_addr(container, &inspected, port).await.unwrap_or_default();
    send(&Notice::Runs { addr, port: port.as_u16(), main: main_process(&inspected) });
    tokio::join!(copy_log(container.stdout(true)), copy_log(container.stderr(true)));
    end_log()?;
    loop {
        let state = docker.inspect_container(container.id(), None).await?.state.unwrap_or_default();
        if state.running != Some(true) {
            let code = state.exit_code.and_then(|code| i32::try_from(code).ok());
            let how = code.map_or_else(|| "unknown exit status".to_owned(), describe_exit);
            let is_out_of_memory = state.oom_killed == Some(true);
            return Ok(if is_out_of_memory { format!("{how}, out of memory") } else { how });
        }
        sleep(RUNNING_POLL).await;
    }
}

/// Returns the address of the container: its own if its network is on this machine, so that no proxy is involved,
/// else that of the published port.
async fn find_addr(
    container: &ContainerAsync<GenericImage>,
    inspected: &ContainerInspectResponse,
    port: ContainerPort,
) -> Option<String> {
    if main_process(inspected).is_some() {
        let networks = inspected.network_settings.as_ref()?.networks.as_ref()?;
        let is_here = |gateway: &IpAddr| UdpSocket::bind((*gateway, 0)).is_ok();
        let own = networks.values().find_map(|network| {
            network.gateway.as_ref()?.parse().ok().filter(is_here)?;
            network.ip_address.as_ref()?.parse::<IpAddr>().ok()
        });
        if let Some(own) = own {
            return Some(format!("{own}:{}", port.as_u16()));
        }
    }
    let published = container.get_host_port_ipv4(port).await.ok()?;
    let host =
        if is_daemon_here() { "127.0.0.1".to_owned() } else { container.get_host().await.ok()?.to_string() };
    Some(format!("{host}:{published}"))
}

/// Returns the main process of the container if it runs on this machine. If the daemon runs elsewhere, its process
/// ids are not valid here.
fn main_process(inspected: &ContainerInspectResponse) -> Option<u32> {
    let pid = inspected.state.as_ref()?.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|&pid| pid > 0)?;
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    groups.contains(inspected.id.as_ref()?).then_some(pid)
}

/// Copies a stream of the log to standard error until it ends.
async fn copy_log(mut stream: Pin<Box<dyn AsyncBufRead + Send>>) {
    let mut chunk = vec![0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        // If the reader is gone, the other pipe closes too.
        let _ = io::stderr().write_all(&chunk[..count]);
    }
}

/// Closes standard error, which signals the end of the log.
fn end_log() -> io::Result<()> {
    let nowhere = fs::File::options().write(true).open("/dev/null")?;
    Ok(rustix::stdio::dup2_stderr(nowhere)?)
}

/// Removes what a failed start or a failed removal has left.
async fn remove(docker: &Docker, name: &str) {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    // Usually neither exists any more.
    let _ = docker.remove_container(name, Some(options)).await;
    let _ = docker.remove_network(name).await;
}

fn send(notice: &Notice) {
    let line = serde_json::to_string(notice).unwrap_or_default();
    // If the reader is gone, the pipe on the other side closes too.
    let _ = writeln!(io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_split_into_repository_and_tag() {
        for (name, repository, tag) in [
            ("server", "server", "latest"),
            ("server:dev", "server", "dev"),
            ("host:5000/a/server", "host:5000/a/server", "latest"),
            ("host:5000/a/server:1", "host:5000/a/server", "1"),
            ("server@sha256:ab", "server@sha256", "ab"),
        ] {
            assert_eq!(split(name), (repository, tag));
        }
    }

    #[test]
    fn the_port_is_the_only_one_that_is_exposed() {
        let port = |exposed: &[&str]| {
            let exposed_ports = Some(exposed.iter().map(|&port| port.to_owned()).collect());
            let config = testcontainers::bollard::models::ImageConfig { exposed_ports, ..Default::default() };
            port_of(&ImageInspect { config: Some(config), ..Default::default() })
        };
        assert_eq!(port(&["7000/tcp"]), 7000);
        assert_eq!(port(&["7000/tcp", "53/udp"]), 7000);
        assert_eq!(port(&["7000/tcp", "7001/tcp"]), DEFAULT_PORT);
        assert_eq!(port(&[]), DEFAULT_PORT);
        assert_eq!(port_of(&ImageInspect::default()), DEFAULT_PORT);
    }
}
