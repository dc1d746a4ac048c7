//! `cargo ci correct`: the harness against correct servers with unusual behaviour, in five languages.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::binaries::Binary;
use crate::cargo::{Cargo, Profile};
use crate::command_line::CorrectFlags;
use crate::failure::Failure;
use crate::json_report::{Report, Verdict};
use crate::parallel;
use crate::process;
use crate::workspace::Workspace;

/// Where the servers are.
const DIRECTORY: &str = "fixtures/servers/unusual";

/// A program that behaves in several ways, as its first argument says.
#[derive(Debug)]
struct Program {
    /// The name of the language.
    language: &'static str,
    /// The command that runs it, without the behaviour.
    command: Vec<String>,
}

/// One behaviour of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Behaviour {
    name: String,
    /// Whether it violates no SHOULD either.
    is_strict: bool,
}

/// Runs the harness against the selected servers with each seed.
///
/// # Errors
/// A server is accused, a run is undecided, or something cannot be run.
pub(crate) fn run(workspace: &Workspace, flags: &CorrectFlags) -> Result<(), Failure> {
    let binaries = Cargo::new(workspace, Profile::Ci)?.build_workspace()?;
    let built = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
    let programs = programs(&workspace.path(DIRECTORY), built.path())?;
    let mut tasks = Vec::new();
    let mut chosen: BTreeMap<&str, usize> = BTreeMap::new();
    for program in &programs {
        for behaviour in behaviours(program)? {
            let id = format!("{}:{}", program.language, behaviour.name);
            if !flags.only.is_empty() && !flags.only.contains(&id) {
                continue;
            }
            *chosen.entry(program.language).or_default() += 1;
            tasks.extend(flags.seeds.clone().map(|seed| (program, behaviour.clone(), id.clone(), seed)));
        }
    }
    if tasks.is_empty() {
        return Err(Failure::other(
            "no server is selected; names are LANGUAGE:BEHAVIOUR, as in python:actor",
        ));
    }
    let harness = binaries.path(Binary::Harness);
    let total = tasks.len();
    let mut problems = Vec::new();
    let work = |(program, behaviour, id, seed): (&Program, Behaviour, String, u64)| {
        let judged = judge(&harness, program, &behaviour, seed);
        (format!("{id} seed {seed}"), judged)
    };
    parallel::for_each(usize::from(flags.jobs), tasks, work, |(name, judged)| match judged {
        Ok(None) => println!("passed   {name}"),
        Ok(Some(accusation)) => {
            println!("accused  {name}: {accusation}");
            problems.push(name);
        }
        Err(failure) => problems.push(format!("{name}: {failure}")),
    });
    let languages: Vec<String> =
        chosen.iter().map(|(language, count)| format!("{count} in {language}")).collect();
    println!("{} of {total} runs passed; servers: {}", total - problems.len(), languages.join(", "));
    if problems.is_empty() { Ok(()) } else { Err(Failure::other(problems.join("; "))) }
}

/// Returns the programs whose language is installed. Those that need a compiler are compiled into `built`.
fn programs(sources: &Path, built: &Path) -> Result<Vec<Program>, Failure> {
    let source = |name: &str| sources.join(name).display().to_string();
    let mut programs = Vec::new();
    for (language, interpreter, name) in [
        ("python", "python3", "correct.py"),
        ("perl", "perl", "correct.pl"),
        ("javascript", "node", "correct.js"),
    ] {
        if process::find_program(interpreter).is_some() {
            programs.push(Program { language, command: vec![interpreter.to_owned(), source(name)] });
        }
    }
    if process::find_program("cc").is_some() {
        let binary: PathBuf = built.join("correct");
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-pthread", "-o"]).arg(&binary).arg(source("correct.c"));
        process::run(&mut compiler)?;
        programs.push(Program { language: "c", command: vec![binary.display().to_string()] });
    }
    if process::find_program("javac").is_some() {
        let mut compiler = Command::new("javac");
        process::run(compiler.arg("-d").arg(built).arg(source("Correct.java")))?;
        let classes = built.display().to_string();
        let command = ["java", "-Xmx256m", "-cp", &classes, "Correct"].map(str::to_owned).to_vec();
        programs.push(Program { language: "java", command });
    }
    Ok(programs)
}

/// Returns the behaviours that a program lists.
fn behaviours(program: &Program) -> Result<Vec<Behaviour>, Failure> {
    let [name, arguments @ ..] = &program.command[..] else { return Ok(Vec::new()) };
    let listed = process::output(Command::new(name).args(arguments).arg("--list"))?;
    Ok(listed.lines().filter_map(behaviour).collect())
}

/// Reads a line `NAME TAB LEVEL TAB DESCRIPTION`. The level `must` means that a SHOULD is violated.
fn behaviour(line: &str) -> Option<Behaviour> {
    let mut fields = line.split('\t');
    let name = fields.next()?.to_owned();
    Some(Behaviour { name, is_strict: fields.next()? == "should" })
}

/// Runs the harness once. Returns what it reports if the server does not pass.
fn judge(
    harness: &Path,
    program: &Program,
    behaviour: &Behaviour,
    seed: u64,
) -> Result<Option<String>, Failure> {
    let directory = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
    let report = directory.path().join("report.json");
    let words: Vec<String> = program.command.iter().map(|word| format!("'{word}'")).collect();
    // Some behaviours write much to standard error, which nobody reads.
    let command = format!("exec {} {} {{port}} 2>/dev/null", words.join(" "), behaviour.name);
    let mut harness = Command::new(harness);
    harness.args(["--exec", &command, "--seed", &seed.to_string(), "--json"]).arg(&report);
    if behaviour.is_strict {
        harness.arg("--strict");
    }
    let status = process::status(harness.stdout(Stdio::null()).stderr(Stdio::null()))?;
    if status.success() {
        return Ok(None);
    }
    let run = Report::read(&report)?.into_first_run()?;
    let is_shown = |verdict: Verdict| matches!(verdict, Verdict::Fail | Verdict::Warn | Verdict::Unknown);
    let items: Vec<&str> =
        run.items.iter().filter(|item| is_shown(item.verdict)).map(|item| item.id.as_str()).collect();
    Ok(Some(format!("{status}: {}", items.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_behaviour_without_a_violation_is_judged_strictly() {
        let read = |line| behaviour(line).map(|behaviour| (behaviour.name, behaviour.is_strict));
        assert_eq!(read("actor\tshould\tOne thread owns the index."), Some(("actor".to_owned(), true)));
        assert_eq!(read("backlog5\tmust\tThe backlog is 5."), Some(("backlog5".to_owned(), false)));
        assert_eq!(read("nothing"), None);
    }
}
