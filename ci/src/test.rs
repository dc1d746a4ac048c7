//! The steps of `cargo ci test`: everything that a pull request needs.

use std::path::PathBuf;
use std::process::Command;
use std::thread;

use crate::binaries::{Binary, FEATURES, zoo_command};
use crate::built_tests::BuiltTests;
use crate::command_line::{CorrectFlags, Protocol};
use crate::correct_servers;
use crate::docker;
use crate::docs;
use crate::failure::Failure;
use crate::images;
use crate::operations;
use crate::parallel;
use crate::process;
use crate::prometheus;
use crate::proxy_clients;
use crate::steps::{Context, Outcome, Step};
use crate::sweep;

/// The steps in the order in which they run: quick ones first.
pub(crate) const STEPS: &[Step] = &[
    Step::new("format", "the code is formatted", format),
    Step::new("build", "everything is built, once, and clippy has no warnings", build),
    // It leaves the processor to the tests, which wait half of their time.
    Step::new("documentation", "it builds without warnings, and its examples run", documentation).beside(),
    Step::new("tests", "all tests, with nextest", tests),
    Step::new("catalogues", "the generated catalogues in docs/ are up to date", catalogues),
    Step::new("gate", "the harness against correct servers, on fixed seeds", gate),
    Step::new("correct", "the harness against some of the unusual correct servers", unusual_servers),
    Step::new("metrics", "Prometheus accepts the server's metrics", metrics),
    Step::new(
        "operations",
        "alerts, dashboards, units and the balancer, with the programs that use them",
        operations,
    ),
    Step::new("compose", "the gate against the server, started by compose", compose),
];

/// Some of the servers of `cargo ci correct`, at least one in each language that every machine has.
const UNUSUAL_SERVERS: [&str; 3] = ["python:late-effect", "perl:limit100", "c:one-byte-reads"];

fn unusual_servers(context: &Context) -> Result<Outcome, Failure> {
    let only = UNUSUAL_SERVERS.map(str::to_owned).to_vec();
    passed(correct_servers::run(&context.workspace, &CorrectFlags { seeds: 1..=1, only, jobs: 3 }))
}

fn passed(done: Result<(), Failure>) -> Result<Outcome, Failure> {
    done.map(|()| Outcome::Passed)
}

fn format(context: &Context) -> Result<Outcome, Failure> {
    passed(process::run(&mut context.cargo.command(&["fmt", "--all", "--check"])))
}

/// Returns a nextest command for the whole workspace. All such commands have the same packages and features, so that they
/// share one build.
pub(crate) fn nextest(context: &Context, arguments: &[&str]) -> Result<Command, Failure> {
    install_nextest()?;
    let mut command = if let Some(built) = context.built_tests.get() {
        built.run_command(&context.cargo)
    } else {
        let mut command = context.cargo.build_command(&["nextest", "run"]);
        command.args(["--workspace", "--features", FEATURES, "--cargo-quiet"]);
        command
    };
    command.args(arguments);
    // Snapshots must not be updated, and a missing tool is a failure.
    command.env("CI", "true").env("INSTA_UPDATE", "no");
    command.envs(context.cargo.binaries().environment());
    Ok(command)
}

fn install_nextest() -> Result<(), Failure> {
    if process::find_program("cargo-nextest").is_some() {
        return Ok(());
    }
    process::run(Command::new("cargo").args(["install", "cargo-nextest", "--locked"]))
}

fn build(context: &Context) -> Result<Outcome, Failure> {
    process::run(&mut nextest(context, &["--no-run"])?)?;
    context.binaries()?;
    let built = BuiltTests::list(&context.cargo)?;
    context.built_tests.get_or_init(|| built);
    Ok(Outcome::Passed)
}

/// Ignored tests that build or measure something for minutes. `cargo ci full` runs them.
const LONG_TESTS: &str = "test(without_a_harness_the_action_builds_one) | test(a_million_solutions) | \
                          test(w27_a_thousand_times) | test(a_million_operations_are_judged)";

/// Runs the tests that need Docker together with the others, because most of them wait. Without a daemon the others run.
fn tests(context: &Context) -> Result<Outcome, Failure> {
    let binaries = context.binaries()?;
    let mut command = nextest(context, &["--profile", "ci"])?;
    if let Some(Outcome::NotRun(cause)) = docker_is_missing(context)? {
        offer_proxy_clients(context, &mut command, proxy_clients::install(&context.workspace))?;
        process::run(&mut command)?;
        return Ok(Outcome::NotRun(format!("the tests that need Docker: {cause}; all others passed")));
    }
    sweep::run()?;
    // Both wait for other programs most of the time.
    let workspace = &context.workspace;
    let installed = thread::scope(|scope| {
        let clients = scope.spawn(|| proxy_clients::install(workspace));
        images::build(workspace, binaries)?;
        clients.join().map_err(|_| Failure::other("the installation of Toxiproxy's clients panicked"))
    })?;
    offer_proxy_clients(context, &mut command, installed)?;
    command.args(["--run-ignored", "all", "-E", &format!("not ({LONG_TESTS})")]);
    let tested = process::run(command.env("GAUNTLET_IMAGES", "of-tests"));
    sweep::run()?;
    passed(tested)
}

