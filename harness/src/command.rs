//! The command: from flags to runs to reports to an exit code.

use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fixtures::{Graph, ParseError};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::drive::Limits;
use crate::exit;
use crate::flags::Flags;
use crate::history::Writer;
use crate::report::progress::PhaseBar;
use crate::report::{self, FixtureSummary, Report, RunReport, matrix, terminal};
use crate::run::{Listeners, Outcome, header, run};
use crate::targets::{self, Choice, Target};
use crate::verdict::{Finding, Verdict};
use crate::workload::Workload;
use crate::workload::replay::{self, Replay};

/// Why a command cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line is wrong, or asks for help.
    #[error(transparent)]
    Flags(#[from] clap::Error),
    /// Flags that do not go together.
    #[error("{0}")]
    Usage(&'static str),
    /// The fixture cannot be read.
    #[error("cannot read the fixture {}: {source}", path.display())]
    FixtureFile {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The fixture breaks the form.
    #[error("the fixture {}, {source}", path.display())]
    Fixture {
        /// As it was given.
        path: PathBuf,
        /// Where and how.
        source: ParseError,
    },
    /// A report cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What the flags say of the target cannot be right.
    #[error(transparent)]
    Target(#[from] targets::Error),
    /// The system refused something that the harness needs.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

impl Error {
    /// The exit code that says it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Flags(error) if error.exit_code() == 0 => exit::PASS,
            Self::Flags(_)
            | Self::Usage(_)
            | Self::FixtureFile { .. }
            | Self::Fixture { .. }
            | Self::Write { .. }
            | Self::Target(_) => exit::USAGE,
            Self::Start(_) => exit::UNKNOWN,
        }
    }
}

/// What the flags ask for, checked.
#[derive(Debug)]
struct Options {
    choice: Choice,
    graph: Graph,
    fixture: FixtureSummary,
    seeds: Vec<u64>,
    flags: Flags,
}

/// Carries out a command line: prints to `out`, and returns the exit code.
///
/// # Errors
/// The command line is wrong, there is no target, or a report cannot be written.
pub fn carry_out(arguments: &[OsString], out: &mut impl Write) -> Result<u8, Error> {
    let options = Options::new(Flags::parse_arguments(arguments)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let runs = runtime.block_on(run_all(&options, out))?;
    let verdict = runs.iter().map(|run| run.verdict).max().unwrap_or(Verdict::Unknown);
    let report = Report {
        report: report::VERSION,
        target: options.choice.describe(),
        fixture: options.fixture,
        verdict,
        runs,
    };
    if let Some(path) = &options.flags.json {
        write_file(File::create, path, |file| report.write_json(file))?;
    }
    Ok(verdict.exit_code())
}

impl Options {
    fn new(flags: Flags) -> Result<Self, Error> {
        let choice = choose_target(&flags)?;
        let (graph, name) = match &flags.fixture {
            None => (fixtures::debian(), "debian".to_owned()),
            Some(path) => (read_fixture(path)?, path.display().to_string()),
        };
        let fixture = FixtureSummary {
            name,
            packages: graph.packages().len(),
            named_only: graph.named_only_count(),
            dependencies: graph.dependency_count(),
        };
        let seeds = match flags.seeds {
            Some(seeds) => (seeds.first..=seeds.last).collect(),
            None => vec![flags.seed.unwrap_or_else(random_seed)],
        };
        if flags.record.is_some() && seeds.len() * flags.concurrency.len() > 1 {
            return Err(Error::Usage(
                "--record writes the history of one run; give one seed and one concurrency",
            ));
        }
        // Better now than after the run.
        for path in [&flags.json, &flags.record].into_iter().flatten() {
            let open = |path: &Path| File::options().append(true).create(true).open(path);
            write_file(open, path, |_| Ok(()))?;
        }
        Ok(Self { choice, graph, fixture, seeds, flags })
    }

    fn is_matrix(&self) -> bool {
        self.seeds.len() * self.flags.concurrency.len() > 1
    }
}

fn choose_target(flags: &Flags) -> Result<Choice, Error> {
    let host_and_port = (flags.host.is_some() || flags.port.is_some()).then(|| {
        let host = flags.host.as_deref().unwrap_or("127.0.0.1");
        let host =
            if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        format!("{host}:{}", flags.port.unwrap_or(8080))
    });
    let addr = flags.addr.clone().or(host_and_port);
    if let Some(addr) = &addr
        && addr.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
    {
        return Err(Error::Usage("--addr needs a host and a port, as in 127.0.0.1:8080"));
    }
    match (&flags.exec, addr) {
        (None, None) => Ok(Choice::BuiltIn),
        (None, Some(addr)) => Ok(Choice::Addr(addr)),
        (Some(command), addr) => {
            if addr.is_none() && !["{port}", "{addr}"].iter().any(|place| command.contains(place)) {
                return Err(Error::Usage(
                    "--exec needs {port} or {addr} in its command, or --addr to say where the command will listen",
                ));
            }
            Ok(Choice::Exec { command: command.clone(), addr })
        }
    }
}

impl Choice {
    fn describe(&self) -> String {
        match self {
            Self::BuiltIn => "the built-in reference server (--addr or --exec choose another)".to_owned(),
            Self::Addr(addr) => addr.clone(),
            Self::Exec { command, .. } => format!("the command '{command}'"),
        }
    }
}

fn read_fixture(path: &Path) -> Result<Graph, Error> {
    let text = fs::read(path).map_err(|source| Error::FixtureFile { path: path.to_owned(), source })?;
    Graph::parse(&text).map_err(|source| Error::Fixture { path: path.to_owned(), source })
}

fn write_file<'a>(
    open: impl FnOnce(&'a Path) -> io::Result<File>,
    path: &'a Path,
    write: impl FnOnce(BufWriter<File>) -> io::Result<()>,
) -> Result<(), Error> {
    let written = open(path).map(BufWriter::new).and_then(write);
    written.map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// A seed that is short enough to be typed again. The one draw that no seed decides.
fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000
}

/// Runs each seed with each concurrency, until there is no target or the user breaks it off.
async fn run_all(options: &Options, out: &mut impl Write) -> Result<Vec<RunReport>, Error> {
    let mut interrupts = Interrupts::new()?;
    // Whoever reads the output may stop reading; the verdict is in the exit code all the same.
    let _ = terminal::write_head(out, &options.choice.describe(), &options.fixture);
    let mut runs: Vec<RunReport> = Vec::new();
    let concurrencies = &options.flags.concurrency;
    let pairs =
        options.seeds.iter().flat_map(|&seed| concurrencies.iter().map(move |&clients| (seed, clients)));
    for (seed, concurrency) in pairs {
        let run = run_one(options, seed, concurrency, &mut interrupts, out).await?;
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

async fn run_one(
    options: &Options,
    seed: u64,
    concurrency: u32,
    interrupts: &mut Interrupts,
    out: &mut impl Write,
) -> Result<RunReport, Error> {
    let Flags { unluckiness, rounds_max, timeout, deadline, .. } = options.flags;
    let replay_options = replay::Options { seed, concurrency, unluckiness, rounds_max };
    let workload = Replay::new(options.graph.clone(), replay_options);
    let header = header(&workload, seed, concurrency);
    let mut report = RunReport {
        workload: Replay::ID,
        addr: String::new(),
        seed,
        concurrency,
        unluckiness,
        rounds_max,
        timeout_ms: milliseconds(timeout),
        deadline_ms: milliseconds(deadline),
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
        Err(error @ targets::Error::Taken(_)) => return Err(error.into()),
        Err(error) => return Ok(ended_early(report, Verdict::Unreachable, &error.to_string())),
    };
    report.addr = target.addr().to_string();
    let recorder = match &options.flags.record {
        None => None,
        Some(path) => {
            let written = File::create(path).and_then(|file| Writer::new(BufWriter::new(file), &header));
            Some(written.map_err(|source| Error::Write { path: path.clone(), source })?)
        }
    };
    let bar = PhaseBar::new(Replay::PHASES, !options.flags.debug);
    let listeners = Listeners { bar, recorder, is_debug: options.flags.debug };
    let limits = Limits { reply_timeout: timeout, run_timeout: deadline };
    let outcome = run(target.addr(), &workload, limits, listeners, interrupts.wait()).await;
    let path = options.flags.record.clone().unwrap_or_default();
    let Outcome { verdict, findings, statistics } =
        outcome.map_err(|source| Error::Write { path, source })?;
    if verdict != Verdict::Pass {
        report.target_ended = target.ended(DEATH_PATIENCE).await;
    }
    target.stop().await;

    report.verdict = verdict;
    report.duration_ns = statistics.duration_ns();
    report.requests = statistics.requests();
    report.phases = statistics.phases(Replay::PHASES);
    report.findings = findings;
    Ok(report)
}

/// How long after a run that did not pass it is looked whether the target has died.
const DEATH_PATIENCE: Duration = Duration::from_millis(300);

/// The report of a run that never began.
fn ended_early(mut report: RunReport, verdict: Verdict, summary: &str) -> RunReport {
    report.verdict = verdict;
    report.findings.push(Finding::new(verdict, summary));
    report
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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
