//! The chaos binary.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use chaos::proxy::Log;
use chaos::proxy::command::{self, ProxyFlags};
use clap::{Parser, Subcommand};

/// What breaks a server, who is harmed by that, and how to see it again.
#[derive(Debug, Parser)]
#[command(name = "chaos", version, max_term_width = 100)]
struct Flags {
    #[command(subcommand)]
    subcommand: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Proxy(ProxyFlags),
}

/// The command line, or an address that it names, cannot be used.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let Task::Proxy(flags) = Flags::parse().subcommand;
    tracing_subscriber::fmt().with_ansi(false).with_target(false).with_writer(io::stderr).init();
    match run_proxy(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If nobody can read it, the exit code says it still.
            let _ = writeln!(io::stderr(), "chaos: {error}");
            ExitCode::from(USAGE)
        }
    }
}

fn run_proxy(flags: ProxyFlags) -> Result<(), command::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(command::run(flags, Arc::new(Log), io::stdout()))
}
