//! The command line of `wisdom`: the service and its client.

mod flags;
mod get;
mod serve;

use std::ffi::OsString;
use std::io::{self, Write};
use std::iter;
use std::process::ExitCode;

use clap::{Arg, Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use server::command_line::{self, Error};
use settings::{Environment, Layered};

use flags::Flags;
use get::{Bench, Get};

/// Quotations for a proof of work (WOW/1): the server and its client.
#[derive(Debug, Parser)]
#[command(name = "wisdom", version, max_term_width = 100, args_override_self = true)]
#[command(subcommand_required = true, arg_required_else_help = false)]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Serve challenges and quotations over TCP
    #[command(after_help = AFTER_HELP)]
    Serve(Flags),
    /// Check the health of the server with these flags: by a request to --addr and, if it is set, by --admin
    #[command(
        after_help = "Exit status:\n  0  the server is healthy\n  1  it is not healthy, or it did not answer \
                            within 2 s\n  2  a setting is wrong"
    )]
    Health(Flags),
    /// Print all settings of the server with their values and origins
    Config(Flags),
    /// Request challenges, solve them, and print the quotations
    #[command(after_help = get::EXIT_STATUS)]
    Get(Get),
    /// Measure the hashes per second of this machine, on one core and on all cores
    Bench(Bench),
}

const AFTER_HELP: &str = "\
Each flag can also be set by an environment variable (--ttl by PACKAGE_INDEXER_TTL) and in the file that --config \
names (ttl: 60). Flags override the environment, and the environment overrides the file. `wisdom config` prints the \
values in effect.

SIGINT and SIGTERM drain the server: it accepts no connections, answers the requests it has received, and ends. A \
second signal ends it immediately.

Exit status:
  0  all connections ended by themselves, or their clients took no replies
  1  the server could not start, or the shutdown timeout closed other connections
  2  a flag, an environment variable, the configuration file or the secret file is wrong
  101  a part of the server panicked, which is a defect";

/// The subcommands with the flags of the server.
const SERVER_TASKS: [&str; 3] = ["serve", "health", "config"];

/// The defaults that differ from those of the server library. Connections are short, and clients are not trusted.
const DEFAULTS: [(&str, &str); 8] = [
    ("max_connections", "1024"),
    ("max_connections_per_address", "32"),
    ("max_request_rate", "5000"),
    ("read_timeout", "5"),
    ("idle_timeout", "5"),
    ("write_timeout", "5"),
    ("lifetime", "90"),
    ("shutdown_timeout", "10"),
];

/// Returns the definition of the command line, from which manual pages and completions are made.
#[must_use]
pub fn definition() -> Command {
    let with_default = |flag: Arg| {
        let Some((id, value)) = DEFAULTS.iter().find(|(id, _)| flag.get_id() == *id) else { return flag };
        let flag = flag.default_value(*value);
        // Without the words "no limit if not given".
        match *id {
            "max_connections_per_address" => {
                flag.help("Limit of open connections per client address, which is a /64 network for IPv6")
            }
            "max_request_rate" => flag.help("Limit of requests per second and client address"),
            _ => flag,
        }
    };
    SERVER_TASKS.iter().fold(CommandLine::command(), |command, task| {
        command.mut_subcommand(task, |task| task.mut_args(with_default))
    })
}

/// Runs the program with these arguments, of which the first is the program, and these environment variables. Errors
/// are reported on standard error.
pub fn run(
    arguments: &[OsString],
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    out: &mut impl Write,
) -> ExitCode {
    let typed = Layered::parse(definition(), arguments)
        .and_then(|layered| CommandLine::from_arg_matches(layered.matches()).map_err(settings::Error::Flags));
    let failure = match typed {
        Ok(CommandLine { task: Task::Get(flags) }) => get::get(&flags, out).err(),
        Ok(CommandLine { task: Task::Bench(flags) }) => get::bench(&flags, out).err(),
        Ok(_) => {
            let environment = command_line::environment(environment);
            return command_line::exit("wisdom", run_server(arguments, environment, out));
        }
        Err(error) => return command_line::exit("wisdom", Err(error.into())),
    };
    let Some(failure) = failure else { return ExitCode::SUCCESS };
    if !failure.is_closed_output() {
        // If the message cannot be written, the exit code remains.
        let _ = writeln!(io::stderr(), "wisdom: {failure}");
    }
    ExitCode::from(failure.exit_code())
}

/// Serves with these flags, and ignores the environment.
///
/// # Errors
/// Fails if a flag is wrong or the server cannot start.
pub fn serve_with_flags(flags: impl IntoIterator<Item = OsString>) -> Result<(), Error> {
    let arguments: Vec<OsString> = ["wisdom".into(), "serve".into()].into_iter().chain(flags).collect();
    run_server(&arguments, command_line::environment(iter::empty()), &mut io::stdout())
}

fn run_server(
    arguments: &[OsString],
    mut environment: Environment,
    out: &mut impl Write,
) -> Result<(), Error> {
    let secret = serve::secret_of(&mut environment)?;
    let (CommandLine { task }, layered) = command_line::read(definition(), arguments, environment)?;
    match &task {
        Task::Serve(flags) => {
            flags.check(secret.is_some())?;
            serve::serve(flags, secret)
        }
        Task::Health(flags) => {
            flags.check(secret.is_some())?;
            command_line::check(&flags.server, &serve::HEALTH_CHECK)?;
            Ok(writeln!(out, "healthy")?)
        }
        Task::Config(flags) => {
            flags.check(secret.is_some())?;
            Ok(command_line::print(&layered, out, flags::shown)?)
        }
        Task::Get(_) | Task::Bench(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_definition_of_the_flags_is_consistent() {
        super::definition().debug_assert();
    }
}
