//! Reduces a schedule that fails to the fewest steps that still fail, by leaving out ever smaller parts of it (delta
//! debugging: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002).

use std::io::{self, Write};

use harness::bounds::Bounds;
use harness::drive::Ending;
use harness::targets::Choice;
use harness::verdict::Verdict;

use crate::command::{Error, run_once};
use crate::flags::Flags;
use crate::schedule::Schedule;

/// How many runs shrinking may take.
const RUNS_MAX: u32 = 60;

/// Shrinks a schedule of which these steps have failed; what is best so far stands when the user breaks it off.
///
/// # Errors
/// The target could not be started again.
pub async fn shrink(
    failed: &Schedule,
    harmed: &[&str],
    choice: &Choice,
    flags: &Flags,
    bounds: &mut Bounds,
    out: &mut impl Write,
) -> Result<Schedule, Error> {
    let mut best = failed.clone();
    let mut parts = 2;
    let mut runs = 0;
    while best.steps.len() > 1 && runs < RUNS_MAX {
        let size = best.steps.len().div_ceil(parts);
        let mut smaller = None;
        // Most often what harmed once does so alone.
        let alone: Vec<Schedule> = if runs == 0 { alone(failed, harmed) } else { Vec::new() };
        for candidate in alone.into_iter().chain(candidates(&best, size)) {
            runs += 1;
            let (run, _) = run_once(&candidate, choice, flags, bounds, &mut io::sink()).await?;
            if bounds.came() == Some(Ending::Interrupted) || runs >= RUNS_MAX {
                return Ok(best);
            }
            if run.verdict == Verdict::Fail {
                smaller = Some(candidate);
                break;
            }
        }
        match smaller {
            Some(candidate) => {
                let _ = writeln!(out, "{} faults still fail", candidate.steps.len());
                best = candidate;
                parts = 2;
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(best.steps.len()),
        }
    }
    Ok(best)
}

/// Each of these steps as a schedule of its own; some of them, where there are many.
fn alone(schedule: &Schedule, steps: &[&str]) -> Vec<Schedule> {
    const TRIED_MAX: usize = 5;
    let one = |step: &&str| Schedule { seed: schedule.seed, steps: vec![(*step).to_owned()] };
    steps.iter().take(TRIED_MAX).map(one).collect()
}

/// Each part alone, then all but each part.
fn candidates(schedule: &Schedule, size: usize) -> Vec<Schedule> {
    let seed = schedule.seed;
    let steps = &schedule.steps;
    let alone = steps.chunks(size).map(<[String]>::to_vec);
    let without = (0..steps.len()).step_by(size).map(|from| {
        let mut rest = steps.clone();
        rest.drain(from..(from + size).min(steps.len()));
        rest
    });
    // Of two parts each is what is left without the other.
    let without: Vec<Vec<String>> =
        if steps.len().div_ceil(size) > 2 { without.collect() } else { Vec::new() };
    alone.chain(without).map(|steps| Schedule { seed, steps }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_each_part_and_all_but_each_part() {
        let steps: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).into();
        let of = |size| -> Vec<String> {
            candidates(&Schedule { seed: 1, steps: steps.clone() }, size)
                .into_iter()
                .map(|one| one.steps.concat())
                .collect()
        };
        assert_eq!(of(2), ["ab", "cd"]);
        assert_eq!(of(1), ["a", "b", "c", "d", "bcd", "acd", "abd", "abc"]);
    }
}
