//! The command: from arguments to a schedule, to a run, to reports, to an exit code.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use harness::bounds::Bounds;
use harness::exit;
use harness::listening::Listening;
use harness::options::{choose_target, write_file};
use harness::report::{RunReport, json, junit, markdown, terminal};
use harness::select::NoMatch;
use harness::targets::{self, Choice, Target};
use harness::verdict::Verdict;

use crate::flags::{CommandLine, Flags, Task};
use crate::judge::Timeline;
use crate::kit::KITS;
use crate::proxy::{self, Log};
use crate::report::{self, SceneBar};
use crate::run::{Ran, Terms, run};
use crate::schedule::{self, Schedule};
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
    Target(#[from] targets::Error),
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
    /// The flags of the target, or a report that cannot be written.
    #[error("{0}")]
    Harness(#[from] harness::error::Error),
    /// The system refused something.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Error {
    /// The exit code that says it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Flags(error) => u8::try_from(error.exit_code()).unwrap_or(exit::USAGE),
            Self::Target(targets::Error::Taken(_)) => exit::USAGE,
            Self::Target(error) if error.is_shortage() => exit::UNKNOWN,
            Self::Target(_) => exit::UNREACHABLE,
            Self::Harness(error) => error.exit_code(),
            _ => exit::USAGE,
        }
    }
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
        Some(Task::Faults { markdown: false, protocol }) => _ = report::write_faults(out, protocol),
        Some(Task::Faults { markdown: true, protocol }) => {
            let _ = report::write_faults_as_markdown(out, protocol);
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
    Ok(exit::PASS)
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
        (None, None) => random_seed(),
    };
    let mut bounds = Bounds::new()?;
    let _ = terminal::write_head(out, &choice.describe());
    let (mut runs, mut timelines): (Vec<RunReport>, Vec<Vec<Timeline>>) = (Vec::new(), Vec::new());
    for seed in seeds {
        let planned = if flags.matrix { Schedule::matrix } else { Schedule::swarm };
        let schedule = planned(kit, seed, &selection);
        let ran = run_once(&schedule, &choice, flags, &mut bounds, out).await?;
        let (run, ran) = ran;
        let _ = report::write_outcome(out, &run);
        let harmed: Vec<&str> = run.with(Verdict::Fail).map(|item| item.id).collect();
        runs.push(run);
        timelines.push(ran.timelines);
        if let (Some(path), false) = (&flags.shrink, harmed.is_empty()) {
            let shrunk = shrink::shrink(&schedule, &harmed, &choice, flags, &mut bounds, out).await?;
            write_schedule(path, &shrunk)?;
            let _ = writeln!(
                out,
                "chaos replay {} runs these {} faults again",
                path.display(),
                shrunk.steps.len()
            );
        }
        if bounds.came() == Some(harness::drive::Ending::Interrupted) {
            break;
        }
    }
    let report = report::report(&choice.describe(), runs);
    write_reports(flags, &report, &timelines)?;
    Ok(report.verdict.exit_code())
}

/// Runs a schedule against a target of its own.
pub(crate) async fn run_once(
    schedule: &Schedule,
    choice: &Choice,
    flags: &Flags,
    bounds: &mut Bounds,
    out: &mut impl Write,
) -> Result<(RunReport, Ran), Error> {
    let options = options_of(schedule, flags);
    let _ = terminal::write_options(out, &options);
    let _ = terminal::write_plan(out, schedule.kit.workload, &schedule.sha256());
    let _ = writeln!(out);
    let mut target = Target::start(choice, schedule.kit.settings).await?;
    let scene_count = u32::try_from(schedule.steps.len()).unwrap_or(u32::MAX);
    let whole = if flags.matrix { SCENE_TIME_MAX * (scene_count + 1) } else { DURATION };
    bounds.begin_run(flags.duration.unwrap_or(whole));
    let file = match &flags.reports.record {
        None => None,
        Some(path) => Some(File::create(path)?),
    };
    let listening = Listening::new(flags.reports.debug, file);
    let terms = Terms { reply_timeout: flags.timeout, choice: choice.clone(), options: options.clone() };
    let say = |outcome: &crate::judge::Outcome| {
        // Whoever reads the output may stop reading.
        let _ = report::write_line(out, outcome).and_then(|()| out.flush());
    };
    let bar = SceneBar::new(schedule.steps.len(), !flags.reports.debug);
    let ran = run(schedule, &terms, &mut target, &listening, bounds, &bar, say).await;
    bar.clear();
    listening.finish()?;
    let addr = target.addr().to_string();
    let run = report::run_report(&ran, schedule, &addr, &choice.flags(), options, flags.strict);
    Ok((run, ran))
}

async fn replay(path: &Path, times: u32, flags: &Flags, out: &mut impl Write) -> Result<u8, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let schedule =
        Schedule::parse(&text).map_err(|source| Error::Schedule { path: path.to_owned(), source })?;
    let choice = choose_target(&flags.target)?;
    let mut bounds = Bounds::new()?;
    let _ = terminal::write_head(out, &choice.describe());
    let mut failures = 0;
    let mut worst = Verdict::Pass;
    for _ in 0..times {
        let (run, _) = run_once(&schedule, &choice, flags, &mut bounds, out).await?;
        worst = worst.max(run.verdict);
        failures += u32::from(run.verdict == Verdict::Fail);
        if run.verdict == Verdict::Fail {
            let _ = report::write_outcome(out, &run);
        }
    }
    let _ = writeln!(out, "\nfails {failures} of {times} times");
    Ok(worst.exit_code())
}

fn write_schedule(path: &Path, schedule: &Schedule) -> Result<(), Error> {
    let write = |file| {
        schedule.write(file)?;
        Ok(())
    };
    Ok(write_file(File::create, path, write)?)
}

fn write_reports(
    flags: &Flags,
    report: &harness::report::Report,
    timelines: &[Vec<Timeline>],
) -> Result<(), Error> {
    if let Some(path) = &flags.reports.json {
        write_file(File::create, path, |file| json::write(file, report))?;
    }
    if let Some(path) = &flags.reports.junit {
        write_file(File::create, path, |file| junit::write(file, report))?;
    }
    if let Some(path) = &flags.reports.html {
        write_file(File::create, path, |file| report::write_page(file, flags.protocol, report, timelines))?;
    }
    if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
        let append = |path: &Path| File::options().append(true).create(true).open(path);
        write_file(append, Path::new(&path), |file| markdown::write(file, report))?;
    }
    Ok(())
}

fn options_of(schedule: &Schedule, flags: &Flags) -> BTreeMap<String, String> {
    let mut options = BTreeMap::from([
        ("seed".to_owned(), schedule.seed.to_string()),
        ("timeout".to_owned(), flags.timeout.as_secs_f64().to_string()),
    ]);
    for (name, patterns) in [("faults", &flags.faults), ("skip", &flags.skip)] {
        if !patterns.is_empty() {
            options.insert(name.to_owned(), patterns.join(","));
        }
    }
    let protocol = schedule.kit;
    if protocol != KITS[0] {
        options.insert("protocol".to_owned(), protocol.name().to_owned());
    }
    if let Some(duration) = flags.duration {
        options.insert("duration".to_owned(), duration.as_secs_f64().to_string());
    }
    options
}

/// The one draw that no seed decides: a seed that is short enough to be typed again.
fn random_seed() -> std::ops::RangeInclusive<u64> {
    let seed = RandomState::new().build_hasher().finish() % 1_000_000;
    seed..=seed
}
