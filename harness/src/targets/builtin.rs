//! The built-in target: the reference server, run by a hidden subcommand of this binary. The only file that names
//! the server.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use server::command_line::run_with_flags;

/// The hidden subcommand that is the server.
pub(super) const SUBCOMMAND: &str = "built-in-server";

/// Serves on a free port, which the first line of the output names, unless `flags` of the server say otherwise.
pub(super) fn run_server(flags: &[OsString]) -> ExitCode {
    let free_port = [SUBCOMMAND, "--addr", "127.0.0.1:0"].map(OsString::from);
    match run_with_flags(free_port.iter().chain(flags).cloned()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The parent process reads it.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}
