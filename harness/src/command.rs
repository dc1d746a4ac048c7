//! The command: from arguments to runs to reports to an exit code.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use tokio::runtime::Runtime;

use crate::bounds::Bounds;
use crate::config;
use crate::drive::Ending;
use crate::error::Error;
use crate::exit;
use crate::flags::{CatalogueFormat, Flags, Subcommand};
use crate::gate::Gate;
use crate::judging::{self, Judged};
use crate::kit::{self, KITS};
use crate::options::{Options, write_file};
use crate::replaying;
use crate::report::{
    self, Report, RunReport, catalogue, compare, html, json, junit, markdown, matrix, terminal,
};
use crate::select::nearest;
use crate::suite::Suite;
use crate::suite::case::Case;
use crate::verdict::Verdict;

/// What a command comes to.
#[derive(Debug)]
pub struct Done {
    /// What was judged decides it; if that found no violation, files that could not be written or read do.
    pub exit_code: u8,
    /// Why reports could not be written, or a history not read to its end.
    pub troubles: Vec<Error>,
}

/// Carries out a command line, and prints to `out`.
///
/// # Errors
/// The command line is wrong, and nothing was done.
pub fn carry_out(arguments: &[OsString], out: &mut impl Write) -> Result<Done, Error> {
    let flags = Flags::parse_arguments(&config::with_config(arguments)?)?;
    if let Some(subcommand) = &flags.subcommand {
        if let Subcommand::Replay { file, times, timeout, target } = subcommand {
            let runtime = runtime()?;
            let verdict = runtime.block_on(replaying::replay(file, *times, *timeout, target, out));
            runtime.shutdown_background();
            return Ok(Done::new(verdict?, Vec::new()));
        }
        if let Subcommand::Judge { file } = subcommand {
            let Judged { verdict, trouble } = judging::judge_file(file, out)?;
            return Ok(Done::new(verdict, trouble.into_iter().collect()));
        }
        carry_out_subcommand(subcommand, out)?;
        return Ok(Done { exit_code: exit::PASS, troubles: Vec::new() });
    }
    let options = Options::new(flags)?;
    let runtime = runtime()?;
    let mut troubles = Vec::new();
    let runs = runtime.block_on(run_all(&options, &mut troubles, out));
    // A name that is still being looked up is waited for by nobody.
    runtime.shutdown_background();
    let runs = runs?;
    let verdict = runs.iter().map(|run| run.verdict).max().unwrap_or(Verdict::Unknown);
    let report = Report {
        report: report::VERSION,
        target: options.choice.describe(),
        fixture: options.fixture.clone(),
        verdict,
        runs,
    };
    troubles.extend(write_reports(&options.flags, &report));
    Ok(Done::new(verdict, troubles))
}

impl Done {
    fn new(verdict: Verdict, troubles: Vec<Error>) -> Self {
        let is_usage = verdict != Verdict::Fail && !troubles.is_empty();
        Self { exit_code: if is_usage { exit::USAGE } else { verdict.exit_code() }, troubles }
    }
}

fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn carry_out_subcommand(subcommand: &Subcommand, out: &mut impl Write) -> Result<(), Error> {
    // Whoever reads the output may stop reading.
    let _ = match subcommand {
        Subcommand::Cases { format, protocol } => match format {
            CatalogueFormat::Text => catalogue::write_lines(out, &protocol.suite),
            CatalogueFormat::Json => catalogue::write_json(out, &protocol.suite),
            CatalogueFormat::Markdown => catalogue::write_markdown(out, &protocol.suite),
        },
        Subcommand::Explain { id } => explain(id, out)?,
        Subcommand::Compare { reports, html } => {
            let compared = compare::read(reports)?;
            if let Some(path) = html {
                write_file(File::create, path, |file| compare::write_html(file, &compared))?;
            }
            compare::write_text(out, &compared)
        }
        // It has a verdict, and was carried out before.
        Subcommand::Replay { .. } | Subcommand::Judge { .. } => Ok(()),
        Subcommand::Init => {
            config::init(Path::new(config::DEFAULT_PATH))?;
            writeln!(out, "{} is written; `harness` reads it from here", config::DEFAULT_PATH)
        }
    };
    Ok(())
}

