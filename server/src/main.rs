//! The package-index server.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use server::{command_line, index_command};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    command_line::exit("server", index_command::run(&arguments, std::env::vars_os(), &mut io::stdout()))
}
