//! The service of WOW/1 from outside, clause by clause, on raw bytes.

mod against_model;
mod client;
mod expiry;
mod frames;
mod keys;
mod limits;
mod metrics;
mod solutions;

use crate::binary::{Running, command, start_command};

/// A server whose challenges take a moment, whoever asks how often.
pub(crate) fn start(flags: &[&str]) -> Running {
    start_with_environment(flags, &[])
}

/// The same with variables in its environment.
pub(crate) fn start_with_environment(flags: &[&str], environment: &[(&str, &str)]) -> Running {
    let mut command = command();
    command.args(["--service", "wisdom", "--addr", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command.args(["--difficulty", "8", "--difficulty-min", "8", "--difficulty-max", "8"]);
    command.args(["--max-connections-per-address", "1000"]).args(flags);
    command.envs(environment.iter().copied());
    start_command(command)
}
