//! Quotations for a proof of work: the server and its client.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    wisdom::command_line::run(&arguments, std::env::vars_os(), &mut io::stdout())
}
