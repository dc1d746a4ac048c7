//! Shrinks a schedule that fails to the fewest scenes that still fail.

use std::io::{self, Write};

use conformance::reduce::reduce;
use driver::history::Ending;
use driver::run_limits::RunLimits;
use target::Choice;
use verdict::Verdict;

use crate::error::Error;
use crate::flags::Flags;
use crate::schedule::Schedule;
use crate::single_run::run_once;

/// The number of runs that shrinking may take.
const RUNS_MAX: u32 = 60;

/// The number of failed scenes that are first tried alone.
const TRIED_ALONE_MAX: usize = 5;

/// Shrinks a schedule whose scenes `harmed` failed. An interrupt returns the shortest schedule found so far.
///
/// # Errors
/// The target could not be started again.
pub(crate) async fn shrink(
    failed: &Schedule,
    harmed: &[&str],
    choice: &Choice,
    flags: &Flags,
    limits: &mut RunLimits,
    out: &mut impl Write,
) -> Result<Schedule, Error> {
    let mut runs = 0;
    let mut error_of_run = None;
    let mut fails = async |steps: &[String]| {
        if runs >= RUNS_MAX || error_of_run.is_some() {
            return None;
        }
        runs += 1;
        let candidate = Schedule { steps: steps.to_vec(), ..failed.clone() };
        let run = match run_once(&candidate, choice, flags, limits, &mut io::sink()).await {
            Ok((run, _)) => run,
            Err(error) => {
                error_of_run = Some(error);
                return None;
            }
        };
        if limits.reached_limit() == Some(Ending::Interrupted) {
            return None;
        }
        let is_failure = run.verdict == Verdict::Fail;
        if is_failure {
            let _ = writeln!(out, "{} faults still fail", steps.len());
        }
        Some(is_failure)
    };
    let mut steps = failed.steps.clone();
    // A fault that does harm usually does so alone.
    for step in harmed.iter().take(TRIED_ALONE_MAX) {
        let alone = vec![(*step).to_owned()];
        if fails(&alone).await == Some(true) {
            steps = alone;
            break;
        }
    }
    let steps = reduce(steps, &mut fails).await;
    match error_of_run {
        Some(error) => Err(error),
        None => Ok(Schedule { steps, ..failed.clone() }),
    }
}
