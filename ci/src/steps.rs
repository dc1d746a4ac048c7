//! Steps: named parts of `cargo ci test` and `cargo ci full`, each of which can run alone.

use std::cell::OnceCell;
use std::env;
use std::thread;
use std::time::{Duration, Instant};

use crate::binaries::Binaries;
use crate::built_tests::BuiltTests;
use crate::cargo::{Cargo, Profile};
use crate::command_line::StepFlags;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// A part of a run.
pub(crate) struct Step {
    /// The name that `--only` and `--skip` take.
    pub(crate) name: &'static str,
    /// What the step checks.
    pub(crate) about: &'static str,
    /// The check.
    pub(crate) run: fn(&Context) -> Result<Outcome, Failure>,
    /// Whether it runs beside the steps that follow, at the lowest priority. Such steps run one after the other.
    pub(crate) is_beside: bool,
}

impl Step {
    /// Returns a step that runs alone.
    pub(crate) const fn new(
        name: &'static str,
        about: &'static str,
        run: fn(&Context) -> Result<Outcome, Failure>,
    ) -> Self {
        Self { name, about, run, is_beside: false }
    }

    /// Lets it run beside the steps that follow.
    pub(crate) const fn beside(mut self) -> Self {
        self.is_beside = true;
        self
    }
}

/// The result of a step that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything was checked.
    Passed,
    /// The machine lacks something, which is named.
    NotRun(String),
}

/// What all steps of a run share.
pub(crate) struct Context {
    pub(crate) workspace: Workspace,
    /// Cargo with the profile of tests.
    pub(crate) cargo: Cargo,
    /// Whether the run happens in CI, where a missing Docker daemon is a failure.
    pub(crate) is_in_ci: bool,
    binaries: OnceCell<Binaries>,
    /// The tests that were built, as a file for nextest, which then calls no cargo.
    pub(crate) built_tests: OnceCell<BuiltTests>,
}

impl Context {
    fn new(workspace: &Workspace) -> Result<Self, Failure> {
        Ok(Self {
            workspace: workspace.clone(),
            cargo: Cargo::new(workspace, Profile::Ci)?,
            is_in_ci: env::var_os("CI").is_some_and(|value| value == "true"),
            binaries: OnceCell::new(),
            built_tests: OnceCell::new(),
        })
    }

    /// Returns the binaries of the test profile. The first call builds them.
    ///
    /// # Errors
    /// The build fails.
    pub(crate) fn binaries(&self) -> Result<&Binaries, Failure> {
        if self.binaries.get().is_none() {
            let built = self.cargo.build_workspace()?;
            return Ok(self.binaries.get_or_init(|| built));
        }
        Ok(self.binaries.get_or_init(|| self.cargo.binaries()))
    }
}

/// Runs the selected steps of a command, in order, and prints a summary.
///
/// # Errors
/// A step fails, or a selected step does not exist.
pub(crate) fn run(
    command: &str,
    steps: &[Step],
    flags: &StepFlags,
    workspace: &Workspace,
) -> Result<(), Failure> {
    let selected = select(steps, flags)?;
    if flags.list {
        for step in selected {
            println!("{:<16} {}", step.name, step.about);
        }
        return Ok(());
    }
    let begun = Instant::now();
    let results = run_all(command, &selected, flags, workspace)?;
    println!("\n{:<16} {:>8}  result", "step", "time");
    for Ran { name, line, took } in &results {
        println!("{name:<16} {:>8}  {line}", seconds(*took));
    }
    println!("{:<16} {:>8}", "total", seconds(begun.elapsed()));
    let failed: Vec<&str> = results.iter().filter(|ran| ran.line == FAILED).map(|ran| ran.name).collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::other(format!(
        "failed: {0}; run it again with: cargo ci {command} --only {0}",
        failed.join(",")
    )))
}

const FAILED: &str = "FAILED";

/// The result of a step that was run.
struct Ran {
    name: &'static str,
    line: String,
    took: Duration,
}

