//! `cargo ci examples`: the harness against the example servers of `fixtures/servers`, correct and with their typical defects.

use std::fmt::{self, Display};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::binaries::Binary;
use crate::cargo::{Cargo, Profile};
use crate::command_line::ExampleFlags;
use crate::docker::docker;
use crate::failure::Failure;
use crate::json_report::Report;
use crate::parallel;
use crate::process;
use crate::workspace::Workspace;

/// A server in one language.
#[derive(Debug)]
struct Example {
    /// The name of the language, which is that of its directory in `fixtures/servers`.
    language: &'static str,
    /// The program without which the server is left out.
    needs: &'static str,
    /// The command that compiles the server in its directory, if it must be. `{built}` is the directory for the result.
    build: &'static [&'static str],
    /// The command that runs the server. `{source}` is its directory.
    run: &'static str,
    /// The defects that it has on request, each with the clause that it violates.
    defects: &'static [(&'static str, &'static str)],
}

const EXAMPLES: &[Example] = &[
    Example {
        language: "python",
        needs: "python3",
        build: &[],
        run: "python3 '{source}/server.py'",
        defects: &[
            ("first-line-of-a-read-only", "F3"),
            ("end-of-stream-ends-a-line", "F4"),
            ("own-dependent", "S6"),
        ],
    },
    Example {
        language: "go",
        needs: "go",
        build: &["go", "build", "-o", "{built}/go-server", "server.go"],
        run: "'{built}/go-server'",
        defects: &[("surplus-fields", "R1"), ("old-list-stays", "S2"), ("unlocked-check", "C2")],
    },
    Example {
        language: "javascript",
        needs: "node",
        build: &[],
        run: "node '{source}/server.js'",
        defects: &[("segments-are-lines", "F2"), ("lists-are-merged", "S2"), ("error-closes", "A3")],
    },
    Example {
        language: "java",
        needs: "javac",
        build: &["javac", "-d", "{built}", "Server.java"],
        run: "java -Xmx256m -cp '{built}' Server",
        defects: &[("pool-of-fifty", "C1"), ("empty-names", "R3"), ("unlocked-removal", "C2")],
    },
    Example {
        language: "ruby",
        needs: "ruby",
        build: &[],
        run: "ruby '{source}/server.rb'",
        defects: &[("words-only", "R9"), ("rest-is-a-line", "F4"), ("utf8-only", "A4")],
    },
    Example {
        language: "cpp",
        needs: "c++",
        build: &[
            "c++",
            "-std=c++17",
            "-O2",
            "-Wall",
            "-Wextra",
            "-pthread",
            "server.cpp",
            "-o",
            "{built}/cpp-server",
        ],
        run: "'{built}/cpp-server'",
        defects: &[
            ("names-of-63-bytes", "R9"),
            ("abbreviated-commands", "R2"),
            ("ends-at-a-long-line", "A4"),
        ],
    },
];

/// One run of the harness.
#[derive(Debug)]
struct Trial {
    language: &'static str,
    /// The defect and the clause that must be named, unless the server is correct.
    defect: Option<(&'static str, &'static str)>,
    /// The flag that selects the target, and its value.
    target: [String; 2],
    seed: u64,
}

impl Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let defect = self.defect.map_or("correct", |(defect, _)| defect);
        write!(f, "{} {defect}, seed {}", self.language, self.seed)
    }
}

/// Runs the harness, with `--strict`, against each correct server with all seeds, and against each defective one with the first.
///
/// # Errors
/// A correct server does not pass, a defect is not found under its clause, or something cannot be run.
pub(crate) fn run(workspace: &Workspace, flags: &ExampleFlags) -> Result<(), Failure> {
    let is_selected =
        |example: &&Example| flags.only.is_empty() || flags.only.iter().any(|name| name == example.language);
    let selected: Vec<&Example> = EXAMPLES.iter().filter(is_selected).collect();
    if selected.is_empty() {
        let names: Vec<&str> = EXAMPLES.iter().map(|example| example.language).collect();
        return Err(Failure::other(format!(
            "no example is selected; the languages are {}",
            names.join(", ")
        )));
    }
    let is_possible = |example: &&Example| flags.images || process::find_program(example.needs).is_some();
    let (installed, missing): (Vec<&Example>, Vec<&Example>) = selected.into_iter().partition(is_possible);
    let built = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
    let mut trials = Vec::new();
    for example in installed {
        let source = workspace.path("fixtures/servers").join(example.language);
        if flags.images {
            trials.push(example.image_trial(&source, *flags.seeds.start())?);
        } else {
            build(example, &source, built.path())?;
            trials.extend(example.trials(&source, built.path(), flags));
        }
    }
    let harness = Cargo::new(workspace, Profile::Ci)?.build_workspace()?.path(Binary::Harness);
    let total = trials.len();
    let mut problems = Vec::new();
    let work = |trial: Trial| (trial.to_string(), judge(&harness, &trial));
    parallel::for_each(usize::from(flags.jobs), trials, work, |(name, judged)| match judged {
        Ok(None) => println!("as expected  {name}"),
        Ok(Some(problem)) => {
            println!("problem      {name}: {problem}");
            problems.push(name);
        }
        Err(failure) => problems.push(format!("{name}: {failure}")),
    });
    for Example { language, needs, .. } in missing {
        println!("left out     {language}: {needs} is not installed");
    }
    println!("{} of {total} runs have the expected result", total - problems.len());
    if problems.is_empty() { Ok(()) } else { Err(Failure::other(problems.join("; "))) }
}

