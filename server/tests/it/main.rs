//! Tests of the server from outside: the index against the model, bytes on a socket, limits, and the command line.

mod admin;
mod against_model;
mod binary;
mod budget;
mod command_line;
mod deadlines;
mod limits;
mod log;
mod panics;
mod raw_bytes;
mod settings;
mod support;

use std::process::Command;

use binary::{Running, clean_command, start_command};

/// The server with an environment that does not change its settings.
fn command() -> Command {
    clean_command("server")
}

/// Starts a server on a free port.
fn start(flags: &[&str]) -> Running {
    let mut command = command();
    command.args(["--addr", "127.0.0.1:0"]).args(flags);
    start_command(command)
}

/// Starts a server and its admin endpoint on free ports.
fn start_with_admin(flags: &[&str]) -> Running {
    start(&[&["--admin", "127.0.0.1:0"], flags].concat())
}
