//! The chaos binary.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use chaos::builtin;
use chaos::command::{Error, carry_out};
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
    match carry_out(&arguments, &mut anstream::stdout().lock()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // If nobody can read it, the exit code says it still.
            let _ = match &error {
                // The parser has its own form, and prints help and version to standard output.
                Error::Flags(error) => error.print(),
                error => writeln!(io::stderr(), "chaos: {error}"),
            };
            ExitCode::from(error.exit_code())
        }
    }
}
