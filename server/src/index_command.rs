//! The command line of the package-index server.

use std::ffi::OsString;
use std::io::Write;
use std::iter;

use clap::{CommandFactory, Parser, Subcommand};
use protocol::index::wire::Reply;
use settings::Environment;

use crate::admin::Build;
use crate::command_line::{self, Error, HealthCheck, ServerFlags, count};
use crate::service::index::{Capacity, IndexService};

/// Serves a package index over TCP: INDEX, REMOVE and QUERY, one request per line.
#[derive(Clone, Debug, Parser)]
#[command(name = "server", version, max_term_width = 100, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true, args_override_self = true)]
struct CommandLine {
    #[command(flatten)]
    flags: Flags,

    #[command(subcommand)]
    subcommand: Option<Task>,
}

/// A task other than serving.
#[derive(Clone, Debug, Subcommand)]
enum Task {
    /// Check the health of the server with these flags: by a request to --addr and, if it is set, by --admin
    #[command(
        after_help = "Exit status:\n  0  the server is healthy\n  1  it is not healthy, or it did not answer \
                            within 2 s\n  2  a setting is wrong"
    )]
    Health(Flags),
    /// Print all settings with their values and origins
    Config(Flags),
}

const AFTER_HELP: &str = "\
Each flag can also be set by an environment variable (--max-line by PACKAGE_INDEXER_MAX_LINE) and in the file that \
--config names (max-line: 65536). Flags override the environment, and the environment overrides the file. `server \
config` prints the values in effect.

SIGINT and SIGTERM drain the server: it accepts no connections, answers the requests it has received, and ends. A \
second signal ends it immediately.

Exit status:
  0  all connections ended by themselves, or their clients took no replies
  1  the server could not start, or the shutdown timeout closed other connections
  2  a flag, an environment variable or the configuration file is wrong
  101  a part of the server panicked, which is a defect";

/// All flags of the server.
#[derive(Clone, Debug, clap::Args)]
struct Flags {
    #[command(flatten)]
    server: ServerFlags,

    /// Limit of indexed packages; INDEX of a further package is answered ERROR
    #[arg(long, value_name = "N", default_value_t = Capacity::default().packages_max, value_parser = count)]
    max_packages: usize,

    /// Limit of the index's memory in bytes; INDEX of a package that exceeds it is answered ERROR
    #[arg(long, value_name = "BYTES", default_value_t = Capacity::default().bytes_max, value_parser = count)]
    max_index_bytes: usize,

    /// Longest line in bytes, without the line end, at least 65536; a longer line is answered ERROR and skipped
    #[arg(long, value_name = "BYTES", default_value_t = LINE_BYTES_MIN, value_parser = line_bytes_max)]
    max_line: usize,
}

const BUILD: Build = Build { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

/// The reply to a query of any package shows that the index is available.
const HEALTH_CHECK: HealthCheck =
    HealthCheck { request: || b"QUERY|health|\n".to_vec(), is_healthy: is_index_reply };

/// Runs the program with these arguments, of which the first is the program, and these environment variables.
///
/// # Errors
/// Fails if a setting is wrong or the task fails.
pub fn run(
    arguments: &[OsString],
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    out: &mut impl Write,
) -> Result<(), Error> {
    run_with(arguments, command_line::environment(environment), out)
}

/// Serves with these flags, and ignores the environment.
///
/// # Errors
/// Fails if a flag is wrong or the server cannot start.
pub fn serve_with_flags(flags: impl IntoIterator<Item = OsString>) -> Result<(), Error> {
    let arguments: Vec<OsString> = iter::once(BUILD.name.into()).chain(flags).collect();
    run_with(&arguments, command_line::environment(iter::empty()), &mut std::io::stdout())
}

/// Returns the definition of the command line, from which manual pages and completions are made.
#[must_use]
pub fn definition() -> clap::Command {
    CommandLine::command()
}

fn run_with(arguments: &[OsString], environment: Environment, out: &mut impl Write) -> Result<(), Error> {
    let (parsed, layered) =
        command_line::read::<CommandLine>(CommandLine::command(), arguments, environment)?;
    let (Flags { server, max_packages, max_index_bytes, max_line }, task) = match &parsed.subcommand {
        Some(task @ (Task::Health(flags) | Task::Config(flags))) => (flags, Some(task)),
        None => (&parsed.flags, None),
    };
    server.check()?;
    // A buffer may be twice as large as its content.
    if server.max_buffered / 2 < server.max_unread.saturating_add(*max_line) {
        return Err(Error::Conflict(
            "--max-buffered must be at least twice the sum of --max-line and --max-unread",
        ));
    }
    match task {
        None => command_line::serve(server, server.limits(), BUILD, || {
            let capacity = Capacity { packages_max: *max_packages, bytes_max: *max_index_bytes };
            Ok(IndexService::new(*max_line, capacity))
        }),
        Some(Task::Health(_)) => {
            command_line::check(server, &HEALTH_CHECK)?;
            Ok(writeln!(out, "healthy")?)
        }
        Some(Task::Config(_)) => Ok(command_line::print(&layered, out, |_, value| value.to_owned())?),
    }
}

fn is_index_reply(reply: &[u8]) -> Option<bool> {
    let (indexed, absent) = (Reply::Ok.line(), Reply::Fail.line());
    let is_complete = reply.ends_with(b"\n") || reply.len() >= Reply::Error.line().len();
    is_complete.then(|| reply == indexed || reply == absent)
}

/// Clause F6 requires a limit of at least this many bytes.
const LINE_BYTES_MIN: usize = 64 * 1024;

fn line_bytes_max(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes) if (LINE_BYTES_MIN..=1 << 30).contains(&bytes) => Ok(bytes),
        _ => Err(format!("expected a number of bytes from {LINE_BYTES_MIN} to {}", 1 << 30)),
    }
}
