//! Tests of the service and its client from outside, clause by clause, on literal bytes.

mod against_model;
#[path = "../../../../server/tests/it/binary.rs"]
#[expect(dead_code, reason = "the tests of the server use the rest")]
mod binary;
mod client;
mod expiry;
mod frames;
mod get;
mod keys;
mod limits;
mod metrics;
mod scripted;
mod settings;
mod solutions;
#[path = "../../../../server/tests/it/support.rs"]
#[expect(dead_code, reason = "the tests of the server use the rest")]
mod support;

use std::process::Command;

use binary::{Running, clean_command, start_command};

/// The program with an environment that does not change its settings.
fn command() -> Command {
    clean_command("wisdom")
}

/// Starts a server with a low and constant difficulty.
fn start(flags: &[&str]) -> Running {
    start_with_environment(flags, &[])
}

/// The same with additional environment variables.
fn start_with_environment(flags: &[&str], environment: &[(&str, &str)]) -> Running {
    let mut command = command();
    command.args(["serve", "--addr", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command.args(["--difficulty", "8", "--difficulty-min", "8", "--difficulty-max", "8"]);
    // All clients of a test have the same address.
    command.args(["--max-connections-per-address", "1000", "--max-request-rate", "1000000"]).args(flags);
    command.envs(environment.iter().copied());
    start_command(command)
}
