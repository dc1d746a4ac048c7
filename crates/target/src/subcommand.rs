//! The hidden subcommands that run a supervisor in a separate process.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::supervisor;

/// The hidden subcommand of a binary that runs one of its built-in servers; the name of the server follows it.
pub const BUILT_IN_SUBCOMMAND: &str = "built-in-server";

/// Runs the hidden subcommand that the arguments name, if they name one. A binary that starts targets calls this
/// before it parses its own arguments.
#[must_use]
pub fn run_hidden_subcommand(arguments: &[OsString]) -> Option<ExitCode> {
    match arguments.get(1)?.to_str()? {
        supervisor::SUBCOMMAND => Some(supervisor::run(&arguments[2..])),
        #[cfg(feature = "docker")]
        crate::notice::SUBCOMMAND => Some(crate::container::run(&arguments[2..])),
        _ => None,
    }
}
