//! The built-in target: a reference server, run by a hidden subcommand of this binary. The only file that names the
//! servers.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// The hidden subcommand that is the server.
pub(super) const SUBCOMMAND: &str = "built-in-server";

/// The argument that selects the server of quotations instead of the package index. It is not passed on.
const WISDOM: &str = "--service=wisdom";

/// Serves on a free port, which the first line of output reports, unless `flags` state another address.
pub(super) fn run_server(flags: &[OsString]) -> ExitCode {
    let free_port = ["--addr", "127.0.0.1:0"].map(OsString::from);
    let passed_on = free_port.into_iter().chain(flags.iter().filter(|flag| *flag != WISDOM).cloned());
    let outcome = if flags.iter().any(|flag| flag == WISDOM) {
        wisdom::command_line::serve_with_flags(passed_on)
    } else {
        server::index_command::serve_with_flags(passed_on)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The parent process reads it.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}
