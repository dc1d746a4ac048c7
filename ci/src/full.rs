//! The steps of `cargo ci full`: what a pull request does not need each time.

use crate::bench;
use crate::chaos;
use crate::command_line::{
    BenchFlags, ChaosFlags, ChaosPart, CorrectFlags, ExampleFlags, MutantFlags, Protocol,
};
use crate::correct_servers;
use crate::docker;
use crate::example_servers;
use crate::failure::Failure;
use crate::images;
use crate::module_cycles;
use crate::mutant_runs;
use crate::packages;
use crate::process;
use crate::site;
use crate::steps::{Context, Outcome, Step};
use crate::test::{docker_is_missing, judge, nextest};

/// The steps in the order in which they run: quick ones first.
pub(crate) const STEPS: &[Step] = &[
    Step::new("licences", "cargo-deny: bans, licences, sources", deny),
    Step::new("runtimes", "the server depends on no part of tokio except channels", runtimes),
    Step::new("modules", "the modules of each crate import each other without cycles", modules),
    Step::new("without-docker", "tests and lints without container support", without_docker),
    Step::new("gate-builds", "the GitHub action builds the harness by itself", gate_builds),
    Step::new("site", "the documentation as a site, without broken links", documentation_site),
    Step::new("repetitions", "the tests that repeat runs, with all repetitions", repetitions),
    Step::new("mutants", "every mutant of the package index, five seeds", mutants_of_index),
    Step::new("mutants-wisdom", "every mutant of WOW/1, five seeds", mutants_of_wisdom),
    Step::new("correct", "correct servers with unusual behaviour, five seeds", correct_servers),
    Step::new("examples", "the example servers in six languages, correct and with defects", examples),
    Step::new("chaos-matrix", "every fault in every state, both protocols", chaos_matrix),
    Step::new("chaos-mutants", "chaos against mutants and correct servers", chaos_runs),
    Step::new("images", "the images that ship, and their sizes", shipped_images),
    Step::new("from-source", "the images as the Dockerfile builds them from source", from_source),
    Step::new("bench", "all measurements", measurements),
];

fn deny(context: &Context) -> Result<Outcome, Failure> {
    if process::find_program("cargo-deny").is_none() {
        return Ok(Outcome::NotRun("it needs cargo-deny".to_owned()));
    }
    let arguments = ["deny", "--locked", "check", "bans", "licenses", "sources"];
    process::run(&mut context.cargo.command(&arguments)).map(|()| Outcome::Passed)
}

/// The features of tokio that the server may have through hyper: channels, and no runtime.
const TOKIO_FEATURES: [&str; 2] = ["default", "sync"];

fn runtimes(context: &Context) -> Result<Outcome, Failure> {
    let arguments =
        ["tree", "--locked", "--quiet", "--package", "server", "--edges", "normal,build,features"];
    let tree = process::output(context.cargo.command(&arguments).args(["--prefix", "none"]))?;
    let excess = excess_tokio_features(&tree);
    if excess.is_empty() {
        return Ok(Outcome::Passed);
    }
    Err(Failure::other(format!("the server depends on these features of tokio: {}", excess.join(", "))))
}

/// Returns the features of tokio in the output of `cargo tree` that the server may not have.
fn excess_tokio_features(tree: &str) -> Vec<&str> {
    let features = tree.lines().filter_map(|line| line.strip_prefix("tokio feature \"")?.split('"').next());
    let mut excess: Vec<&str> = features.filter(|feature| !TOKIO_FEATURES.contains(feature)).collect();
    excess.sort_unstable();
    excess.dedup();
    excess
}

fn modules(context: &Context) -> Result<Outcome, Failure> {
    if process::find_program("cargo-modules").is_none() {
        return Ok(Outcome::NotRun("it needs cargo-modules".to_owned()));
    }
    let mut problems = Vec::new();
    for package in packages::with_library(&context.cargo)? {
        let arguments = ["modules", "dependencies", "--package", &package, "--lib"];
        let graph = process::output(context.cargo.command(&arguments).args(module_cycles::FLAGS))?;
        let modules = module_cycles::in_cycles(&graph);
        if !modules.is_empty() {
            problems.push(format!("{package}: {}", modules.join(", ")));
        }
    }
    if problems.is_empty() {
        return Ok(Outcome::Passed);
    }
    Err(Failure::other(format!("these modules import each other in cycles: {}", problems.join("; "))))
}

fn without_docker(context: &Context) -> Result<Outcome, Failure> {
    let packages = ["--package", "harness", "--package", "chaos"];
    let mut lints = context.cargo.build_command(&["clippy"]);
    process::run(lints.arg("--all-targets").args(packages))?;
    let mut tests = context.cargo.build_command(&["nextest", "run"]);
    process::run(tests.args(packages).args(["-E", "test(without_docker)"])).map(|()| Outcome::Passed)
}

fn gate_builds(context: &Context) -> Result<Outcome, Failure> {
    context.binaries()?;
    let test = "package(ci) & test(without_a_harness_the_action_builds_one)";
    let arguments = ["--profile", "ci", "--run-ignored", "only", "-E", test];
    process::run(&mut nextest(context, &arguments)?).map(|()| Outcome::Passed)
}

