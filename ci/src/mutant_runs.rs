//! `cargo ci mutants`: the harness against every mutant.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::binaries::{Binaries, Binary, zoo_command};
use crate::cargo::{Cargo, Profile};
use crate::command_line::{MutantFlags, Protocol};
use crate::detection::{Found, is_detected};
use crate::failure::Failure;
use crate::json_report::Report;
use crate::mutant_list::{Mutant, mutants};
use crate::mutant_table;
use crate::parallel;
use crate::process;
use crate::workspace::Workspace;

/// The longest that a run may take, in seconds.
const SECONDS_MAX: f64 = 30.0;

/// Runs the selected mutants on all seeds and prints a row of the table for each.
///
/// # Errors
/// A mutant is missed on a seed (except those left to chaos), a run takes too long, or something cannot be run.
pub(crate) fn run(workspace: &Workspace, flags: &MutantFlags) -> Result<(), Failure> {
    let all = mutants(flags.protocol);
    let selected = select(&all, flags)?;
    let binaries = Cargo::new(workspace, Profile::Ci)?.build_workspace()?;
    let seeds: Vec<u64> = flags.seeds.clone().collect();
    let correct = judge(&binaries, flags.protocol, None, 1)?;
    let tasks = selected.iter().flat_map(|mutant| seeds.iter().map(move |seed| (*mutant, *seed)));
    let jobs = flags.jobs.map_or_else(|| default_jobs(flags.protocol), usize::from);

    let mut rows: BTreeMap<&str, String> = BTreeMap::new();
    let mut runs: Vec<Found> = Vec::new();
    let mut problems = Vec::new();
    let work =
        |(mutant, seed): (&Mutant, u64)| (mutant.name, judge(&binaries, flags.protocol, Some(mutant), seed));
    parallel::for_each(jobs, tasks, work, |(name, found)| {
        let Some(mutant) = selected.iter().find(|mutant| mutant.name == name) else { return };
        match found {
            Ok(found) => runs.push(found),
            Err(failure) => {
                eprintln!("{name}: {failure}");
                runs.push(Found { status: -1, ..Found::default() });
            }
        }
        if runs.len() == seeds.len() {
            let row = mutant_table::row(mutant, &runs, &correct);
            println!("{row}");
            problems.extend(problem(mutant, &runs, &correct));
            rows.insert(mutant.name, row);
            runs.clear();
        }
    });
    if let Some(path) = &flags.markdown {
        mutant_table::write(path, flags.protocol, &all, &rows, seeds.len())?;
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::other(problems.join("; "))) }
}

/// Most of a run is waiting: for deadlines, and for the other process.
fn default_jobs(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Index => 2,
        Protocol::Wisdom => 5,
    }
}

fn select<'a>(all: &'a [Mutant], flags: &MutantFlags) -> Result<Vec<&'a Mutant>, Failure> {
    if let Some(unknown) =
        flags.only.iter().find(|name| all.iter().all(|mutant| mutant.name != name.as_str()))
    {
        return Err(Failure::other(format!("no mutant of {} is called '{unknown}'", flags.protocol)));
    }
    let is_selected = |mutant: &&Mutant| {
        (flags.only.is_empty() || flags.only.iter().any(|name| name == mutant.name))
            && flags.mark.as_deref().is_none_or(|mark| mutant.has_mark(mark))
    };
    let selected: Vec<&Mutant> = all.iter().filter(is_selected).collect();
    if selected.is_empty() {
        return Err(Failure::other("no mutant is selected; the marks are race, chaos and slow"));
    }
    Ok(selected)
}

/// Returns what is wrong with the runs of a mutant, if anything is.
fn problem(mutant: &Mutant, runs: &[Found], correct: &Found) -> Option<String> {
    let missed = runs.iter().filter(|found| !is_detected(mutant, found, correct)).count();
    let slowest = runs.iter().map(|found| found.seconds).fold(0.0, f64::max);
    let name = mutant.name;
    match (missed, mutant.has_mark("chaos")) {
        (_, true) => None,
        (0, _) if slowest > SECONDS_MAX => {
            Some(format!("{name} took {slowest:.0} s, more than {SECONDS_MAX:.0} s"))
        }
        (0, _) => None,
        _ => Some(format!("{name} was missed in {missed} of {} runs", runs.len())),
    }
}

/// Runs the harness once against a mutant or, without one, against the correct server of the zoo.
fn judge(
    binaries: &Binaries,
    protocol: Protocol,
    mutant: Option<&Mutant>,
    seed: u64,
) -> Result<Found, Failure> {
    let directory = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
    let report = directory.path().join("report.json");
    let target = zoo_command(&binaries.path(Binary::Zoo), protocol, mutant.map(|mutant| mutant.name));
    let mut command = Command::new(binaries.path(Binary::Harness));
    command.args(["--protocol", &protocol.to_string(), "--exec", &target, "--seed", &seed.to_string()]);
    command.arg("--json").arg(&report);
    if let Some(mutant) = mutant {
        command.args(extra_flags(mutant));
    }
    let begun = Instant::now();
    let status = process::status(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
    let seconds = begun.elapsed().as_secs_f64();
    let run = Report::read(&report)?.into_first_run()?;
    Ok(Found::new(status.code().unwrap_or(-1), seconds, &run))
}

/// Returns the flags without which a default run would not detect the mutant.
fn extra_flags(mutant: &Mutant) -> Vec<&'static str> {
    let mut flags = Vec::new();
    if mutant.is_should() {
        flags.push("--strict");
    }
    if mutant.has_mark("chaos") {
        flags.push("--process");
    }
    if mutant.has_mark("slow") {
        flags.extend(["--stall-limit", "7"]);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(only: &[&str], mark: Option<&str>) -> MutantFlags {
        MutantFlags {
            protocol: Protocol::Index,
            seeds: 1..=2,
            only: only.iter().map(|&name| name.to_owned()).collect(),
            mark: mark.map(str::to_owned),
            markdown: None,
            jobs: None,
        }
    }

    #[test]
    fn mutants_are_selected_by_name_and_mark() {
        let all = mutants(Protocol::Index);
        let names = |only: &[&str], mark| -> Result<Vec<&str>, Failure> {
            Ok(select(&all, &flags(only, mark))?.iter().map(|mutant| mutant.name).collect())
        };
        assert_eq!(names(&["no-dependency-check"], None).unwrap(), ["no-dependency-check"]);
        assert!(names(&[], Some("race")).unwrap().contains(&"stale-reads"));
        assert!(names(&["no-such"], None).is_err() && names(&[], Some("no-such")).is_err());
    }

    #[test]
    fn missed_and_slow_runs_are_problems_unless_chaos_finds_the_mutant() {
        let mut mutant = mutants(Protocol::Index).remove(0);
        let violated = BTreeMap::from([("index/S1/1".to_owned(), mutant.clause.to_owned())]);
        let caught = Found { status: 1, seconds: 3.0, violated, ..Found::default() };
        let correct = Found::default();
        assert_eq!(problem(&mutant, std::slice::from_ref(&caught), &correct), None);
        let slow = Found { seconds: 31.0, ..caught.clone() };
        assert!(problem(&mutant, &[slow], &correct).unwrap().contains("took 31 s"));
        let runs = [caught, Found::default()];
        assert!(problem(&mutant, &runs, &correct).unwrap().contains("missed in 1 of 2"));
        mutant.mark = Some("chaos".to_owned());
        assert_eq!(problem(&mutant, &runs, &correct), None);
    }
}
