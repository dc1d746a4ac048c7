//! Clients that were written for Toxiproxy, unchanged: one in Python, one in Rust.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{self, Write};
use std::process::Command;

use super::support::{Chaos, echo};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/toxiproxy_clients");

/// Brings a client into a directory of the build, and says where that is. None: this machine has not what it takes.
fn prepare(client: &str) -> Option<String> {
    let into = format!("{}/toxiproxy-client-{client}", env!("CARGO_TARGET_TMPDIR"));
    let prepared = Command::new(format!("{DIRECTORY}/prepare")).args([client, &into]).output().unwrap();
    if prepared.status.success() {
        return Some(into);
    }
    let said = String::from_utf8_lossy(&prepared.stderr);
    assert!(std::env::var_os("CI").is_none(), "with CI set the {client} client has to be there: {said}");
    // Past what captures the output of tests that pass, so that it is seen.
    let _ = writeln!(io::stderr(), "skipped: the {client} client for Toxiproxy cannot be had here: {said}");
    None
}

fn assert_well(client: &mut Command) {
    let output = client.output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said == "all is well\n", "{said}");
}

#[test]
fn the_python_client_steers_it() {
    let Some(directory) = prepare("python") else { return };
    let mut chaos = Chaos::start(&["proxy", "--api", "127.0.0.1:0"]);
    let addr = chaos.addr("api");
    let (_, port) = addr.rsplit_once(':').unwrap();
    let script = format!("{DIRECTORY}/client.py");
    assert_well(Command::new(format!("{directory}/bin/python")).args([&script, port, &echo()]));
}

#[test]
fn the_rust_client_steers_it() {
    let Some(directory) = prepare("rust") else { return };
    let mut chaos = Chaos::start(&["proxy", "--api", "127.0.0.1:0"]);
    let client = format!("{directory}/debug/toxiproxy-client");
    assert_well(Command::new(client).args([chaos.addr("api"), echo()]));
}