fn documentation_site(context: &Context) -> Result<Outcome, Failure> {
    site::run(&context.workspace, &context.workspace.target.join("site")).map(|()| Outcome::Passed)
}

/// The tests that run once for a pull request and several times here, with other seeds, in more states or with all cases.
const REPEATED_TESTS: &str = "test(/^correct_servers::/) | package(chaos) & test(/^mutants::/) | test(reports_are_complete_whenever_the_target_dies) | \
                              test(every_mutant_is_detected_with_its_clause_and_every_case_detects_one) | \
                              test(servers_that_violate_no_must_are_linearizable) | test(servers_that_differ_where_the_protocol_is_silent_pass)";

fn repetitions(context: &Context) -> Result<Outcome, Failure> {
    context.binaries()?;
    let mut command = nextest(context, &["--profile", "ci", "-E", REPEATED_TESTS])?;
    process::run(command.env("GAUNTLET_REPETITIONS", "all"))?;
    judge(context, vec![vec!["--seeds", "1..5", "--concurrency", "1,10,250"]]).map(|()| Outcome::Passed)
}

fn mutants(context: &Context, protocol: Protocol, document: &str) -> Result<Outcome, Failure> {
    let flags = MutantFlags {
        protocol,
        seeds: 1..=5,
        only: Vec::new(),
        mark: None,
        markdown: Some(context.workspace.path(document)),
        jobs: None,
    };
    mutant_runs::run(&context.workspace, &flags).map(|()| Outcome::Passed)
}

fn mutants_of_index(context: &Context) -> Result<Outcome, Failure> {
    mutants(context, Protocol::Index, "docs/ZOO.md")
}

fn mutants_of_wisdom(context: &Context) -> Result<Outcome, Failure> {
    mutants(context, Protocol::Wisdom, "docs/ZOO-wisdom.md")
}

fn chaos_flags(protocol: Protocol, is_matrix: bool) -> ChaosFlags {
    let parts = vec![ChaosPart::Mutants, ChaosPart::Correct, ChaosPart::Shrink];
    ChaosFlags { protocol, seeds: 1..=5, only: Vec::new(), parts, matrix: is_matrix, jobs: 2 }
}

fn correct_servers(context: &Context) -> Result<Outcome, Failure> {
    let flags = CorrectFlags { seeds: 1..=5, only: Vec::new(), jobs: 2 };
    correct_servers::run(&context.workspace, &flags).map(|()| Outcome::Passed)
}

fn examples(context: &Context) -> Result<Outcome, Failure> {
    for images in [false, true] {
        let flags = ExampleFlags { seeds: 1..=5, images, only: Vec::new(), jobs: 2 };
        if !images || docker::is_available() {
            example_servers::run(&context.workspace, &flags)?;
        }
    }
    Ok(Outcome::Passed)
}

fn chaos_matrix(context: &Context) -> Result<Outcome, Failure> {
    for protocol in Protocol::ALL {
        chaos::run(&context.workspace, &chaos_flags(protocol, true))?;
    }
    Ok(Outcome::Passed)
}

fn chaos_runs(context: &Context) -> Result<Outcome, Failure> {
    chaos::run(&context.workspace, &chaos_flags(Protocol::Index, false)).map(|()| Outcome::Passed)
}

fn shipped_images(context: &Context) -> Result<Outcome, Failure> {
    if let Some(outcome) = docker_is_missing(context)? {
        return Ok(outcome);
    }
    images::build_shipped(&context.workspace)?;
    // The same tests as in `cargo ci test`, and with the size that only these images have.
    let arguments = ["--profile", "ci", "--run-ignored", "only", "-E", "binary(docker)"];
    process::run(&mut nextest(context, &arguments)?).map(|()| Outcome::Passed)
}

fn from_source(context: &Context) -> Result<Outcome, Failure> {
    if let Some(outcome) = docker_is_missing(context)? {
        return Ok(outcome);
    }
    let is_root = rustix::process::getuid().is_root();
    if !is_root || process::find_program("debootstrap").is_none() {
        return Ok(Outcome::NotRun("it needs root and debootstrap".to_owned()));
    }
    images::build_from_source(&context.workspace).map(|()| Outcome::Passed)
}

fn measurements(context: &Context) -> Result<Outcome, Failure> {
    let missing = process::missing_programs(bench::PROGRAMS);
    if !missing.is_empty() {
        return Ok(Outcome::NotRun(format!("it needs {}", missing.join(" and "))));
    }
    let flags = BenchFlags { short: false, baseline: None, only: Vec::new() };
    bench::run(&context.workspace, &flags).map(|()| Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_channels_of_tokio_are_accepted() {
        let tree = "hyper feature \"server\"\ntokio feature \"sync\"\ntokio feature \"default\"\n";
        assert!(excess_tokio_features(tree).is_empty());
        let tree = format!("{tree}tokio feature \"rt\" (*)\ntokio feature \"net\"\ntokio feature \"rt\"\n");
        assert_eq!(excess_tokio_features(&tree), ["net", "rt"]);
    }
}
