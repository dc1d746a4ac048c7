//! The built-in servers, which a hidden subcommand of this binary runs. Only this file names the server crates.

use std::ffi::OsString;
use std::io;
use std::io::Write;
use std::process::ExitCode;

use target::BUILT_IN_SUBCOMMAND;

/// Runs the built-in server that the arguments name, if they contain the hidden subcommand. The server listens on a free
/// port, which the first line of its output names, unless further arguments give another address.
#[must_use]
pub fn run_hidden_subcommand(arguments: &[OsString]) -> Option<ExitCode> {
    if arguments.get(1)? != BUILT_IN_SUBCOMMAND {
        return None;
    }
    let free_port = ["--addr", "127.0.0.1:0"].map(OsString::from);
    let flags = free_port.into_iter().chain(arguments.get(3..)?.iter().cloned());
    let outcome = match arguments.get(2)?.to_str()? {
        "wisdom" => wisdom::command_line::serve_with_flags(flags),
        _ => server::index_command::serve_with_flags(flags),
    };
    Some(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The parent process reads this line.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    })
}
