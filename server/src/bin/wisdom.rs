//! The client's binary: quotations for a proof of work.

use std::io;
use std::process::ExitCode;

use server::wisdom_client::command::carry_out;

fn main() -> ExitCode {
    carry_out(std::env::args_os(), &mut io::stdout(), &mut io::stderr()).into()
}
