//! `harness` without a subcommand: runs each seed with each number of clients, as often as asked for, prints the outcome and writes the reports.

use std::io::Write;
use std::iter;
use std::time::SystemTime;

use driver::history::Ending;
use driver::run_limits::RunLimits;
use report::{Frequency, Origin, Report, RunReport, VERSION, frequencies, html, matrix, terminal};
use verdict::Verdict;

use crate::error::Error;
use crate::gate::Gate;
use crate::options::Options;

/// Executes the runs that the options ask for, writes the reports, and returns the worst verdict.
///
/// # Errors
/// The first run could not start. The errors of later runs and of report files are added to `file_errors`.
pub(crate) async fn run(
    options: &Options,
    file_errors: &mut Vec<Error>,
    out: &mut impl Write,
) -> Result<Verdict, Error> {
    let began = SystemTime::now();
    let runs = run_all(options, file_errors, out).await?;
    let verdict = runs.iter().map(|run| run.verdict).max().unwrap_or(Verdict::Unknown);
    let fixture = options.protocol.replays_a_graph.then(|| options.fixture.clone());
    let origin = Origin::new("harness", began, SystemTime::now());
    let frequencies = frequencies_of(options, &runs);
    if options.is_matrix() {
        let _ = matrix::write_matrix(out, &runs, &frequencies);
    }
    let target = options.choice.describe();
    let report = Report { report: VERSION, origin, target, fixture, verdict, frequencies, runs };
    let reports = &options.flags.reports;
    let errors = reports.write_all(&report, |file| html::write(file, &report), out);
    file_errors.extend(errors.into_iter().map(Error::from));
    Ok(verdict)
}

/// Runs each seed with each number of clients, until the target is unreachable or the user interrupts.
async fn run_all(
    options: &Options,
    file_errors: &mut Vec<Error>,
    out: &mut impl Write,
) -> Result<Vec<RunReport>, Error> {
    let mut limits = RunLimits::new()?;
    // The reader of standard output may stop reading; the exit code still tells the verdict.
    let _ = terminal::write_head(out, &options.choice.describe());
    if options.is_matrix() {
        let _ = terminal::write_fixture(out, &options.fixture);
        let _ = terminal::write_options(out, &options.of_all_runs());
    }
    let mut runs: Vec<RunReport> = Vec::new();
    let concurrencies = &options.flags.concurrency;
    let pairs =
        options.seeds.iter().flat_map(|&seed| concurrencies.iter().map(move |&clients| (seed, clients)));
    let pairs = iter::repeat_n(pairs, options.flags.repeat.into()).flatten();
    for (seed, concurrency) in pairs {
        if !options.is_matrix() {
            let _ = terminal::write_options(out, &options.of_run(seed, concurrency));
            let _ = out.flush();
        }
        let run = match Gate::new(options, seed, concurrency).judge(&mut limits, file_errors, out).await {
            Ok(run) => run,
            Err(error) if runs.is_empty() => return Err(error.into()),
            // The results of the earlier runs remain valid.
            Err(error) => {
                file_errors.push(error.into());
                break;
            }
        };
        if !options.is_matrix() {
            let _ = terminal::write_outcome(out, &run, options.flags.verbose);
        }
        let is_over =
            limits.reached_limit() == Some(Ending::Interrupted) || run.verdict == Verdict::Unreachable;
        runs.push(run);
        if is_over {
            break;
        }
    }
    Ok(runs)
}

/// Returns how often repeated runs have shown violations; nothing if they are not repeated.
fn frequencies_of(options: &Options, runs: &[RunReport]) -> Vec<Frequency> {
    let repeated = if options.flags.repeat > 1 { runs } else { &[] };
    let [flaky, known] = [&options.flaky, &options.known_failures];
    frequencies(repeated, |id| flaky.reason(id).is_some(), |id| known.reason(id).is_some())
}
