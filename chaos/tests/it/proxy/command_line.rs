//! `chaos proxy`: its output, its log and its exit codes.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::proxy::support::{Chaos, assert_took, echo};

/// Sends bytes through the proxy, half-closes, and returns the reply.
fn exchange(listen: &str, bytes: &[u8]) -> Vec<u8> {
    let mut client = TcpStream::connect(listen).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client.write_all(bytes).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    answer
}

#[test]
fn it_prints_its_address_and_logs_each_fault_with_its_connection() {
    let upstream = echo();
    let arguments = ["--listen", "127.0.0.1:0", "--upstream", &upstream, "--seed", "7", "--toxic"];
    let toxics = ["latency:latency=50,toxicity=1", "--toxic", "upstream.limit_data:bytes=3"];
    let mut chaos = Chaos::start(&[&["proxy"], &arguments[..], &toxics[..]].concat());
    let line = chaos.line();
    let listen = line.split_whitespace().nth(1).unwrap();
    assert_eq!(line, format!("proxy    {listen} to {upstream}"));
    assert_eq!(chaos.line(), "options  --seed 7");
    exchange(listen, b"longer than three");
    let begun = Instant::now();
    assert_eq!(exchange(listen, b"no"), b"no");
    assert_took(begun, Duration::from_millis(50));
    let (status, log) = chaos.stop();
    assert_eq!(status, Some(0));
    let holds = |parts: &[&str]| log.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(
        holds(&["connection=1", "stream=\"upstream\"", "limit_data_upstream", "closed after 3 bytes"]),
        "{log}"
    );
    assert!(
        holds(&["connection=2", "stream=\"downstream\"", "latency_downstream", "delayed 2 bytes by 50"]),
        "{log}"
    );
}

#[test]
fn the_same_seed_flips_the_same_bits() {
    let upstream = echo();
    let flipped = |seed| {
        let toxic = ["--toxic", "corruption:probability=0.1"];
        let arguments = ["--listen", "127.0.0.1:0", "--upstream", &upstream, "--seed", seed];
        let mut chaos = Chaos::start(&[&["proxy"], &arguments[..], &toxic[..]].concat());
        exchange(&chaos.addr("proxy"), &[0; 200])
    };
    assert_eq!(flipped("7"), flipped("7"));
    assert_ne!(flipped("7"), flipped("8"));
}

#[test]
fn invalid_flags_are_reported_with_status_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, message) in [
        (&["--upstream", "u:1"][..], "--listen"),
        (&["--listen", "l:1"], "--upstream"),
        (&[], "--api"),
        (&["--api", "a:1", "--toxic", "down"], "--listen"),
        (&["--listen", "l:1", "--upstream", "u:1", "--toxic", "slow"], "unknown toxic 'slow'"),
        (
            &["--listen", "127.0.0.1:0", "--upstream", "u:1", "--toxic", "down", "--toxic", "down"],
            "chaos: --toxic down_downstream: toxic already exists; set another name with name=…\n",
        ),
        (&["--api", &taken], "chaos: cannot listen on 127.0.0.1:"),
        (&["--listen", &taken, "--upstream", "u:1"], "chaos: cannot listen on 127.0.0.1:"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_chaos")).arg("proxy").args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(message), "{arguments:?}: {stderr}");
    }
}
