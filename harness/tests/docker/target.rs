//! Containers as targets of the harness: they are judged, reported when they die, and always removed.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal, kill_process};
use testcontainers::bollard::models::ContainerUpdateBody;
use testcontainers::bollard::query_parameters::ListContainersOptionsBuilder;

use crate::daemon::{SERVER, addr_of, create_variant, daemon, inspect, kill, until};
use crate::image::remove_image;
use crate::support::{REPLAY, TINY, harness, replay};

/// Waits for the container and returns the name of the container and its network: the process id of the supervisor, which
/// is the only child of the harness, and a random part.
async fn name_under(harness: &Child) -> String {
    let path = format!("/proc/{0}/task/{0}/children", harness.id());
    let children = || fs::read_to_string(&path).unwrap_or_default();
    until("there is a supervisor", async || !children().is_empty()).await;
    let filter = format!("^/gauntlet-{}-", children().split_whitespace().next().unwrap());
    let filters = HashMap::from([("name", vec![filter])]);
    let mut name = None;
    until("the container runs", async || {
        let options = ListContainersOptionsBuilder::new().filters(&filters).build();
        let found = daemon().await.list_containers(Some(options)).await.unwrap().pop();
        name = found.and_then(|container| Some(container.names?.pop()?.trim_start_matches('/').to_owned()));
        name.is_some()
    })
    .await;
    name.unwrap()
}

/// Whether the container and its network no longer exist.
async fn is_removed(name: &str) -> bool {
    let docker = daemon().await;
    docker.inspect_container(name, None).await.is_err() && docker.inspect_network(name, None).await.is_err()
}

/// Starts a long run.
fn start_harness(flags: &[&str]) -> Child {
    Command::new(cargo_bin("harness"))
        .args(REPLAY)
        .args(["--image", SERVER, "--concurrency", "1", "--unluckiness", "100"])
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
async fn the_container_is_removed_when_the_harness_is_killed_or_interrupted() {
    for (signal, status) in [(Signal::KILL, None), (Signal::INT, Some(3)), (Signal::TERM, Some(3))] {
        let mut running = start_harness(&[]);
        let name = name_under(&running).await;
        kill_process(Pid::from_child(&running), signal).unwrap();
        assert_eq!(running.wait().unwrap().code(), status, "{signal:?}");
        until("the container and its network are removed", async || is_removed(&name).await).await;
    }
}

#[tokio::test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
async fn the_death_of_a_container_is_reported_and_it_is_removed() {
    let mut running = start_harness(&["--debug"]);
    let stderr = running.stderr.take().unwrap();
    // The harness waits until its transcript is read, so that the cases do not end before the container is killed.
    rustix::pipe::fcntl_setpipe_size(&stderr, 4096).unwrap();
    let name = name_under(&running).await;
    let mut transcript = BufReader::new(stderr).lines();
    assert!(transcript.any(|line| line.unwrap().contains("-> INDEX|")), "the replay sends INDEX");
    kill(&name, "SIGKILL").await;
    transcript.for_each(drop);
    let mut output = String::new();
    running.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(1), "{output}");
    assert!(output.contains("The target's process ended during the run: by signal 9"), "{output}");
    assert!(output.contains("| listening on 0.0.0.0:8080"), "its log is shown: {output}");
    assert!(is_removed(&name).await);
}

/// Indexes packages with long names until the server no longer answers.
fn fill(addr: SocketAddr) {
    let mut stream = BufReader::new(TcpStream::connect(addr).unwrap());
    let padding = "x".repeat(50_000);
    let mut reply = String::new();
    for number in 0.. {
        let received = writeln!(stream.get_mut(), "INDEX|{number}{padding}|");
        reply.clear();
        if received.is_err() || stream.read_line(&mut reply).unwrap_or(0) == 0 {
            return;
        }
        assert_eq!(reply, "OK\n", "the index has a limit of its own");
    }
}

