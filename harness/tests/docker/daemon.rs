//! The Docker daemon of this machine, as the tests use it: what they start has a label, by which it is swept.
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

/// The port that it exposes.
pub(crate) const PORT: u16 = 8080;

const LABEL: &str = "gauntlet.test";
const WAIT_MAX: Duration = Duration::from_mins(1);

/// The daemon, once what an earlier run left behind is swept.
pub(crate) async fn daemon() -> Docker {
    static SWEPT: OnceCell<()> = OnceCell::const_new();
    let docker = docker_client_instance().await.unwrap();
    SWEPT.get_or_init(|| sweep(&docker)).await;
    docker
}

async fn sweep(docker: &Docker) {
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

/// A container of one of the images, not yet started.
pub(crate) fn request(image: &str) -> ContainerRequest<GenericImage> {
    let (name, tag) = image.split_once(':').unwrap();
    GenericImage::new(name, tag).with_label(LABEL, "container")
}

/// Starts it; it is removed when the test lets go of it.
pub(crate) async fn start(request: ContainerRequest<GenericImage>) -> ContainerAsync<GenericImage> {
    daemon().await;
    request.start().await.unwrap()
}

/// The same, once it takes connections.
pub(crate) async fn start_server(
    request: ContainerRequest<GenericImage>,
) -> (ContainerAsync<GenericImage>, SocketAddr) {
    let container = start(request).await;
    let addr = addr_of(&inspect(container.id()).await);
    until("the server listens", async || tokio::net::TcpStream::connect(addr).await.is_ok()).await;
    (container, addr)
}

/// A network of this test's own, with a label; whoever makes it removes it.
pub(crate) async fn create_network(name: &str) {
    let labels = Some(HashMap::from([(LABEL.to_owned(), "network".to_owned())]));
    let network = NetworkCreateRequest { name: name.to_owned(), labels, ..Default::default() };
    daemon().await.create_network(network).await.unwrap();
}

/// An image like that of the server, but for its command; whoever makes it removes it.
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

/// Its own address, which this machine reaches without the daemon between.
pub(crate) fn addr_of(inspected: &ContainerInspectResponse) -> SocketAddr {
    let networks = inspected.network_settings.as_ref().unwrap().networks.as_ref().unwrap();
    let network = networks.values().next().unwrap();
    let own: IpAddr = network.ip_address.as_ref().unwrap().parse().unwrap();
    SocketAddr::new(own, PORT)
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < WAIT_MAX, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
