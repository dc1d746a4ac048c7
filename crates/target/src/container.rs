//! Starts a container, passes on what it says, and removes it when the process that asked for it is gone.
//!
//! The supervisor of a container is a process of its own, run by a hidden subcommand, like that of a command: its
//! standard input is a pipe that closes when the harness ends, by whatever means. On standard output it tells what
//! becomes of the container; standard error is the container's log. The only file that names testcontainers.

use std::ffi::OsString;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::net::{IpAddr, UdpSocket};
use std::path::Path;
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

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

use crate::image::Told;
use crate::started::describe;
use crate::supervisor::wait_for_end_of_input;

/// By this label what a supervisor that was killed has left is found.
const LABEL: &str = "gauntlet";

/// The port that the protocol names, for images that expose none or several.
const DEFAULT_PORT: u16 = 8080;

/// How long the daemon may take for its first answer.
const DAEMON_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an image that is not here may take to be fetched.
const FETCH_TIMEOUT: Duration = Duration::from_mins(5);

/// How long the daemon may take to start a container.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// How often it is looked whether a container still runs that has closed its output.
const RUNNING_POLL: Duration = Duration::from_millis(20);

/// Why there is no container.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("no Docker daemon answers: {0}")]
    NoDaemon(String),
    #[error("it is not here, and cannot be fetched: {0}")]
    NoImage(String),
    #[error("{0}")]
    Refused(#[from] DaemonError),
    #[error("{0}")]
    Start(#[from] TestcontainersError),
    #[error("{0}")]
    System(#[from] io::Error),
    #[error("its start broke off: {0}")]
    BrokeOff(#[from] tokio::task::JoinError),
}

/// Keeps a container of the image until nobody wants it any more.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let name = arguments.first().and_then(|name| name.to_str()).unwrap_or_default();
    let port = arguments.get(1).and_then(|port| port.to_str()?.parse().ok());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Problem::from).and_then(|runtime| runtime.block_on(supervise(name, port))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            tell(&Told::Failed(problem.to_string().replace('\n', " ")));
            ExitCode::FAILURE
        }
    }
}

async fn supervise(image: &str, port: Option<u16>) -> Result<(), Problem> {
    let mut unwanted = pin!(unwanted()?);
    let found = async {
        let docker = connect().await?;
        let image = find_image(&docker, image).await?;
        Ok::<_, Problem>((docker, image))
    };
    let (docker, image) = tokio::select! {
        found = found => found?,
        () = &mut unwanted => return Ok(()),
    };
    // A container, and a network of its own: whoever is judged meets no other container.
    let name = new_name();
    let port = port.unwrap_or_else(|| port_of(&image)).tcp();
    // In a task, which keeps a panic to itself. A start is not broken off: what comes of it could not be found again.
    let started = tokio::spawn(start(image, port, name.clone())).await;
    let outcome = match started {
        Ok(Ok(container)) => {
            let watched = async {
                let ended = watch(&docker, &container, port).await;
                tell(&Told::Ended(ended.unwrap_or_else(|problem| problem.to_string())));
                // Also of one that has ended: its address is nobody else's while the harness may ask there.
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = watched => {}
                () = &mut unwanted => {}
            }
            // If it fails there is another attempt below.
            let _ = container.rm().await;
            Ok(())
        }
        Ok(Err(problem)) => Err(problem),
        Err(broke_off) => Err(broke_off.into()),
    };
    remove(&docker, &name).await;
    outcome
}

/// A name that nobody else has: other machines may use the same daemon, with the same numbers of processes.
fn new_name() -> String {
    let draw = RandomState::new().build_hasher().finish();
    format!("gauntlet-{}-{draw:016x}", std::process::id())
}

/// Waits until the pipe from the harness closes, or a signal asks to end.
fn unwanted() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (closed, is_closed) = oneshot::channel();
    thread::spawn(move || {
        wait_for_end_of_input();
        // Nobody hears it if a signal was quicker.
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
        Err(_) => Err(Problem::NoDaemon(format!("it is silent for {} s", DAEMON_TIMEOUT.as_secs()))),
    }
}

/// The image, fetched if it is not here.
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
        Err(_) => Err(Problem::NoImage(format!("it takes longer than {} s", FETCH_TIMEOUT.as_secs()))),
    }
}

/// An image's name without and with its tag or digest; a colon before the last slash is that of a registry's port.
fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    }
}

/// The only TCP port that the image exposes, or the protocol's.
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
    // By its id, which means this image and no other: nothing is fetched any more.
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
                // What is judged is nobody else's business.
                binding.host_ip = Some("127.0.0.1".to_owned());
            }
        });
    Ok(request.start().await?)
}

/// Whether ports that the daemon publishes on the loopback interface can be reached from here.
fn is_daemon_here() -> bool {
    let is_elsewhere = std::env::var("DOCKER_HOST").is_ok_and(|host| !host.starts_with("unix:"));
    !is_elsewhere && !Path::new("/.dockerenv").exists()
}

/// Says where the container is, passes on what it says, and waits for its end; how it ended, in words.
async fn watch(
    docker: &Docker,
    container: &ContainerAsync<GenericImage>,
    port: ContainerPort,
) -> Result<String, Problem> {
    let inspected = docker.inspect_container(container.id(), None).await?;
    // One that has ended already has no address.
    let addr = find_addr(container, &inspected, port).await.unwrap_or_default();
    tell(&Told::Runs { addr, port: port.as_u16(), main: main_process(&inspected) });
    tokio::join!(pass_on(container.stdout(true)), pass_on(container.stderr(true)));
    end_log()?;
    loop {
        let state = docker.inspect_container(container.id(), None).await?.state.unwrap_or_default();
        if state.running != Some(true) {
            let code = state.exit_code.and_then(|code| i32::try_from(code).ok());
            let how = code.map_or_else(|| "nobody knows how".to_owned(), describe);
            let is_for_memory = state.oom_killed == Some(true);
            return Ok(if is_for_memory {
                format!("{how}, for it took more memory than it may")
            } else {
                how
            });
        }
        sleep(RUNNING_POLL).await;
    }
}

/// Where the container can be reached: by its own address, if its network is one of this machine, so that nothing
/// stands between; else by the port that the daemon publishes.
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

/// The container's main process, if it is one of this machine: the daemon may run elsewhere, and its numbers mean
/// others here.
fn main_process(inspected: &ContainerInspectResponse) -> Option<u32> {
    let pid = inspected.state.as_ref()?.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|&pid| pid > 0)?;
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    groups.contains(inspected.id.as_ref()?).then_some(pid)
}

/// Passes on a stream of the log, until it ends.
async fn pass_on(mut stream: Pin<Box<dyn AsyncBufRead + Send>>) {
    let mut chunk = vec![0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        // If nobody reads it any more, the other pipe says so.
        let _ = io::stderr().write_all(&chunk[..count]);
    }
}

/// Lets the harness know that the log is over.
fn end_log() -> io::Result<()> {
    let nowhere = fs::File::options().write(true).open("/dev/null")?;
    Ok(rustix::stdio::dup2_stderr(nowhere)?)
}

/// Removes what a start that failed, or a removal that failed, has left.
async fn remove(docker: &Docker, name: &str) {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    // As a rule neither is there any more.
    let _ = docker.remove_container(name, Some(options)).await;
    let _ = docker.remove_network(name).await;
}

fn tell(told: &Told) {
    let line = serde_json::to_string(told).unwrap_or_default();
    // If nobody reads it, the pipe on the other side is closed too.
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
