//! Unmodified Toxiproxy clients: one in Python, one in Rust.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{self, Write};
use std::process::Command;

use crate::proxy::support::{Chaos, echo};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/toxiproxy_clients");

/// Returns the directory of an installed client; none if `cargo ci test` has not installed it.
fn installed(client: &str) -> Option<String> {
    if let Ok(directory) = std::env::var("GAUNTLET_TOXIPROXY_CLIENTS") {
        return Some(format!("{directory}/{client}"));
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "CI requires the {client} client: set GAUNTLET_TOXIPROXY_CLIENTS"
    );
    // Written directly, because the test harness captures the output of tests that pass.
    let _ = writeln!(io::stderr(), "skipped: `cargo ci test` installs the {client} client for Toxiproxy");
    None
}

fn assert_succeeds(client: &mut Command) {
    let output = client.output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text == "all is well\n", "{text}");
}

#[test]
fn the_python_client_works() {
    let Some(directory) = installed("python") else { return };
    let mut chaos = Chaos::start(&["proxy", "--api", "127.0.0.1:0"]);
    let addr = chaos.addr("api");
    let (_, port) = addr.rsplit_once(':').unwrap();
    let script = format!("{DIRECTORY}/client.py");
    assert_succeeds(Command::new(format!("{directory}/bin/python")).args([&script, port, &echo()]));
}

#[test]
fn the_rust_client_works() {
    let Some(directory) = installed("rust") else { return };
    let mut chaos = Chaos::start(&["proxy", "--api", "127.0.0.1:0"]);
    let client = format!("{directory}/debug/toxiproxy-client");
    assert_succeeds(Command::new(client).args([chaos.addr("api"), echo()]));
}
