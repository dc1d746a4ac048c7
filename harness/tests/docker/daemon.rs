//! The local Docker daemon. Everything that the tests start has a label, by which it is removed later.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use testcontainers::bollard::Docker;
use testcontainers::bollard::models::{
    ContainerConfig, ContainerCreateBody, ContainerInspectResponse, ContainerState, NetworkCreateRequest,
};
use testcontainers::bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptions, KillContainerOptionsBuilder,
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder,
};
use testcontainers::core::client::docker_client_instance;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};
use tokio::sync::OnceCell;

/// The image under test.
pub(crate) const SERVER: &str = "gauntlet-server:dev";

/// The port that the image exposes.
pub(crate) const PORT: u16 = 8080;

const LABEL: &str = "gauntlet.test";
const WAIT_MAX: Duration = Duration::from_mins(1);

/// Returns the daemon, after it has removed the remains of earlier runs.
pub(crate) async fn daemon() -> Docker {
    static CLEANED_UP: OnceCell<()> = OnceCell::const_new();
    let docker = docker_client_instance().await.unwrap();
    CLEANED_UP.get_or_init(|| clean_up(&docker)).await;
    docker
}

async fn clean_up(docker: &Docker) {
    let filters = HashMap::from([("label", vec![LABEL])]);
    let containers = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    for container in docker.list_containers(Some(containers)).await.unwrap() {
        remove(docker, &container.id.unwrap()).await;
    }
    let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
    for network in docker.list_networks(Some(networks)).await.unwrap() {
        docker.remove_network(&network.id.unwrap()).await.unwrap();
    }
}

async fn remove(docker: &Docker, id: &str) {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    docker.remove_container(id, Some(options)).await.unwrap();
}

/// Returns a request for a container of an image.
pub(crate) fn request(image: &str) -> ContainerRequest<GenericImage> {
    let (name, tag) = image.split_once(':').unwrap();
    GenericImage::new(name, tag).with_label(LABEL, "container")
}

/// Starts a container, which is removed when the value is dropped.
pub(crate) async fn start(request: ContainerRequest<GenericImage>) -> ContainerAsync<GenericImage> {
    daemon().await;
    request.start().await.unwrap()
}

/// Starts a container and waits until it accepts connections.
pub(crate) async fn start_server(
    request: ContainerRequest<GenericImage>,
) -> (ContainerAsync<GenericImage>, SocketAddr) {
    let container = start(request).await;
    let addr = addr_of(&inspect(container.id()).await);
    until("the server listens", async || tokio::net::TcpStream::connect(addr).await.is_ok()).await;
    (container, addr)
}

/// Creates a labelled network. The caller removes it.
pub(crate) async fn create_network(name: &str) {
    let labels = Some(HashMap::from([(LABEL.to_owned(), "network".to_owned())]));
    let network = NetworkCreateRequest { name: name.to_owned(), labels, ..Default::default() };
    daemon().await.create_network(network).await.unwrap();
}

/// Creates an image of the server with another command. The caller removes it.
pub(crate) async fn create_variant(image: &str, command: &str) {
    let docker = daemon().await;
    let labels = Some(HashMap::from([(LABEL.to_owned(), "container".to_owned())]));
    let body = ContainerCreateBody { image: Some(SERVER.to_owned()), labels, ..Default::default() };
    let container = docker.create_container(None::<CreateContainerOptions>, body).await.unwrap().id;
    let (repository, tag) = image.split_once(':').unwrap();
    let changes = format!("CMD {command}");
    let options = CommitContainerOptionsBuilder::new()
        .container(&container)
        .repo(repository)
        .tag(tag)
        .changes(&changes)
        .build();
    docker.commit_container(options, ContainerConfig::default()).await.unwrap();
    remove(&docker, &container).await;
}

/// Sends a signal to the container's main process.
pub(crate) async fn kill(id: &str, signal: &str) {
    let options = KillContainerOptionsBuilder::new().signal(signal).build();
    daemon().await.kill_container(id, Some(options)).await.unwrap();
}

pub(crate) async fn inspect(id: &str) -> ContainerInspectResponse {
    daemon().await.inspect_container(id, None).await.unwrap()
}

pub(crate) async fn state_of(id: &str) -> ContainerState {
    inspect(id).await.state.unwrap()
}

/// Returns the address of the container itself, which is reachable without the daemon.
pub(crate) fn addr_of(inspected: &ContainerInspectResponse) -> SocketAddr {
    let networks = inspected.network_settings.as_ref().unwrap().networks.as_ref().unwrap();
    let network = networks.values().next().unwrap();
    let own: IpAddr = network.ip_address.as_ref().unwrap().parse().unwrap();
    SocketAddr::new(own, PORT)
}

/// Waits until a condition holds.
pub(crate) async fn until(condition_name: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < WAIT_MAX, "{condition_name}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
