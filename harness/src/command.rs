//! The command line: parses it, executes it, and returns the exit code.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;

use tokio::runtime::Runtime;

use conformance::case::Case;
use report::changes::Changes;
use report::{catalogue, compare, write_file};
use verdict::exit::CommandResult;
use verdict::selection::nearest;

use crate::error::Error;
use crate::flags::{CatalogueFormat, Flags, Subcommand};
use crate::options::Options;
use crate::protocols::PROTOCOLS;
use crate::{config, init, judge_command, matrix, protocols, replay_command, run_command};

/// Executes a command line and prints to `out`. The first argument is the name of the program.
///
/// # Errors
/// The command line is invalid, or the command could not start. [`Error::exit_code`] returns the exit code.
pub fn execute(arguments: &[OsString], out: &mut impl Write) -> Result<CommandResult<Error>, Error> {
    let flags = Flags::parse_arguments(&config::with_config(arguments)?)?;
    let Some(subcommand) = flags.subcommand.clone() else {
        let options = Options::new(flags)?;
        let runtime = runtime()?;
        let mut file_errors = Vec::new();
        let verdict = runtime.block_on(run_command::run(&options, &mut file_errors, out));
        // Do not wait for a pending host name resolution.
        runtime.shutdown_background();
        return Ok(CommandResult::judged(verdict?, file_errors));
    };
    match subcommand {
        Subcommand::Replay { file, times, timeout, target } => {
            let runtime = runtime()?;
            let verdict = runtime.block_on(replay_command::replay(&file, times, timeout, &target, out));
            runtime.shutdown_background();
            return Ok(CommandResult::judged(verdict?, Vec::new()));
        }
        Subcommand::Matrix(flags) => {
            let runtime = runtime()?;
            return Ok(CommandResult::judged(runtime.block_on(matrix::run(&flags, out))?, Vec::new()));
        }
        Subcommand::Judge { file } => {
            let (verdict, error) = judge_command::judge(&file, out)?;
            return Ok(CommandResult::judged(verdict, error.into_iter().collect()));
        }
        Subcommand::Cases { format, protocol } => write_cases(format, protocol, out),
        Subcommand::Explain { id } => explain(&id, out)?,
        Subcommand::Compare { reports, html, fail_on, markdown } => {
            let compared = compare::read(&reports)?;
            let changes = Changes::between(&compared);
            if changes.is_none() && (!fail_on.is_empty() || markdown.is_some()) {
                return Err(Error::Usage("--fail-on and --markdown compare two reports; name two"));
            }
            if let Some(path) = &html {
                write_file(File::create, path, |file| compare::write_html(file, &compared))?;
            }
            ignore_closed(compare::write_text(out, &compared));
            let Some(changes) = changes else { return Ok(CommandResult::printed()) };
            if let Some(path) = &markdown {
                write_file(File::create, path, |file| changes.write_markdown(file))?;
            }
            ignore_closed(changes.write_text(out));
            return Ok(CommandResult::judged(changes.verdict(&fail_on), Vec::new()));
        }
        Subcommand::Init(flags) => {
            init::init(Path::new("."), flags, out)?;
        }
    }
    Ok(CommandResult::printed())
}

/// Returns the definition of the command line, from which manual pages and completions are made.
#[must_use]
pub fn definition() -> clap::Command {
    <Flags as clap::CommandFactory>::command()
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Ignores an error on standard output: its reader may stop reading at any time.
fn ignore_closed(_: io::Result<()>) {}

fn write_cases(format: CatalogueFormat, protocol: &str, out: &mut impl Write) {
    let suite = &protocols::named(protocol).suite;
    ignore_closed(match format {
        CatalogueFormat::Text => catalogue::write_lines(out, suite),
        CatalogueFormat::Json => catalogue::write_json(out, suite),
        CatalogueFormat::Markdown => catalogue::write_markdown(out, suite),
    });
}

/// Explains the case, clause or workload with this id.
fn explain(id: &str, out: &mut impl Write) -> Result<(), Error> {
    ignore_closed(if let Some((suite, clause)) = protocols::find_clause(id) {
        catalogue::explain_clause(out, clause, &suite)
    } else if let Some(workload) = protocols::find_workload(id) {
        writeln!(out, "{id}\n{}", workload.explanation())
    } else if let Some(entry) = PROTOCOLS.into_iter().find(|entry| entry.suite.alive == id) {
        let clause = entry.suite.alive_clause.id;
        writeln!(
            out,
            "{id}\nThe target survives the run ({clause}). If it is lost, the report shows how, and what was sent last."
        )
    } else {
        catalogue::explain(out, find_case(id)?)
    });
    Ok(())
}

fn find_case(id: &str) -> Result<&'static Case, Error> {
    protocols::find_case(id).ok_or_else(|| {
        let near = nearest(id, PROTOCOLS.iter().flat_map(|entry| entry.suite.cases()).map(|case| case.id));
        let hint = near.map_or(String::new(), |near| format!("; did you mean '{near}'?"));
        Error::NoCase { id: id.to_owned(), hint }
    })
}
