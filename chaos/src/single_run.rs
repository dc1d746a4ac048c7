//! One run of a schedule: starts the target, runs the scenes, prints their outcomes and returns the report.

use std::fs::File;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use driver::history::Params;
use driver::recorder::Recorder;
use driver::run_limits::RunLimits;
use report::RunReport;
use report::terminal;
use target::Choice;
use target::Target;

use crate::dependencies::{self, Dependencies};
use crate::disk::Disk;
use crate::error::Error;
use crate::flags::Flags;
use crate::outcome::{RunOutcome, SceneOutcome};
use crate::progress::SceneBar;
use crate::protocols::PROTOCOLS;
use crate::run::{RunTerms, run};
use crate::schedule::Schedule;
use crate::scorecard;

/// The time limit of a run, unless another is given. A run against a quick target ends much earlier.
const DURATION_MAX: Duration = Duration::from_mins(3);

/// The longest time that a scene of a matrix run takes.
const SCENE_TIME_MAX: Duration = Duration::from_secs(30);

/// Runs a schedule against a target that is started for it.
///
/// # Errors
/// The target cannot be started, or the history cannot be written.
pub(crate) async fn run_once(
    schedule: &Schedule,
    choice: &Choice,
    flags: &Flags,
    limits: &mut RunLimits,
    out: &mut impl Write,
) -> Result<(RunReport, RunOutcome), Error> {
    let options = options_of(schedule, flags);
    let _ = terminal::write_options(out, &options);
    let _ = terminal::write_plan(out, schedule.protocol.workload, &schedule.sha256());
    let _ = writeln!(out);
    let dependencies = Rc::new(Dependencies::start(&flags.through, schedule.seed).await?);
    let disk = Rc::new(Disk::new(choice, flags.obstacles.disk.clone())?);
    let filled = disk.fill_in(dependencies.fill(choice));
    let mut target = Target::start(&filled, schedule.protocol.settings).await?;
    let scene_count = u32::try_from(schedule.steps.len()).unwrap_or(u32::MAX);
    let default = if flags.matrix { SCENE_TIME_MAX * (scene_count + 1) } else { DURATION_MAX };
    limits.begin_run(flags.duration.unwrap_or(default));
    let file = match &flags.reports.record {
        None => None,
        Some(path) => Some(File::create(path)?),
    };
    let recorder = Recorder::new(flags.reports.observer(), file);
    let terms = RunTerms {
        reply_timeout: flags.timeout,
        choice: filled,
        is_strict: flags.strict,
        dependencies,
        obstacles: flags.obstacles.clone(),
        has_packets: flags.packets,
        disk,
        options: options.clone(),
        has_own_limit: flags.duration.is_some(),
    };
    let print = |outcome: &SceneOutcome| {
        // The reader of the output may have gone.
        let _ = scorecard::write_line(out, outcome).and_then(|()| out.flush());
    };
    let bar = SceneBar::new(schedule.steps.len(), !flags.reports.debug);
    let outcome = run(schedule, &terms, &mut target, &recorder, limits, &bar, print).await;
    bar.clear();
    recorder.finish()?;
    let addr = target.addr().to_string();
    target.stop(limits).await;
    let packets_flag = if flags.packets { "--packets " } else { "" };
    let target_flags = choice.flags() + &dependencies::flags(&flags.through) + packets_flag;
    let run = scorecard::run_report(&outcome, schedule, &addr, &target_flags, options, flags.strict);
    Ok((run, outcome))
}

fn options_of(schedule: &Schedule, flags: &Flags) -> Params {
    let mut options =
        Params::default().with("seed", schedule.seed).with("timeout", flags.timeout.as_secs_f64());
    for (name, patterns) in [("faults", &flags.faults), ("skip", &flags.skip)] {
        if !patterns.is_empty() {
            options.set(name, patterns.join(","));
        }
    }
    if schedule.protocol != PROTOCOLS[0] {
        options.set("protocol", schedule.protocol.name);
    }
    // A flag without a value.
    if flags.matrix {
        options.set("matrix", "");
    }
    if let Some(duration) = flags.duration {
        options.set("duration", duration.as_secs_f64());
    }
    options
}
