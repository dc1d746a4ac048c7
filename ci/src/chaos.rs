//! `cargo ci chaos`: chaos against mutants that faults reveal, and against correct servers.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::Signal;

use crate::binaries::{Binaries, Binary, zoo_command};
use crate::cargo::{Cargo, Profile};
use crate::command_line::{ChaosFlags, ChaosPart};
use crate::failure::Failure;
use crate::json_report::{Item, Report, Run, Verdict};
use crate::mutant_list::{Mutant, mutants};
use crate::parallel;
use crate::process::{self, Running};
use crate::workspace::Workspace;

/// The longest time until a mutant must be detected, in seconds: that of a default run, and some for starting and judging.
const SECONDS_MAX: f64 = 190.0;
/// The largest number of faults to which a failure must be reducible.
const STEPS_MAX: usize = 5;
/// How often a reduced failure is repeated.
const REPETITIONS: usize = 20;

/// The mutants without the mark `chaos` that faults reveal too.
const OTHER_MUTANTS: &[&str] = &[
    "dies-of-a-reset",
    "dies-of-a-broken-pipe",
    "dies-of-a-half-line",
    "dies-of-bytes-not-utf8",
    "dies-of-a-long-line",
    "dies-of-a-long-name",
    "dies-of-an-empty-line",
    "dies-of-nul",
    "dies-of-many-separators",
    "half-line-of-a-lost-client-done",
    "lock-held-while-writing",
    "half-line-blocks-all",
    "one-client-at-a-time",
    "error-closes-all",
    "panic-poisons-the-lock",
    "end-of-stream-takes-effect",
    "fifty-clients",
];

