//! The harness's binary.

use std::ffi::OsString;
use std::process::ExitCode;

use harness::command::{Error, carry_out};
use harness::targets::run_hidden_subcommand;
use rustix::process::{Resource, getrlimit, setrlimit};

#[expect(clippy::print_stderr, reason = "a binary says why it ends")]
fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = run_hidden_subcommand(&arguments) {
        return code;
    }
    raise_descriptor_limit();
    match carry_out(&arguments, &mut anstream::stdout().lock()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            match &error {
                // The parser has its own form, and prints help and version to standard output. If nobody reads
                // there, nothing is lost.
                Error::Flags(error) => _ = error.print(),
                error => eprintln!("harness: {error}"),
            }
            ExitCode::from(error.exit_code())
        }
    }
}

/// Many systems start a process with 1,024 descriptors and allow it far more; each client takes one.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it is refused, a run with too many clients says what it ran out of.
    let _ = setrlimit(Resource::Nofile, limit);
}