/// Tells the tests where Toxiproxy's clients are. Only CI requires them.
fn offer_proxy_clients(
    context: &Context,
    command: &mut Command,
    installed: Result<PathBuf, Failure>,
) -> Result<(), Failure> {
    match installed {
        Ok(directory) => {
            command.env(proxy_clients::VARIABLE, directory);
        }
        Err(failure) if context.is_in_ci => return Err(failure),
        Err(failure) => eprintln!("the tests with Toxiproxy's clients are skipped: {failure}"),
    }
    Ok(())
}

/// The script that cargo runs as rustdoc: it builds the documentation from the libraries that were built for its examples.
const RUSTDOC: &str = "ci/rustdoc";

fn documentation(context: &Context) -> Result<Outcome, Failure> {
    let mut command = context.cargo.build_command(&["test", "--doc"]);
    command.args(["--workspace", "--quiet", "--features", FEATURES]);
    let script = context.workspace.path(RUSTDOC).display().to_string();
    command.arg("--config").arg(format!("build.rustdoc={script:?}"));
    // Its output would mix with that of the tests.
    passed(process::output(&mut command).map(drop))
}

fn catalogues(context: &Context) -> Result<Outcome, Failure> {
    passed(docs::check(&context.workspace, context.binaries()?))
}

/// Runs of the harness that are under way at once. A run waits for deadlines half of its time.
const GATES_AT_ONCE: usize = 2;

/// Runs the harness with each of these lists of flags and prints its output; all runs must pass.
pub(crate) fn judge(context: &Context, runs: Vec<Vec<&str>>) -> Result<(), Failure> {
    let harness = context.binaries()?.path(Binary::Harness);
    let run = |flags: Vec<&str>| (flags.join(" "), process::output(Command::new(&harness).args(&flags)));
    let mut failures = Vec::new();
    parallel::for_each(GATES_AT_ONCE, runs, run, |(flags, printed)| match printed {
        Ok(output) => println!("$ harness {flags}\n{output}"),
        Err(failure) => failures.push(failure.to_string()),
    });
    if failures.is_empty() { Ok(()) } else { Err(Failure::other(failures.join("\n"))) }
}

fn gate(context: &Context) -> Result<Outcome, Failure> {
    let zoo = context.binaries()?.path(Binary::Zoo);
    let index = zoo_command(&zoo, Protocol::Index, None);
    let runs = vec![
        vec!["--seed", "7", "--concurrency", "100", "--strict"],
        vec!["--protocol", "wisdom", "--seed", "1", "--strict", "--process"],
        vec!["--exec", &index, "--seed", "1", "--strict"],
    ];
    passed(judge(context, runs))
}

fn metrics(context: &Context) -> Result<Outcome, Failure> {
    let missing = process::missing_programs(prometheus::PROGRAMS);
    if !missing.is_empty() {
        return Ok(Outcome::NotRun(format!("it needs {}", missing.join(" and "))));
    }
    passed(prometheus::check(&context.workspace, context.binaries()?))
}

fn operations(context: &Context) -> Result<Outcome, Failure> {
    let missing = process::missing_programs(operations::PROGRAMS);
    if !missing.is_empty() {
        return Ok(Outcome::NotRun(format!("it needs {}", missing.join(" and "))));
    }
    passed(operations::check(&context.workspace, context.binaries()?))
}

/// Returns why Docker cannot be used, if it cannot.
///
/// # Errors
/// The run happens in CI, where a daemon must answer.
pub(crate) fn docker_is_missing(context: &Context) -> Result<Option<Outcome>, Failure> {
    const CAUSE: &str = "no Docker daemon answers";
    if docker::is_available() {
        return Ok(None);
    }
    if context.is_in_ci {
        return Err(Failure::other(format!("{CAUSE}, and CI=true requires one")));
    }
    Ok(Some(Outcome::NotRun(CAUSE.to_owned())))
}

fn compose(context: &Context) -> Result<Outcome, Failure> {
    if let Some(outcome) = docker_is_missing(context)? {
        return Ok(outcome);
    }
    if process::find_program("docker-compose").is_none() {
        return Ok(Outcome::NotRun("it needs docker-compose".to_owned()));
    }
    images::build(&context.workspace, context.binaries()?)?;
    // A project name that no other run has, and a free port.
    let project = format!("gauntlet-{}", std::process::id());
    let compose = |arguments: &[&str]| {
        let mut command = Command::new("docker-compose");
        command.args(["--project-name", &project]).args(arguments);
        process::run(command.env("PORT", "0").current_dir(&context.workspace.root))
    };
    let judged = compose(&["up", "--no-build", "--exit-code-from", "gate", "gate"]);
    compose(&["down"])?;
    passed(judged)
}