/// Fills the memory of the target's container during a replay. Returns the output of the harness and the name of the container.
async fn filled_during_a_replay() -> (Output, String) {
    let mut running = start_harness(&["--debug"]);
    let stderr = running.stderr.take().unwrap();
    // The harness waits until its transcript is read, so that the replay does not end before the memory is full.
    rustix::pipe::fcntl_setpipe_size(&stderr, 4096).unwrap();
    let name = name_under(&running).await;
    let mut transcript = BufReader::new(stderr).lines();
    assert!(transcript.any(|line| line.unwrap().contains("-> INDEX|")), "the replay sends INDEX");
    let limit = Some(32 << 20);
    let limited = ContainerUpdateBody { memory: limit, memory_swap: limit, ..Default::default() };
    daemon().await.update_container(&name, limited).await.unwrap();
    let addr = addr_of(&inspect(&name).await);
    until("it listens", async || TcpStream::connect(addr).is_ok()).await;
    fill(addr);
    transcript.for_each(drop);
    (running.wait_with_output().unwrap(), name)
}

#[tokio::test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
async fn a_container_that_exceeds_its_memory_is_reported() {
    let (output, name) = filled_during_a_replay().await;
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    let ended = "The target's process ended during the run: by signal 9, out of memory";
    assert!(stdout.contains(ended), "{stdout}");
    assert!(is_removed(&name).await);
}

#[tokio::test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
async fn a_container_lost_during_the_cases_is_restarted() {
    let mut running = Command::new(cargo_bin("harness"))
        .args(["--image", SERVER, "--only", "index/R*,index/S*", "--seed", "7", "--debug"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = running.stderr.take().unwrap();
    // The harness waits until its transcript is read, so that the cases do not end before the container is killed.
    rustix::pipe::fcntl_setpipe_size(&stderr, 4096).unwrap();
    let name = name_under(&running).await;
    let mut transcript = BufReader::new(stderr).lines();
    assert!(transcript.any(|line| line.unwrap().contains("-> REMOVE|")), "the cases are running");
    kill(&name, "SIGKILL").await;
    transcript.for_each(drop);
    let mut output = String::new();
    running.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(1), "{output}");
    assert!(output.contains("the process ended: by signal 9"), "{output}");
    assert!(!output.contains("is not back"), "{output}");
    assert!(is_removed(&name).await);
}

#[tokio::test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
async fn a_container_that_ends_immediately_is_reported_with_its_output() {
    const IMAGE: &str = "gauntlet-test:ends-at-once";
    create_variant(IMAGE, r#"["--addr", "nowhere"]"#).await;
    let output = replay(&["--image", IMAGE, "--fixture", TINY, "--seed", "1"]);
    remove_image(IMAGE).await;
    assert_eq!(output.status, 4, "{output:?}");
    let ended =
        "UNREACHABLE the target ended before it listened on port 8080 of its container (exit status 1)";
    assert!(output.stdout.contains(ended), "{output:?}");
    assert!(output.stdout.contains("| server: cannot listen on nowhere"), "{output:?}");
}

#[test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
fn a_container_that_never_answers_is_unreachable() {
    let output = replay(&["--image", SERVER, "--port", "81", "--fixture", TINY]);
    assert_eq!(output.status, 4, "{output:?}");
    let silent = "UNREACHABLE the target did not answer on port 81 of its container within 30 s";
    assert!(output.stdout.contains(silent), "{output:?}");
}

#[test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
fn a_missing_image_is_unreachable() {
    let output = replay(&["--image", "gauntlet-test:nowhere", "--fixture", TINY]);
    assert_eq!(output.status, 4, "{output:?}");
    let last = output.stdout.lines().last().unwrap();
    let missing = "UNREACHABLE cannot start the image gauntlet-test:nowhere: the image is not present and cannot be fetched: ";
    assert!(last.starts_with(missing), "{output:?}");
}

#[test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
fn the_processes_of_a_container_are_measured() {
    let output = harness(&["--image", SERVER, "--only", "C4", "--process", "--seed", "7", "--strict"]);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(!output.stdout.contains("not run"), "{output:?}");
}

/// All processes of the container are concerned, and the limit of memory is proven: otherwise a scene would be unknown or not run.
#[test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
fn the_reference_server_serves_after_faults_of_its_container() {
    let chaos = std::env::var_os("GAUNTLET_CHAOS").map_or_else(|| cargo_bin("chaos"), Into::into);
    let faults = "process/memory-limited,process/throttled/idle,process/stopped/idle";
    let flags = ["--seed", "1", "--strict", "--faults", faults, "--image", SERVER];
    let output = Command::new(chaos).args(flags).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("PASS 3 held;") && text.contains("held     process/memory-limited/idle"), "{text}");
}
