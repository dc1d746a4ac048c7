//! The `harness` binary.
//!
//! 1. If the first argument is a hidden subcommand, this process is a helper of another harness process: a target
//!    supervisor (`target`) or a built-in server (`builtin`).
//! 2. It raises the limit of file descriptors, because each client needs one.
//! 3. It executes the command line (`command`) and exits with the code that `verdict::exit::exit_code` decides.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use harness::builtin;
use harness::command::execute;
use harness::error::Error;
use target::{raise_descriptor_limit, run_hidden_subcommand};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) =
        run_hidden_subcommand(&arguments).or_else(|| builtin::run_hidden_subcommand(&arguments))
    {
        return code;
    }
    raise_descriptor_limit();
    match execute(&arguments, &mut anstream::stdout().lock()) {
        Ok(end) => {
            end.file_errors.iter().for_each(print_error);
            ExitCode::from(end.exit_code)
        }
        Err(error) => {
            print_error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Prints an error in one line. If standard error is closed, the exit code still reports the failure.
fn print_error(error: &Error) {
    let _ = match error {
        // The parser formats its own errors, and prints help and version to standard output.
        Error::Flags(error) => error.print(),
        error => writeln!(io::stderr(), "harness: {error}"),
    };
}