/// One task of a worker.
enum Task<'a> {
    Detect(&'a Mutant),
    Accept(&'static str, Vec<String>, u64),
    Shrink(&'a Mutant),
}

struct Chaos {
    binaries: Binaries,
    protocol: String,
    /// The clause of each fault, by the fault's id.
    clauses: BTreeMap<String, String>,
}

/// Runs the selected parts and prints a line for each run.
///
/// # Errors
/// A mutant is missed, a correct server is accused, or something cannot be run.
pub(crate) fn run(workspace: &Workspace, flags: &ChaosFlags) -> Result<(), Failure> {
    let binaries = Cargo::new(workspace, Profile::Ci)?.build_workspace()?;
    let chaos = Chaos::new(binaries, flags)?;
    if flags.matrix {
        return chaos.run_matrix();
    }
    let all = mutants(flags.protocol);
    let selected: Vec<&Mutant> = all.iter().filter(|mutant| is_selected(mutant, &flags.only)).collect();
    let python = workspace.path("chaos/tests/it/right.py");
    let correct = [
        ("correct, zoo", vec!["--exec".to_owned(), chaos.zoo(None, flags)]),
        ("correct, Python", vec!["--exec".to_owned(), format!("python3 '{}' {{port}}", python.display())]),
        ("reference, --strict", vec!["--strict".to_owned()]),
    ];
    let (first, count) = (*flags.seeds.start(), flags.seeds.clone().count() as u64);
    let mut tasks = Vec::new();
    if flags.parts.contains(&ChaosPart::Mutants) {
        tasks.extend(selected.iter().map(|mutant| Task::Detect(mutant)));
    }
    if flags.parts.contains(&ChaosPart::Correct) {
        for (name, target) in &correct {
            if *name == "correct, Python" && (!python.exists() || flags.protocol.to_string() != "index") {
                continue;
            }
            let seeds = first..first + 4 * count;
            tasks.extend(seeds.map(|seed| Task::Accept(name, target.clone(), seed)));
        }
    }
    if flags.parts.contains(&ChaosPart::Shrink) {
        tasks.extend(selected.iter().map(|mutant| Task::Shrink(mutant)));
    }
    let mut total = 0;
    let mut problems = Vec::new();
    let work = |task| match task {
        Task::Detect(mutant) => chaos.detect(mutant, flags),
        Task::Accept(name, target, seed) => chaos.accept(name, &target, seed).map(|line| vec![line]),
        Task::Shrink(mutant) => chaos.shrink(mutant, flags).map(|line| vec![line]),
    };
    parallel::for_each(usize::from(flags.jobs), tasks, work, |done: Result<Vec<Line>, Failure>| match done {
        Ok(lines) => {
            total += lines.len();
            for Line { text, problem } in lines {
                println!("{text}");
                problems.extend(problem);
            }
        }
        Err(failure) => {
            total += 1;
            problems.push(failure.to_string());
        }
    });
    println!("{} of {total} runs have the expected result", total - problems.len());
    if problems.is_empty() { Ok(()) } else { Err(Failure::other(problems.join("; "))) }
}

fn is_selected(mutant: &Mutant, only: &[String]) -> bool {
    if only.is_empty() {
        return mutant.has_mark("chaos") || OTHER_MUTANTS.contains(&mutant.name);
    }
    only.iter().any(|name| name == mutant.name)
}

/// The line that is printed about a run, and what is wrong with it, if anything is.
struct Line {
    text: String,
    problem: Option<String>,
}

/// The result of one run of chaos.
struct Ran {
    status: i32,
    /// The clause of the first finding of each fault that did harm.
    harm: BTreeMap<String, String>,
    /// The time until the wanted harm, or of the whole run.
    seconds: f64,
    is_interrupted: bool,
}

impl Ran {
    /// The faults whose first finding names this clause.
    fn faults_of(&self, clause: &str) -> impl Iterator<Item = &str> {
        self.harm.iter().filter(move |(_, of_fault)| *of_fault == clause).map(|(fault, _)| fault.as_str())
    }
}

/// Returns the pattern of all faults of the family of this one.
fn family(fault: &str) -> String {
    format!("{}/*", fault.split_once('/').map_or(fault, |(family, _)| family))
}

impl Chaos {
    fn new(binaries: Binaries, flags: &ChaosFlags) -> Result<Self, Failure> {
        let protocol = flags.protocol.to_string();
        let mut command = Command::new(binaries.path(Binary::Chaos));
        let catalogue = process::output(command.args(["faults", "--protocol", &protocol]))?;
        let clause_of = |line: &str| {
            let mut words = line.split_whitespace().map(str::to_owned);
            Some((words.next()?, words.next()?))
        };
        Ok(Self { clauses: catalogue.lines().filter_map(clause_of).collect(), binaries, protocol })
    }

    fn zoo(&self, mutant: Option<&str>, flags: &ChaosFlags) -> String {
        zoo_command(&self.binaries.path(Binary::Zoo), flags.protocol, mutant)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.binaries.path(Binary::Chaos));
        command.args(arguments).stderr(Stdio::null());
        command
    }

    /// Runs every fault in every state against the reference server. A fault that stays undecided is no harm.
    fn run_matrix(&self) -> Result<(), Failure> {
        let mut command = self.command(&["--matrix", "--seed", "1", "--protocol", &self.protocol]);
        let status = process::status(&mut command)?;
        match status.code() {
            Some(0 | 3) => Ok(()),
            _ => Err(Failure::other(format!("`{}` ended with {status}", process::shown(&command)))),
        }
    }

    /// Runs chaos and reads its report. A run is interrupted as soon as a fault of `clause` has done harm.
    fn judge(&self, arguments: &[&str], clause: Option<&str>) -> Result<Ran, Failure> {
        let directory = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
        let report = directory.path().join("report.json");
        let is_strict = arguments.contains(&"--strict");
        let begun = Instant::now();
        let mut command = self.command(&[&["--protocol", &self.protocol], arguments].concat());
        let mut running = Running::start(command.arg("--json").arg(&report))?;
        let mut detected = None;
        // Only the report decides. The printed lines tell when enough is known.
        while let Some(line) = running.line()? {
            let is_wanted = harmed_fault(&line, is_strict).is_some_and(|id| self.is_of(id, clause));
            if detected.is_none() && is_wanted {
                detected = Some(begun.elapsed());
                running.signal(Signal::INT);
            }
        }
        let status = running.wait()?.code().unwrap_or(-1);
        let harm = harm(&Report::read(&report)?.into_first_run()?);
        let seconds = detected.unwrap_or_else(|| begun.elapsed()).as_secs_f64();
        Ok(Ran { status, harm, seconds, is_interrupted: detected.is_some() })
    }

    /// Returns whether the clause is that of the fault. The id of a scene is `FAULT/STATE`.
    fn is_of(&self, id: &str, clause: Option<&str>) -> bool {
        let fault = id.rsplit_once('/').map_or(id, |(fault, _)| fault);
        clause.is_some() && self.clauses.get(fault).map(String::as_str) == clause
    }

    /// Checks that the first seed reveals the mutant in a default run, and the others with only the families of the faults
    /// that revealed it first.
    fn detect(&self, mutant: &Mutant, flags: &ChaosFlags) -> Result<Vec<Line>, Failure> {
        let target = self.zoo(Some(mutant.name), flags);
        let strict: &[&str] = if mutant.is_should() { &["--strict"] } else { &[] };
        let mut families = BTreeSet::new();
        let mut lines = Vec::new();
        for seed in flags.seeds.clone() {
            let seed = seed.to_string();
            let selected: Vec<String> = families.iter().cloned().collect();
            let selected = selected.join(",");
            let only: &[&str] = if families.is_empty() { &[] } else { &["--faults", &selected] };
            let arguments = [&["--exec", &target, "--seed", &seed], strict, only].concat();
            let mut ran = self.judge(&arguments, Some(mutant.clause))?;
            if ran.is_interrupted && ran.faults_of(mutant.clause).next().is_none() {
                // The printed line does not show that the finding belongs to another clause than the fault. The whole run may
                // find more.
                ran = self.judge(&arguments, None)?;
            }
            families.extend(ran.faults_of(mutant.clause).map(family));
            let is_found = ran.faults_of(mutant.clause).next().is_some();
            let is_detected = ran.status == 1 && ran.seconds <= SECONDS_MAX && is_found;
            lines.push(line(&format!("{} {}", mutant.name, mutant.clause), &seed, &ran, is_detected));
        }
        Ok(lines)
    }

    fn accept(&self, name: &str, target: &[String], seed: u64) -> Result<Line, Failure> {
        let seed = seed.to_string();
        let target: Vec<&str> = target.iter().map(String::as_str).collect();
        let ran = self.judge(&[&target[..], &["--seed", &seed]].concat(), None)?;
        let is_accepted = ran.status == 0;
        Ok(line(name, &seed, &ran, is_accepted))
    }

    /// Checks that a failure can be reduced to few faults, and that those fail again.
    fn shrink(&self, mutant: &Mutant, flags: &ChaosFlags) -> Result<Line, Failure> {
        let Mutant { name, clause, .. } = mutant;
        let directory = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
        let file = directory.path().join("faults.json");
        let file_name = file.to_string_lossy();
        let target = self.zoo(Some(name), flags);
        let strict: &[&str] = if mutant.is_should() { &["--strict"] } else { &[] };
        let shrinking = ["--exec", &target, "--seed", "1", "--shrink", &file_name];
        let mut command = self.command(&[&["--protocol", &self.protocol], &shrinking[..], strict].concat());
        process::status(command.stdout(Stdio::null()))?;
        let Ok(text) = std::fs::read_to_string(&file) else {
            let text = format!("{name:<36} {clause:<3} did not fail");
            return Ok(Line { problem: Some(format!("{name}: nothing to shrink")), text });
        };
        let steps = steps(&text)?;
        let times = REPETITIONS.to_string();
        let report = directory.path().join("report.json");
        let again = ["replay", &file_name, "--exec", &target, "--times", &times];
        let mut command = self.command(&[&again[..], strict].concat());
        process::status(command.arg("--json").arg(&report).stdout(Stdio::null()))?;
        let runs = Report::read(&report)?.runs;
        let failures = runs.iter().filter(|run| run.verdict == Verdict::Fail).count();
        let text =
            format!("{name:<36} {clause:<3} {} faults, fails {failures} of {times} times", steps.len());
        let is_reduced = steps.len() <= STEPS_MAX && failures + 1 >= REPETITIONS;
        Ok(Line { problem: (!is_reduced).then(|| format!("{name}: {text}")), text })
    }
}

fn line(name: &str, seed: &str, ran: &Ran, is_expected: bool) -> Line {
    let Ran { status, harm, seconds, .. } = ran;
    let shown: Vec<String> = harm.iter().take(2).map(|(id, clause)| format!("{id} ({clause})")).collect();
    let text = format!("{name:<40} seed {seed}  exit {status}  {seconds:4.0} s  {}", shown.join(", "));
    Line { problem: (!is_expected).then(|| format!("{name} with seed {seed}")), text }
}

/// Returns the id of the scene that a printed line accuses.
fn harmed_fault(line: &str, is_strict: bool) -> Option<&str> {
    let mut words = line.split_whitespace();
    let is_harm = match words.next()? {
        "harmed" => true,
        "warned" => is_strict,
        _ => false,
    };
    words.next().filter(|_| is_harm)
}

fn harm(run: &Run) -> BTreeMap<String, String> {
    let failed = run.items.iter().filter(|item| item.verdict == Verdict::Fail);
    let clause = |item: &Item| item.findings.first()?.clause.as_ref().map(|clause| clause.id.clone());
    failed.map(|item| (item.id.clone(), clause(item).unwrap_or_default())).collect()
}

#[derive(serde::Deserialize)]
struct Schedule {
    steps: Vec<String>,
}

fn steps(json: &str) -> Result<Vec<String>, Failure> {
    let schedule: Schedule = serde_json::from_str(json)
        .map_err(|source| Failure::Json { what: "the file that --shrink wrote".to_owned(), source })?;
    Ok(schedule.steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_line_accuses_a_fault_if_it_did_harm() {
        assert_eq!(
            harmed_fault("harmed   lines/nul-bytes/idle  4 lines", false),
            Some("lines/nul-bytes/idle")
        );
        assert_eq!(harmed_fault("warned   a/b  x", false), None);
        assert_eq!(harmed_fault("warned   a/b  x", true), Some("a/b"));
        assert_eq!(harmed_fault("held     a/b  x", true), None);
        assert_eq!(harmed_fault("", true), None);
    }

    #[test]
    fn other_seeds_run_the_families_of_the_faults_that_named_the_clause() {
        let harm = [("lines/nul-bytes/idle", "A4"), ("readers/stalled/idle", "C1")];
        let harm = harm.map(|(fault, clause)| (fault.to_owned(), clause.to_owned())).into();
        let ran = Ran { status: 1, harm, seconds: 1.0, is_interrupted: true };
        assert_eq!(ran.faults_of("C1").map(family).collect::<Vec<_>>(), ["readers/*"]);
        assert_eq!(ran.faults_of("C4").next(), None);
    }

    #[test]
    fn the_steps_of_a_reduced_schedule_are_read_from_its_file() {
        assert_eq!(steps(r#"{"seed": 1, "steps": ["a", "b"]}"#).unwrap(), ["a", "b"]);
    }
}
