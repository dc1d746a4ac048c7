//! The built-in servers, which a hidden subcommand of this binary runs. Only this file names the server crates.

use std::ffi::OsString;
use std::io;
use std::io::Write;
use std::process::ExitCode;

use server::command_line::run_with_flags;
use target::BUILT_IN_SUBCOMMAND;

/// Runs the built-in server that the arguments name, if they contain the hidden subcommand. The server listens on a free
/// port, which the first line of its output names, unless further arguments give another address.
#[must_use]
pub fn run_hidden_subcommand(arguments: &[OsString]) -> Option<ExitCode> {
    if arguments.get(1)? != BUILT_IN_SUBCOMMAND {
        return None;
    }
    let head = [BUILT_IN_SUBCOMMAND, "--addr", "127.0.0.1:0"].map(OsString::from);
    let service = match arguments.get(2)?.to_str()? {
        "wisdom" => Some(OsString::from("--service=wisdom")),
        _ => None,
    };
    let flags = head.into_iter().chain(service).chain(arguments[3..].iter().cloned());
    Some(match run_with_flags(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The parent process reads this line.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    })
}
