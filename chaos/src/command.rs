//! The command line: from arguments to schedules, runs, reports and an exit code.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use clap::{CommandFactory, Parser};
use driver::history::Ending;
use driver::run_limits::RunLimits;
use proxy::Log;
use report::read::{FailedRun, failed};
use report::terminal;
use report::write_file;
use report::{Report, RunReport};
use settings::values::random_seed;
use target::{Choice, choose_target};
use verdict::Verdict;
use verdict::exit::CommandResult;

use crate::chaos_protocol::ChaosProtocol;
use crate::dependencies;
use crate::disk;
use crate::error::Error;
use crate::flags::{CommandLine, Flags, Task};
use crate::namespace;
use crate::outcome::Timeline;
use crate::protocols;
use crate::proxy_command;
use crate::schedule::{self, Schedule};
use crate::scorecard;
use crate::shrink;
use crate::single_run::run_once;

const NOT_INSIDE: &str = "--packets needs a target that chaos starts with nothing outside: --exec or the built-in server, without --through";

/// Executes a command line and prints to `out`.
///
/// # Errors
/// The command line is invalid, or the command could not be executed.
pub fn execute(arguments: &[OsString], out: &mut impl Write) -> Result<CommandResult<Error>, Error> {
    let CommandLine { mut flags, mut subcommand } =
        CommandLine::try_parse_from(arguments).map_err(Error::Flags)?;
    let of_run = match &mut subcommand {
        None => Some(&mut flags),
        Some(Task::Replay { flags, .. }) => Some(&mut **flags),
        Some(_) => None,
    };
    if let Some(flags) = of_run {
        let choice = choose_target(&flags.target)?;
        // Nothing outside the namespace can be reached from it.
        let is_inside = matches!(choice, Choice::BuiltIn | Choice::Exec { .. }) && flags.through.is_empty();
        if flags.packets && !is_inside {
            return Err(Error::Usage(NOT_INSIDE));
        }
        flags.obstacles = namespace::enter(arguments, flags.packets, disk::is_used(&choice));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match subcommand {
        // The reader of the output may have gone.
        Some(Task::Faults { markdown: false, protocol }) => {
            let _ = scorecard::write_faults(out, protocols::named(protocol));
        }
        Some(Task::Faults { markdown: true, protocol }) => {
            let _ = scorecard::write_faults_as_markdown(out, protocols::named(protocol));
        }
        Some(Task::Replay { file, times, flags }) => {
            return runtime.block_on(replay(&file, times, &flags, out));
        }
        Some(Task::Proxy(flags)) => {
            tracing_subscriber::fmt().with_ansi(false).with_target(false).with_writer(io::stderr).init();
            runtime.block_on(proxy_command::run(*flags, Arc::new(Log), io::stdout()))?;
        }
        None => return runtime.block_on(run_seeds(&flags, out)),
    }
    Ok(CommandResult::printed())
}

/// Returns the definition of the command line, from which manual pages and completions are made.
#[must_use]
pub fn definition() -> clap::Command {
    CommandLine::command()
}

/// Runs one schedule for each seed.
async fn run_seeds(flags: &Flags, out: &mut impl Write) -> Result<CommandResult<Error>, Error> {
    let began = SystemTime::now();
    let flags = &with_again(flags)?;
    let choice = choose_target(&flags.target)?;
    dependencies::verify(&flags.through, &choice)?;
    let protocol = protocols::named(flags.protocol);
    let selection = schedule::selection(protocol, &flags.faults, &flags.skip)?;
    if schedule::selected(protocol, &selection).next().is_none() {
        return Err(Error::Usage("--faults and --skip leave no fault to run"));
    }
    let seeds = match (flags.seeds, flags.seed) {
        (Some(seeds), _) => seeds.first..=seeds.last,
        (None, Some(seed)) => seed..=seed,
        (None, None) => {
            let seed = random_seed();
            seed..=seed
        }
    };
    let mut limits = RunLimits::new()?;
    let _ = terminal::write_head(out, &choice.describe());
    let (mut runs, mut timelines): (Vec<RunReport>, Vec<Vec<Timeline>>) = (Vec::new(), Vec::new());
    let mut file_errors = Vec::new();
    for seed in seeds {
        let derive = if flags.matrix { Schedule::matrix } else { Schedule::shuffled };
        let mut schedule = derive(protocol, seed, &selection);
        let is_dependency = |pattern: &String| pattern.starts_with("dependency");
        if flags.through.is_empty() && !flags.faults.iter().any(is_dependency) {
            schedule.leave_out(|fault| fault.needs_dependency);
        }
        let is_of_packets = |pattern: &String| pattern.starts_with("packets");
        if !flags.packets && !flags.faults.iter().any(is_of_packets) {
            schedule.leave_out(|fault| fault.needs_packets);
        }
        if !disk::is_used(&choice) && !flags.faults.iter().any(|pattern| pattern.contains("full-disk")) {
            schedule.leave_out(|fault| fault.needs_disk);
        }
        let is_container = matches!(choice, Choice::Image { .. });
        if !is_container && !flags.faults.iter().any(|pattern| pattern.contains("memory-limited")) {
            schedule.leave_out(|fault| fault.needs_container);
        }
        let (run, outcome) = run_once(&schedule, &choice, flags, &mut limits, out).await?;
        let _ = scorecard::write_outcome(out, &run);
        let harmed: Vec<&str> = run.with(Verdict::Fail).map(|item| item.id).collect();
        runs.push(run);
        timelines.push(outcome.timelines);
        if let (Some(path), false) = (&flags.shrink, harmed.is_empty()) {
            let shrunk = shrink::shrink(&schedule, &harmed, &choice, flags, &mut limits, out).await?;
            match write_schedule(path, &shrunk) {
                Ok(()) => {
                    let faults = shrunk.steps.len();
                    let _ = writeln!(out, "reproduce: chaos replay {} ({faults} faults)", path.display());
                }
                Err(error) => file_errors.push(error),
            }
        }
        if limits.reached_limit() == Some(Ending::Interrupted) {
            break;
        }
    }
    let report = scorecard::report(&choice.describe(), began, runs);
    file_errors.extend(write_reports(flags, protocol, &report, &timelines, out));
    Ok(CommandResult::judged(report.verdict, file_errors))
}

/// Returns the flags, with the faults and the seed of the report that `--again` names.
fn with_again(flags: &Flags) -> Result<Flags, Error> {
    let mut flags = flags.clone();
    if let Some(path) = &flags.again {
        let FailedRun { seed, ids } = failed(path)?;
        flags.faults = ids;
        flags.matrix = true;
        if flags.seeds.is_none() {
            flags.seed.get_or_insert(seed);
        }
    }
    Ok(flags)
}

/// Runs a schedule from a file several times.
async fn replay(
    path: &Path,
    times: u32,
    flags: &Flags,
    out: &mut impl Write,
) -> Result<CommandResult<Error>, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let schedule =
        Schedule::parse(&text).map_err(|source| Error::Schedule { path: path.to_owned(), source })?;
    let began = SystemTime::now();
    let choice = choose_target(&flags.target)?;
    dependencies::verify(&flags.through, &choice)?;
    let mut limits = RunLimits::new()?;
    let _ = terminal::write_head(out, &choice.describe());
    let (mut runs, mut timelines): (Vec<RunReport>, Vec<Vec<Timeline>>) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let (run, outcome) = run_once(&schedule, &choice, flags, &mut limits, out).await?;
        if run.verdict == Verdict::Fail {
            let _ = scorecard::write_outcome(out, &run);
        }
        runs.push(run);
        timelines.push(outcome.timelines);
        if limits.reached_limit() == Some(Ending::Interrupted) {
            break;
        }
    }
    let failures = runs.iter().filter(|run| run.verdict == Verdict::Fail).count();
    let _ = writeln!(out, "\nfails {failures} of {} times", runs.len());
    let report = scorecard::report(&choice.describe(), began, runs);
    let file_errors = write_reports(flags, schedule.protocol, &report, &timelines, out);
    Ok(CommandResult::judged(report.verdict, file_errors))
}

fn write_schedule(path: &Path, schedule: &Schedule) -> Result<(), Error> {
    let write = |file| {
        schedule.write(file)?;
        Ok(())
    };
    Ok(write_file(File::create, path, write)?)
}

/// Writes the reports and returns the errors of those that could not be written.
fn write_reports(
    flags: &Flags,
    protocol: &ChaosProtocol,
    report: &Report,
    timelines: &[Vec<Timeline>],
    out: &mut impl Write,
) -> Vec<Error> {
    let write_page = |file| scorecard::write_page(file, protocol, report, timelines);
    flags.reports.write_all(report, write_page, out).into_iter().map(Error::from).collect()
}