impl Example {
    fn trials(&self, source: &Path, built: &Path, flags: &ExampleFlags) -> Vec<Trial> {
        let run = filled(self.run, source, built);
        let trial = |defect: Option<(&'static str, &'static str)>, seed| Trial {
            language: self.language,
            defect,
            target: [
                "--exec".to_owned(),
                format!("PORT={{port}} DEFECT={} exec {run}", defect.map_or("", |(name, _)| name)),
            ],
            seed,
        };
        let correct = flags.seeds.clone().map(|seed| trial(None, seed));
        let defective = self.defects.iter().map(|defect| trial(Some(*defect), *flags.seeds.start()));
        correct.chain(defective).collect()
    }

    /// Builds the image of the server, which is correct, and returns its run.
    fn image_trial(&self, source: &Path, seed: u64) -> Result<Trial, Failure> {
        let tag = format!("gauntlet-example-{}:dev", self.language);
        let context = source.display().to_string();
        docker(&["build", "--quiet", "--tag", &tag, &context])?;
        Ok(Trial { language: self.language, defect: None, target: ["--image".to_owned(), tag], seed })
    }
}

fn build(example: &Example, source: &Path, built: &Path) -> Result<(), Failure> {
    let [program, arguments @ ..] = example.build else { return Ok(()) };
    let arguments = arguments.iter().map(|argument| filled(argument, source, built));
    process::run(Command::new(program).args(arguments).current_dir(source))
}

fn filled(command: &str, source: &Path, built: &Path) -> String {
    command
        .replace("{source}", &source.display().to_string())
        .replace("{built}", &built.display().to_string())
}

/// Runs the harness once. Returns what is not as expected.
fn judge(harness: &Path, trial: &Trial) -> Result<Option<String>, Failure> {
    let directory = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
    let report = directory.path().join("report.json");
    let mut command = Command::new(harness);
    command
        .arg("--strict")
        .args(&trial.target)
        .args(["--seed", &trial.seed.to_string(), "--json"])
        .arg(&report);
    let status = process::status(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
    let violated = Report::read(&report)?.into_first_run()?.violated();
    let is_expected = match trial.defect {
        None => status.success(),
        Some((_, clause)) => status.code() == Some(1) && violated.values().any(|named| named == clause),
    };
    let named: Vec<String> = violated.iter().map(|(id, clause)| format!("{id} ({clause})")).collect();
    Ok((!is_expected).then(|| format!("{status}; violated: {}", named.join(", "))))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_page_of_each_example_names_its_defects_and_their_clauses() {
        let servers = Workspace::find().path("fixtures/servers");
        for example in EXAMPLES {
            let page = fs::read_to_string(servers.join(example.language).join("README.md")).unwrap();
            for (defect, clause) in example.defects {
                let row = page.lines().find(|line| line.starts_with(&format!("| `{defect}` | {clause} |")));
                assert!(row.is_some(), "{}: {defect}", example.language);
            }
        }
    }

    #[test]
    fn a_defective_server_runs_once_and_a_correct_one_with_each_seed() {
        let flags = ExampleFlags { seeds: 2..=4, only: Vec::new(), jobs: 1, images: false };
        let trials = EXAMPLES[0].trials(Path::new("/s"), Path::new("/b"), &flags);
        let names: Vec<String> = trials.iter().map(Trial::to_string).collect();
        assert_eq!(
            names[..3],
            ["python correct, seed 2", "python correct, seed 3", "python correct, seed 4"]
        );
        assert_eq!(names[3], "python first-line-of-a-read-only, seed 2");
        assert_eq!(names.len(), 6);
        assert_eq!(trials[0].target[1], "PORT={port} DEFECT= exec python3 '/s/server.py'");
    }
}