/// Says what a case, a clause or anything else with an id is.
fn explain(id: &str, out: &mut impl Write) -> Result<std::io::Result<()>, Error> {
    let suites = || KITS.iter().map(|kit| kit.suite);
    let of_clause = |suite: Suite| Some((suite, suite.clauses.iter().find(|clause| clause.id == id)?));
    if let Some((suite, clause)) = suites().find_map(of_clause) {
        return Ok(catalogue::explain_clause(out, clause, &suite));
    }
    if let Some(row) = kit::find_workload(id) {
        return Ok(writeln!(out, "{id}\n{}", row.explained));
    }
    if let Some(suite) = suites().find(|suite| suite.alive == id) {
        let clause = suite.alive_clause.id;
        return Ok(writeln!(
            out,
            "{id}\nThe target lives through the run ({clause}). If it is lost, this says how, and what it had been sent last."
        ));
    }
    Ok(catalogue::explain(out, find_case(id)?))
}

fn find_case(id: &str) -> Result<&'static Case, Error> {
    kit::find_case(id).ok_or_else(|| {
        let near = nearest(id, KITS.iter().flat_map(|kit| kit.suite.cases()).map(|case| case.id));
        let hint = near.map_or(String::new(), |near| format!(", '{near}' is nearest"));
        Error::NoCase { id: id.to_owned(), hint }
    })
}

/// Where GitHub wants the summary of a job.
const GITHUB_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Writes every report that was asked for; brings what could not be written.
fn write_reports(flags: &Flags, report: &Report) -> Vec<Error> {
    let mut troubles = Vec::new();
    if let Some(path) = &flags.reports.json {
        troubles.extend(write_file(File::create, path, |file| json::write(file, report)).err());
    }
    if let Some(path) = &flags.reports.junit {
        troubles.extend(write_file(File::create, path, |file| junit::write(file, report)).err());
    }
    if let Some(path) = &flags.reports.html {
        troubles.extend(write_file(File::create, path, |file| html::write(file, report)).err());
    }
    if let Some(path) = std::env::var_os(GITHUB_SUMMARY).filter(|path| !path.is_empty()) {
        let append = |path: &Path| File::options().append(true).create(true).open(path);
        troubles.extend(write_file(append, Path::new(&path), |file| markdown::write(file, report)).err());
    }
    troubles
}

/// Runs each seed with each concurrency, until there is no target or the user breaks it off.
async fn run_all(
    options: &Options,
    troubles: &mut Vec<Error>,
    out: &mut impl Write,
) -> Result<Vec<RunReport>, Error> {
    let mut bounds = Bounds::new()?;
    // Whoever reads the output may stop reading; the verdict is in the exit code all the same.
    let _ = terminal::write_head(out, &options.choice.describe());
    if options.is_matrix() {
        let _ = terminal::write_fixture(out, &options.fixture);
        let _ = terminal::write_options(out, &options.of_all_runs());
    }
    let mut runs: Vec<RunReport> = Vec::new();
    let concurrencies = &options.flags.concurrency;
    let pairs =
        options.seeds.iter().flat_map(|&seed| concurrencies.iter().map(move |&clients| (seed, clients)));
    for (seed, concurrency) in pairs {
        if !options.is_matrix() {
            let _ = terminal::write_options(out, &options.of_run(seed, concurrency));
            let _ = out.flush();
        }
        let run = match Gate::new(options, seed, concurrency).judge(&mut bounds, troubles, out).await {
            Ok(run) => run,
            Err(error) if runs.is_empty() => return Err(error.into()),
            // What was found before stands.
            Err(error) => {
                troubles.push(error.into());
                break;
            }
        };
        if !options.is_matrix() {
            let _ = terminal::write_outcome(out, &run);
        }
        let is_over = bounds.came() == Some(Ending::Interrupted) || run.verdict == Verdict::Unreachable;
        runs.push(run);
        if is_over {
            break;
        }
    }
    if options.is_matrix() {
        let _ = matrix::write_matrix(out, &runs);
    }
    Ok(runs)
}
