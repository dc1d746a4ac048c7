//! The chaos binary.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use chaos::builtin;
use chaos::command::execute;
use chaos::error::Error;
use target::raise_descriptor_limit;
use target::run_hidden_subcommand;

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

/// Prints an error in one line. If it cannot be printed, the exit code still reports it.
fn print_error(error: &Error) {
    let _ = match error {
        // The parser formats its own errors, and prints help and version to standard output.
        Error::Flags(error) => error.print(),
        error => writeln!(io::stderr(), "chaos: {error}"),
    };
}
