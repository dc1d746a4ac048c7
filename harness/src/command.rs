//! The command: from options to runs to reports to an exit code.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::drive::Limits;
use crate::error::Error;
use crate::exit;
use crate::flags::Flags;
use crate::history::{Header, Writer};
use crate::options::{Options, write_file};
use crate::report::progress::PhaseBar;
use crate::report::{self, Report, RunReport, matrix, terminal};
use crate::run::{Listeners, Outcome, header, run};
use crate::targets::{self, Target};
use crate::verdict::{Finding, Verdict};
use crate::workload::Workload;
use crate::workload::replay::{self, Replay};

/// What a command comes to.
#[derive(Debug)]
pub struct Done {
    /// What was judged decides it; if that found no violation, reports that could not be written do.
    pub exit_code: u8,
    /// Why reports could not be written.
    pub troubles: Vec<Error>,
}

/// Carries out a command line, and prints to `out`.
///
/// # Errors
/// The command line is wrong, and nothing was done.
pub fn carry_out(arguments: &[OsString], out: &mut impl Write) -> Result<Done, Error> {
    let options = Options::new(Flags::parse_arguments(arguments)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut troubles = Vec::new();
    let runs = runtime.block_on(run_all(&options, &mut troubles, out));
    // A name that is still being looked up is waited for by nobody.
    runtime.shutdown_background();
    let runs = runs?;
    let verdict = runs.iter().map(|run| run.verdict).max().unwrap_or(Verdict::Unknown);
    let report = Report {
        report: report::VERSION,
        target: options.choice.describe(),
        fixture: options.fixture,
        verdict,
        runs,
    };
    if let Some(path) = &options.flags.json {
        troubles.extend(write_file(File::create, path, |file| report.write_json(file)).err());
    }
    let is_usage = verdict != Verdict::Fail && !troubles.is_empty();
    Ok(Done { exit_code: if is_usage { exit::USAGE } else { verdict.exit_code() }, troubles })
}

/// Runs each seed with each concurrency, until there is no target or the user breaks it off.
async fn run_all(
    options: &Options,
    troubles: &mut Vec<Error>,
    out: &mut impl Write,
) -> Result<Vec<RunReport>, Error> {
    let mut interrupts = Interrupts::new()?;
    // Whoever reads the output may stop reading; the verdict is in the exit code all the same.
    let _ = terminal::write_head(out, &options.choice.describe(), &options.fixture);
    if options.is_matrix() {
        let _ = terminal::write_options(out, &options.of_all_runs());
    }
    let mut runs: Vec<RunReport> = Vec::new();
    let concurrencies = &options.flags.concurrency;
    let pairs =
        options.seeds.iter().flat_map(|&seed| concurrencies.iter().map(move |&clients| (seed, clients)));
    for (seed, concurrency) in pairs {
        let run = match run_one(options, seed, concurrency, &mut interrupts, troubles, out).await {
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
        let is_over = interrupts.came || run.verdict == Verdict::Unreachable;
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

/// One run, its target included.
async fn run_one(
    options: &Options,
    seed: u64,
    concurrency: u32,
    interrupts: &mut Interrupts,
    troubles: &mut Vec<Error>,
    out: &mut impl Write,
) -> Result<RunReport, targets::Error> {
    let Flags { unluckiness, rounds_max, timeout, deadline, .. } = options.flags;
    let replay_options = replay::Options { seed, concurrency, unluckiness, rounds_max };
    let workload = Replay::new(options.graph.clone(), replay_options);
    let header = header(&workload, options.of_run(seed, concurrency));
    let mut report = RunReport {
        workload: Replay::ID,
        addr: String::new(),
        seed,
        concurrency,
        options: header.options.clone(),
        plan_sha256: header.plan_sha256.clone(),
        verdict: Verdict::Unknown,
        duration_ns: 0,
        requests: 0,
        phases: Vec::new(),
        findings: Vec::new(),
        target_ended: None,
    };
    if !options.is_matrix() {
        let _ = terminal::write_plan(out, &report);
        let _ = terminal::write_options(out, &report.options);
        let _ = out.flush();
    }
    let started = tokio::select! {
        started = Target::start(&options.choice) => started,
        () = interrupts.wait() => {
            return Ok(ended_early(report, Verdict::Unknown, "interrupted before the target listened"));
        }
    };
    let mut target = match started {
        Ok(target) => target,
        Err(error @ targets::Error::Taken(_)) => return Err(error),
        Err(error) => {
            let verdict = if error.is_shortage() { Verdict::Unknown } else { Verdict::Unreachable };
            return Ok(ended_early(report, verdict, &error.to_string()));
        }
    };
    report.addr = target.addr().to_string();
    let recorder = begin_recording(options, &header, troubles);
    let bar = PhaseBar::new(Replay::PHASES, !options.flags.debug);
    let listeners = Listeners { bar, recorder, is_debug: options.flags.debug };
    let limits = Limits {
        reply_timeout: timeout,
        reply_timeout_after_one: timeout,
        run_timeout: deadline,
        clients_at_once_max: usize::MAX,
    };
    let outcome = run(target.addr(), &workload, limits, listeners, interrupts.wait()).await;
    let Outcome { verdict, findings, statistics, recorded } = outcome;
    if verdict != Verdict::Pass {
        report.target_ended = target.ended(DEATH_PATIENCE).await;
    }
    if let (Err(source), Some(path)) = (recorded, &options.flags.record) {
        troubles.push(Error::Write { path: path.clone(), source });
    }
    report.verdict = verdict;
    report.duration_ns = statistics.duration_ns();
    report.requests = statistics.requests();
    report.phases = statistics.phases(Replay::PHASES);
    report.findings = findings;
    Ok(report)
}

fn begin_recording(
    options: &Options,
    header: &Header,
    troubles: &mut Vec<Error>,
) -> Option<Writer<BufWriter<File>>> {
    let path = options.flags.record.as_ref()?;
    match File::create(path).and_then(|file| Writer::new(BufWriter::new(file), header)) {
        Ok(writer) => Some(writer),
        Err(source) => {
            troubles.push(Error::Write { path: path.clone(), source });
            None
        }
    }
}

/// How long after a run that did not pass it is looked whether the target has died.
const DEATH_PATIENCE: Duration = Duration::from_millis(300);

/// The report of a run that never began.
fn ended_early(mut report: RunReport, verdict: Verdict, summary: &str) -> RunReport {
    report.verdict = verdict;
    report.findings.push(Finding::new(verdict, summary));
    report
}

/// Ctrl-C, and the signal by which CI systems cancel a job.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    /// Whether one came.
    came: bool,
}

impl Interrupts {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            came: false,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        self.came = true;
    }
}