/// Runs steps in order. The first one that may run beside others starts a thread for all of these.
fn run_all(
    command: &str,
    selected: &[&Step],
    flags: &StepFlags,
    workspace: &Workspace,
) -> Result<Vec<Ran>, Failure> {
    let context = Context::new(workspace)?;
    let beside: Vec<&Step> = selected.iter().copied().filter(|step| step.is_beside).collect();
    let run_beside = || -> Result<Vec<Ran>, Failure> {
        // For this thread and the programs that it starts. Without it, they would only be quicker and the others slower.
        let _ = rustix::process::nice(LOWEST_PRIORITY);
        let context = Context::new(workspace)?;
        Ok(beside.iter().map(|step| run_step(command, step, &context)).collect())
    };
    thread::scope(|scope| {
        let (mut results, mut running) = (Vec::new(), None);
        for step in selected {
            if step.is_beside {
                running.get_or_insert_with(|| scope.spawn(run_beside));
                continue;
            }
            results.push(run_step(command, step, &context));
            if results.last().is_some_and(|ran| ran.line == FAILED) && !flags.keep_going {
                break;
            }
        }
        if let Some(running) = running {
            let others = running.join().map_err(|_| Failure::other("a step beside the others panicked"))?;
            results.extend(others?);
        }
        Ok(results)
    })
}

/// The largest value of nice(2).
const LOWEST_PRIORITY: i32 = 19;

fn run_step(command: &str, step: &Step, context: &Context) -> Ran {
    println!("\n== {}: {}", step.name, step.about);
    let begun = Instant::now();
    let outcome = (step.run)(context);
    let took = begun.elapsed();
    let line = described(&outcome);
    println!("== {}: {line}, {}", step.name, seconds(took));
    if let Err(failure) = outcome {
        eprintln!("\n{failure}\nrun this step alone: cargo ci {command} --only {}", step.name);
    }
    Ran { name: step.name, line, took }
}

fn described(outcome: &Result<Outcome, Failure>) -> String {
    match outcome {
        Ok(Outcome::Passed) => "passed".to_owned(),
        Ok(Outcome::NotRun(cause)) => format!("not run: {cause}"),
        Err(_) => FAILED.to_owned(),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn select<'a>(steps: &'a [Step], flags: &StepFlags) -> Result<Vec<&'a Step>, Failure> {
    let mut named = flags.only.iter().chain(&flags.skip);
    if let Some(unknown) = named.find(|name| steps.iter().all(|step| step.name != name.as_str())) {
        let known: Vec<&str> = steps.iter().map(|step| step.name).collect();
        return Err(Failure::other(format!(
            "there is no step '{unknown}'; the steps are {}",
            known.join(", ")
        )));
    }
    let is_in = |list: &[String], step: &Step| list.iter().any(|name| name == step.name);
    let is_selected =
        |step: &&Step| (flags.only.is_empty() || is_in(&flags.only, step)) && !is_in(&flags.skip, step);
    Ok(steps.iter().filter(is_selected).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: &[Step] = &[
        Step::new("one", "", |_| Ok(Outcome::Passed)),
        Step::new("two", "", |_| Ok(Outcome::NotRun("no tool".to_owned()))),
        Step::new("three", "", |_| Err(Failure::other("it is broken"))),
    ];

    fn names(only: &[&str], skip: &[&str]) -> Result<Vec<&'static str>, String> {
        let owned = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect();
        let flags = StepFlags { only: owned(only), skip: owned(skip), ..StepFlags::default() };
        let selected = select(STEPS, &flags).map_err(|failure| failure.to_string())?;
        Ok(selected.into_iter().map(|step| step.name).collect())
    }

    #[test]
    fn steps_are_selected_by_name_and_keep_their_order() {
        assert_eq!(names(&[], &[]).unwrap(), ["one", "two", "three"]);
        assert_eq!(names(&["three", "one"], &[]).unwrap(), ["one", "three"]);
        assert_eq!(names(&[], &["two"]).unwrap(), ["one", "three"]);
        assert!(names(&["four"], &[]).unwrap_err().contains("'four'"));
    }

    #[test]
    fn a_failed_step_fails_the_run_and_is_named_for_another_run() {
        let workspace = Workspace::find();
        let failure = run("test", STEPS, &StepFlags::default(), &workspace).unwrap_err().to_string();
        assert!(failure.ends_with("cargo ci test --only three"), "{failure}");
        let flags = StepFlags { skip: vec!["three".to_owned()], ..StepFlags::default() };
        run("test", STEPS, &flags, &workspace).unwrap();
    }

    #[test]
    fn a_step_beside_others_runs_although_one_of_them_fails_and_its_failure_counts() {
        let steps = [
            Step::new("lints", "", |_| Err(Failure::other("a warning"))).beside(),
            Step::new("broken", "", |_| Err(Failure::other("it is broken"))),
            Step::new("never", "", |_| panic!("the step before it failed")),
        ];
        let failure = run("test", &steps, &StepFlags::default(), &Workspace::find()).unwrap_err().to_string();
        assert!(failure.ends_with("--only broken,lints"), "{failure}");
    }
}
