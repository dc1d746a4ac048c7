//! The built-in target: the reference server, run by a hidden subcommand of this binary. The only file that names
//! the server.

use std::process::ExitCode;

use clap::Parser;
use server::command_line::{Flags, run};

/// The hidden subcommand that is the server.
pub(super) const SUBCOMMAND: &str = "built-in-server";

/// Serves on a free port, which the first line of the output names.
#[expect(clippy::print_stderr, reason = "the parent process reads what it says")]
pub(super) fn run_server() -> ExitCode {
    let flags = Flags::parse_from([SUBCOMMAND, "--addr", "127.0.0.1:0"]);
    match run(&flags) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
