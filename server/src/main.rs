//! The reference server's binary.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use server::command_line::carry_out;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let Err(error) = carry_out(&arguments, std::env::vars_os(), &mut io::stdout()) else {
        return ExitCode::SUCCESS;
    };
    if let Some(text) = error.asked_text() {
        let _ = write!(io::stdout(), "{text}");
        return ExitCode::SUCCESS;
    }
    // If nobody can read it, the exit status says it still.
    let _ = writeln!(io::stderr(), "server: {error}");
    ExitCode::from(error.exit_code())
}
