//! The command: from arguments to a schedule, to a run, to reports, to an exit code.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use driver::history::Params;
use driver::recorder::Recorder;
use driver::run_limits::RunLimits;
use report::RunReport;
use report::json;
use report::junit;
use report::markdown;
use report::terminal;
use report::write_file;
use settings::values::random_seed;
use target::Choice;
use target::Target;
use target::choose_target;
use verdict::Verdict;
use verdict::exit::{CommandEnd, exit_code};
use verdict::selection::NoMatch;

use crate::flags::{CommandLine, Flags, Task};
use crate::judge::Timeline;
use crate::kit::KITS;
use crate::proxy::{self, Log};
use crate::run::{Ran, Terms, run};
use crate::schedule::{self, Schedule};
use crate::scorecard::{self, SceneBar};
use crate::shrink;

/// How long a run is if nobody says.
const DURATION: Duration = Duration::from_secs(30);

/// What a scene of a matrix may take at the most.
const SCENE_TIME_MAX: Duration = Duration::from_secs(30);

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The flags.
    #[error("{0}")]
    Flags(clap::Error),
    /// Flags that do not go together, or are not enough.
    #[error("{0}")]
    Usage(&'static str),
    /// The proxy.
    #[error("{0}")]
    Proxy(#[from] proxy::command::Error),
    /// A pattern that matches no fault.
    #[error("{0}; `chaos faults` prints the faults, with their clauses, levels and states")]
    Pattern(#[from] NoMatch),
    /// The target.
    #[error("{0}")]
    Target(#[from] target::Error),
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that holds no schedule.
    #[error("{}: {source}", path.display())]
    Schedule {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: schedule::Error,
    },
    /// Target flags that contradict each other.
    #[error("{0}")]
    TargetFlags(#[from] target::FlagsError),
    /// A report that cannot be written.
    #[error("{0}")]
    Write(#[from] report::WriteError),
    /// The system refused something.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Error {
    /// Returns the exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        exit_code(match self {
            Self::Flags(error) if error.exit_code() == 0 => CommandEnd::Printed,
            Self::Target(target::Error::Taken(_)) => CommandEnd::UsageError,
            Self::Target(error) if error.is_shortage() => CommandEnd::Shortage,
            Self::Target(_) => CommandEnd::Unreachable,
            _ => CommandEnd::UsageError,
        })
    }
}

/// Returns the exit code of a judged run.
fn judged(verdict: Verdict) -> u8 {
    exit_code(CommandEnd::Judged { verdict, has_file_error: false })
}

/// Carries out a command line, prints to `out`, and brings the exit code.
///
/// # Errors
/// Nothing could be run.
pub fn carry_out(arguments: &[OsString], out: &mut impl Write) -> Result<u8, Error> {
    let CommandLine { flags, subcommand } = CommandLine::try_parse_from(arguments).map_err(Error::Flags)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match subcommand {
        // Whoever reads the output may stop reading.
        Some(Task::Faults { markdown: false, protocol }) => _ = scorecard::write_faults(out, protocol),
        Some(Task::Faults { markdown: true, protocol }) => {
            let _ = scorecard::write_faults_as_markdown(out, protocol);
        }
        Some(Task::Replay { file, times, flags }) => {
            return runtime.block_on(replay(&file, times, &flags, out));
        }
        Some(Task::Proxy(flags)) => {
            tracing_subscriber::fmt().with_ansi(false).with_target(false).with_writer(io::stderr).init();
            runtime.block_on(proxy::command::run(*flags, Arc::new(Log), io::stdout()))?;
        }
        None => return runtime.block_on(break_target(&flags, out)),
    }
    Ok(exit_code(CommandEnd::Printed))
}

/// The runs that the flags ask for.
async fn break_target(flags: &Flags, out: &mut impl Write) -> Result<u8, Error> {
    let choice = choose_target(&flags.target)?;
    let kit = flags.protocol;
    let selection = schedule::selection(kit, &flags.faults, &flags.skip)?;
    if schedule::selected(kit, &selection).next().is_none() {
        return Err(Error::Usage("--faults and --skip leave nothing to run"));
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
    for seed in seeds {
        let planned = if flags.matrix { Schedule::matrix } else { Schedule::swarm };
        let schedule = planned(kit, seed, &selection);
        let ran = run_once(&schedule, &choice, flags, &mut limits, out).await?;
        let (run, ran) = ran;
        let _ = scorecard::write_outcome(out, &run);
        let harmed: Vec<&str> = run.with(Verdict::Fail).map(|item| item.id).collect();
        runs.push(run);
        timelines.push(ran.timelines);
        if let (Some(path), false) = (&flags.shrink, harmed.is_empty()) {
            let shrunk = shrink::shrink(&schedule, &harmed, &choice, flags, &mut limits, out).await?;
            write_schedule(path, &shrunk)?;
            let _ = writeln!(
                out,
                "chaos replay {} runs these {} faults again",
                path.display(),
                shrunk.steps.len()
            );
        }
        if limits.reached_limit() == Some(driver::history::Ending::Interrupted) {
            break;
        }
    }
    let report = scorecard::report(&choice.describe(), runs);
    write_reports(flags, &report, &timelines)?;
    Ok(judged(report.verdict))
}

/// Runs a schedule against a target of its own.
pub(crate) async fn run_once(
    schedule: &Schedule,
    choice: &Choice,
    flags: &Flags,
    limits: &mut RunLimits,
    out: &mut impl Write,
) -> Result<(RunReport, Ran), Error> {
    let options = options_of(schedule, flags);
    let _ = terminal::write_options(out, &options);
    let _ = terminal::write_plan(out, schedule.kit.workload, &schedule.sha256());
    let _ = writeln!(out);
    let mut target = Target::start(choice, schedule.kit.settings).await?;
    let scene_count = u32::try_from(schedule.steps.len()).unwrap_or(u32::MAX);
    let whole = if flags.matrix { SCENE_TIME_MAX * (scene_count + 1) } else { DURATION };
    limits.begin_run(flags.duration.unwrap_or(whole));
    let file = match &flags.reports.record {
        None => None,
        Some(path) => Some(File::create(path)?),
    };
    let recorder = Recorder::new(flags.reports.observer(), file);
    let terms = Terms { reply_timeout: flags.timeout, choice: choice.clone(), options: options.clone() };
    let say = |outcome: &crate::judge::Outcome| {
        // Whoever reads the output may stop reading.
        let _ = scorecard::write_line(out, outcome).and_then(|()| out.flush());
    };
    let bar = SceneBar::new(schedule.steps.len(), !flags.reports.debug);
    let ran = run(schedule, &terms, &mut target, &recorder, limits, &bar, say).await;
    bar.clear();
    recorder.finish()?;
    let addr = target.addr().to_string();
    let run = scorecard::run_report(&ran, schedule, &addr, &choice.flags(), options, flags.strict);
    Ok((run, ran))
}

async fn replay(path: &Path, times: u32, flags: &Flags, out: &mut impl Write) -> Result<u8, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let schedule =
        Schedule::parse(&text).map_err(|source| Error::Schedule { path: path.to_owned(), source })?;
    let choice = choose_target(&flags.target)?;
    let mut limits = RunLimits::new()?;
    let _ = terminal::write_head(out, &choice.describe());
    let mut failures = 0;
    let mut worst = Verdict::Pass;
    for _ in 0..times {
        let (run, _) = run_once(&schedule, &choice, flags, &mut limits, out).await?;
        worst = worst.max(run.verdict);
        failures += u32::from(run.verdict == Verdict::Fail);
        if run.verdict == Verdict::Fail {
            let _ = scorecard::write_outcome(out, &run);
        }
    }
    let _ = writeln!(out, "\nfails {failures} of {times} times");
    Ok(judged(worst))
}

fn write_schedule(path: &Path, schedule: &Schedule) -> Result<(), Error> {
    let write = |file| {
        schedule.write(file)?;
        Ok(())
    };
    Ok(write_file(File::create, path, write)?)
}

fn write_reports(flags: &Flags, report: &report::Report, timelines: &[Vec<Timeline>]) -> Result<(), Error> {
    if let Some(path) = &flags.reports.json {
        write_file(File::create, path, |file| json::write(file, report))?;
    }
    if let Some(path) = &flags.reports.junit {
        write_file(File::create, path, |file| junit::write(file, report))?;
    }
    if let Some(path) = &flags.reports.html {
        write_file(File::create, path, |file| {
            scorecard::write_page(file, flags.protocol, report, timelines)
        })?;
    }
    if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
        let append = |path: &Path| File::options().append(true).create(true).open(path);
        write_file(append, Path::new(&path), |file| markdown::write(file, report))?;
    }
    Ok(())
}

fn options_of(schedule: &Schedule, flags: &Flags) -> Params {
    let mut options =
        Params::default().with("seed", schedule.seed).with("timeout", flags.timeout.as_secs_f64());
    for (name, patterns) in [("faults", &flags.faults), ("skip", &flags.skip)] {
        if !patterns.is_empty() {
            options.set(name, patterns.join(","));
        }
    }
    if schedule.kit != KITS[0] {
        options.set("protocol", schedule.kit.name);
    }
    if let Some(duration) = flags.duration {
        options.set("duration", duration.as_secs_f64());
    }
    options
}
