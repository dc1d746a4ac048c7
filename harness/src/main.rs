//! The harness's binary.

use std::ffi::OsString;
use std::io;
use std::io::Write;
use std::process::ExitCode;

use harness::builtin;
use harness::command::carry_out;
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
    match carry_out(&arguments, &mut anstream::stdout().lock()) {
        Ok(done) => {
            done.file_errors.iter().for_each(complain);
            ExitCode::from(done.exit_code)
        }
        Err(error) => {
            complain(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Says what is wrong in one line. If nobody can read it, the exit code says it still.
fn complain(error: &Error) {
    let _ = match error {
        // The parser has its own form, and prints help and version to standard output.
        Error::Flags(error) => error.print(),
        error => writeln!(io::stderr(), "harness: {error}"),
    };
}
