//! The images: their content, and the behaviour of the server in a container.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use std::{fs, thread};

use insta::assert_snapshot;
use testcontainers::ImageExt;
use testcontainers::bollard::models::{ContainerInspectResponse, HealthStatusEnum};
use testcontainers::bollard::query_parameters::{RemoveImageOptions, StopContainerOptionsBuilder};

use crate::daemon::{
    SERVER, addr_of, create_network, daemon, inspect, kill, request, start, start_server, state_of, until,
};
use crate::support::harness;

const HARNESS: &str = "gauntlet-harness:dev";

/// Runs the gate with this number of clients, without the cases that depend on the speed of the machine. The replay of the
/// challenge's own harness concerns a hundred clients. One client needs most of the default time for ten thousand packages,
/// and more beside other tests.
fn gate(clients: &str) -> String {
    let quick_only = match clients {
        "100" => "index/S1/8,index/C1/3,index/C1/6",
        _ => "index/S1/8,index/C1/3,index/C1/6,index/official",
    };
    let flags = ["--image", SERVER, "--seed", "7", "--packages", "10000", "--episodes", "3"];
    let limits = ["--concurrency", clients, "--skip", quick_only, "--deadline", "180"];
    harness(&[&flags[..], &limits].concat()).redacted_with_counts()
}

#[test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
fn the_gate_with_one_client() {
    assert_snapshot!(gate("1"));
}

#[test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
fn the_gate_with_ten_clients() {
    assert_snapshot!(gate("10"));
}

#[test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
fn the_gate_with_fifty_clients() {
    assert_snapshot!(gate("50"));
}

#[test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
fn the_gate_with_a_hundred_clients() {
    assert_snapshot!(gate("100"));
}

#[tokio::test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
async fn an_image_contains_one_binary_and_an_unprivileged_user() {
    // One layer per empty directory and per binary: the images contain no shell. The harness image also contains the
    // chaos binary.
    for (image, binary, layers, mebibytes_max) in [(SERVER, "/server", 2, 12), (HARNESS, "/harness", 3, 36)] {
        let found = daemon().await.inspect_image(image).await.unwrap();
        // Binaries of the test profile are larger than those that ship.
        if std::env::var_os("GAUNTLET_IMAGES").is_none_or(|images| images != "of-tests") {
            assert!(found.size.unwrap() < mebibytes_max * 1024 * 1024, "{image}: {:?}", found.size);
        }
        assert_eq!(found.root_fs.unwrap().layers.unwrap().len(), layers, "{image}");
        let config = found.config.unwrap();
        assert_eq!(config.user.as_deref(), Some("1001:1001"), "{image}");
        assert_eq!(config.entrypoint, Some(vec![binary.to_owned()]), "{image}");
        let labels = config.labels.unwrap();
        for label in ["title", "description", "licenses", "version", "revision"] {
            let value = labels.get(&format!("org.opencontainers.image.{label}"));
            assert!(value.is_some_and(|value| !value.is_empty()), "{image}: {label}");
        }
    }
    let server = daemon().await.inspect_image(SERVER).await.unwrap().config.unwrap();
    assert_eq!(server.exposed_ports, Some(vec!["8080/tcp".to_owned()]));
    assert_eq!(server.healthcheck.unwrap().test.unwrap(), ["CMD", "/server", "health"]);
}

