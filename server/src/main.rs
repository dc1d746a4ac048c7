//! The reference server's binary.

use std::process::ExitCode;

use clap::Parser;
use server::command_line::{Flags, run};
use server::listener::Ending;

#[expect(clippy::print_stderr, reason = "a binary says why it ends")]
fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(Ending::Drained) => ExitCode::SUCCESS,
        Ok(Ending::Cut(connections)) => {
            eprintln!("server: {connections} connections outlived --shutdown-timeout and were cut");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("server: {error}");
            ExitCode::FAILURE
        }
    }
}