#[tokio::test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
async fn the_server_runs_as_an_unprivileged_user_on_a_read_only_file_system() {
    let hardened = request(SERVER)
        .with_readonly_rootfs(true)
        .with_cap_drop("ALL")
        .with_security_opt("no-new-privileges");
    let (container, addr) = start_server(hardened).await;
    let output = harness(&["--addr", &addr.to_string(), "--only", "S1,S2,S3", "--seed", "7"]);
    assert_eq!(output.status, 0, "{output:?}");
    let pid = state_of(container.id()).await.pid.unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    for ids in ["Uid:\t1001\t1001\t1001\t1001", "Gid:\t1001\t1001\t1001\t1001"] {
        assert!(status.contains(ids), "{status}");
    }
    container.rm().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
async fn the_health_check_follows_the_server() {
    let (container, _) = start_server(request(SERVER)).await;
    let is = async |wanted| {
        let health = state_of(container.id()).await.health.and_then(|health| health.status);
        health == Some(wanted)
    };
    until("it is healthy", async || is(HealthStatusEnum::HEALTHY).await).await;
    // The signal stops only the process: Docker reports a paused container as unhealthy in any case.
    kill(container.id(), "SIGSTOP").await;
    until("it is unhealthy", async || is(HealthStatusEnum::UNHEALTHY).await).await;
    kill(container.id(), "SIGCONT").await;
    until("it is healthy again", async || is(HealthStatusEnum::HEALTHY).await).await;
    container.rm().await.unwrap();
}

/// The number of requests that a client sends in one write.
const BATCH: usize = 10;

/// Sends batches until the connection ends. Returns the number of answered batches and of replies to the last one.
fn ask_until_the_end(addr: SocketAddr) -> (usize, usize) {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    for batches in 0.. {
        let mut replies = vec![0; b"FAIL\n".len() * BATCH];
        if stream.write_all(&b"QUERY|nothing|\n".repeat(BATCH)).is_err() {
            return (batches, 0);
        }
        let mut received = 0;
        while received < replies.len() {
            match stream.read(&mut replies[received..]) {
                Ok(0) => return (batches, received / b"FAIL\n".len()),
                Ok(count) => received += count,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                    return (batches, received / b"FAIL\n".len());
                }
                Err(error) => panic!("a reply is owed and does not come: {error}"),
            }
        }
        assert_eq!(replies, b"FAIL\n".repeat(BATCH));
    }
    unreachable!("a client asks until its connection ends")
}

#[tokio::test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
async fn a_stop_under_load_answers_requests_in_flight() {
    let (container, addr) = start_server(request(SERVER)).await;
    let clients: Vec<_> = (0..50).map(|_| thread::spawn(move || ask_until_the_end(addr))).collect();
    // The load has started once an additional client is served.
    until("it serves", async || TcpStream::connect(addr).is_ok()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let options = StopContainerOptionsBuilder::new().t(10).build();
    daemon().await.stop_container(container.id(), Some(options)).await.unwrap();
    for client in clients {
        let (batches, replies) = client.join().unwrap();
        assert!(batches > 0, "the client was served");
        assert!([0, BATCH].contains(&replies), "{replies} of {BATCH} replies");
    }
    let state = state_of(container.id()).await;
    assert_eq!((state.exit_code, state.oom_killed), (Some(0), Some(false)), "{state:?}");
    container.rm().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
async fn a_thousand_clients_fit_in_64_mebibytes() {
    let limited = request(SERVER).with_host_config_modifier(|config| {
        config.memory = Some(64 << 20);
        // The limit of memory and swap together: no swap.
        config.memory_swap = Some(64 << 20);
    });
    let (container, addr) = start_server(limited).await;
    let addr = addr.to_string();
    let flags = ["--only", "index/replay", "--packages", "10000", "--deadline", "120", "--seed", "7"];
    let output = harness(&[&flags[..], &["--addr", &addr, "--concurrency", "1000"]].concat());
    assert_eq!(output.status, 0, "{output:?}");
    let state = state_of(container.id()).await;
    assert_eq!((state.running, state.oom_killed), (Some(true), Some(false)), "{state:?}");
    container.rm().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
async fn a_container_judges_another_by_its_name() {
    const NETWORK: &str = "gauntlet-test-private";
    create_network(NETWORK).await;
    let server =
        start(request(SERVER).with_network(NETWORK).with_container_name("gauntlet-test-server")).await;
    let flags = ["--addr", "gauntlet-test-server:8080", "--seed", "7"];
    // The gate checks the server only once.
    let addr = addr_of(&inspect(server.id()).await);
    until("the server listens", async || TcpStream::connect(addr).is_ok()).await;
    let judge = start(request(HARNESS).with_network(NETWORK).with_cmd(flags)).await;
    let has_ended = |inspected: ContainerInspectResponse| inspected.state.unwrap().running == Some(false);
    until("the gate has ended", async || has_ended(inspect(judge.id()).await)).await;
    let output = String::from_utf8(judge.stdout_to_vec().await.unwrap()).unwrap();
    assert_eq!(state_of(judge.id()).await.exit_code, Some(0), "{output}");
    assert!(output.starts_with("target   gauntlet-test-server:8080\n"), "{output}");
    assert!(output.lines().last().unwrap().starts_with("PASS "), "{output}");
    judge.rm().await.unwrap();
    server.rm().await.unwrap();
    daemon().await.remove_network(NETWORK).await.unwrap();
}

/// Removes an image that a test created.
pub(crate) async fn remove_image(image: &str) {
    let options = None::<RemoveImageOptions>;
    daemon().await.remove_image(image, options, None).await.unwrap();
}
