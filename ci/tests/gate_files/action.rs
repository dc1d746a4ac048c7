//! The composite action for GitHub.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use regex_lite::{Captures, Regex};
use serde::Deserialize;

use crate::archives::Archives;
use crate::reports::{Reports, Seen};
use crate::script::{self, Ran};
use crate::targets::{self, IMAGE, Listening, binary};

const TEXT: &str = include_str!("../../gate/action.yml");
const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/gate");
/// Clauses that tell the servers apart, quickly.
const ONLY: &str = "S1,S2";

#[derive(Deserialize)]
struct Action {
    inputs: BTreeMap<String, Input>,
    runs: Runs,
}

#[derive(Deserialize)]
struct Input {
    default: Option<String>,
}

#[derive(Deserialize)]
struct Runs {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(rename = "if")]
    condition: Option<String>,
    uses: Option<String>,
    with: Option<Upload>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    shell: Option<String>,
    run: Option<String>,
}

#[derive(Deserialize)]
struct Upload {
    path: String,
}

fn action() -> Action {
    serde_saphyr::from_str(TEXT).unwrap()
}

type Values = BTreeMap<String, String>;

/// Runs all steps in a directory of their own, with these inputs beside a few that make runs short.
fn run(inputs: &[(&str, &str)]) -> Seen {
    run_with(inputs, &[])
}

/// The same, with these variables too.
fn run_with(inputs: &[(&str, &str)], more_variables: &[(&str, &str)]) -> Seen {
    let action = action();
    let harness = binary("harness").display().to_string();
    let mut values: Values = action
        .inputs
        .iter()
        .map(|(name, input)| (name.clone(), input.default.clone().unwrap_or_default()))
        .collect();
    let short = [("only", ONLY), ("seed", "7"), ("harness", &harness)];
    values.extend(short.iter().chain(inputs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));

    let place = tempfile::tempdir().unwrap();
    let file = |name: &str| place.path().join(name).display().to_string();
    let mut variables: Vec<(String, String)> = vec![
        ("GITHUB_OUTPUT".to_owned(), file("outputs")),
        ("GITHUB_STEP_SUMMARY".to_owned(), file("summary")),
        ("GITHUB_ACTION_PATH".to_owned(), DIRECTORY.to_owned()),
        ("RUNNER_TEMP".to_owned(), file("")),
        ("GITHUB_ACTIONS".to_owned(), "true".to_owned()),
    ];
    variables.extend(more_variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    fs::write(file("outputs"), "").unwrap();
    fs::write(file("summary"), "").unwrap();
    let workspace = place.path().join("workspace");
    fs::create_dir(&workspace).unwrap();

    let (mut status, mut reports, mut printed) = (0, Reports::default(), String::new());
    let count = variables.len();
    for step in &action.runs.steps {
        if !holds(step.condition.as_deref(), status, &values) {
            continue;
        }
        if let Some(uses) = &step.uses {
            assert!(uses.starts_with("actions/upload-artifact@"), "{uses}");
            reports = Reports::read(&workspace.join(substitute(&step.with.as_ref().unwrap().path, &values)));
            continue;
        }
        assert_eq!(step.shell.as_deref(), Some("bash"));
        variables.truncate(count);
        variables.extend(step.env.iter().map(|(name, value)| (name.clone(), substitute(value, &values))));
        let script = substitute(step.run.as_ref().unwrap(), &values);
        let Ran { status: of_step, output } = script::run(&script, &workspace, &variables);
        printed = output;
        if status == 0 {
            status = of_step;
        }
    }
    let outputs = fs::read_to_string(file("outputs")).unwrap().lines().map(str::to_owned).collect();
    let summary = fs::read_to_string(file("summary")).unwrap();
    Seen { status, reports, outputs: Some(outputs), summary, printed }
}

/// Evaluates the condition of a step. A runner adds that no step has failed.
fn holds(condition: Option<&str>, status: i32, values: &Values) -> bool {
    let holds_part = |part: &str| match part.split_once(' ') {
        None => part == "success()",
        Some((input, comparison)) => {
            let is_empty = values[input.strip_prefix("inputs.").unwrap()].is_empty();
            match comparison {
                "== ''" => is_empty,
                "!= ''" => !is_empty,
                _ => panic!("{part}"),
            }
        }
    };
    match condition {
        Some("always()") => true,
        condition => status == 0 && condition.unwrap_or("success()").split(" && ").all(holds_part),
    }
}

/// Replaces expressions, as a runner does before a shell reads the text.
fn substitute(text: &str, values: &Values) -> String {
    let expression = Regex::new(r"\$\{\{ (inputs|github)\.([a-z_-]+) \}\}").unwrap();
    let value = |found: &Captures| match (&found[1], &found[2]) {
        ("inputs", name) => values[name].clone(),
        // Nothing listens on port 1.
        ("github", "server_url") => "http://127.0.0.1:1".to_owned(),
        ("github", "action_repository") => "owner/gauntlet".to_owned(),
        other => panic!("{other:?}"),
    };
    expression.replace_all(text, value).into_owned()
}

#[test]
fn every_input_is_used_and_is_a_flag_of_the_harness() {
    let inputs: BTreeSet<String> = action().inputs.into_keys().collect();
    let is_unused = |name: &&String| !TEXT.contains(&format!("${{{{ inputs.{name} }}}}"));
    assert_eq!(inputs.iter().find(is_unused), None);
    let help = Command::new(binary("harness")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let flag = Regex::new(r"(?m)^ +--([a-z-]+)").unwrap();
    let flags: BTreeSet<&str> =
        flag.captures_iter(&help).map(|found| found.get(1).unwrap().as_str()).collect();
    let is_known = |name: &&String| {
        flags.contains(name.as_str()) || ["reports", "harness", "chaos", "archives"].contains(&name.as_str())
    };
    assert_eq!(inputs.iter().find(|name| !is_known(name)), None);
}

#[test]
fn commands_are_judged() {
    run(&[("exec", &targets::correct())]).expect("pass", 0);
    run(&[("exec", &targets::violating())]).expect("fail", 1);
}

#[test]
fn flags_reach_the_harness() {
    let correct = targets::correct();
    run(&[("exec", &correct), ("concurrency", "0")]).expect("usage", 2);
    let flags =
        [("concurrency", "10"), ("timeout", "7"), ("deadline", "40"), ("seed", ""), ("seeds", "3..3")];
    let seen = run(&[&[("exec", &*correct)], &flags[..]].concat());
    seen.expect("pass", 0);
    let options = &seen.reports.json.as_ref().unwrap()["runs"][0]["options"];
    let expected =
        [("concurrency", "10"), ("timeout", "7"), ("deadline", "40"), ("seed", "3"), ("only", ONLY)];
    for (name, value) in expected {
        assert_eq!(options[name], value, "{options}");
    }
}

#[test]
fn text_of_an_input_is_never_part_of_the_script() {
    run(&[("exec", &targets::correct()), ("skip", "S2'; exit 9 #")]).expect("usage", 2);
}

#[test]
fn addresses_are_judged() {
    run(&[("addr", &targets::unused_addr())]).expect("unreachable", 4);
    let server = Listening::start();
    run(&[("addr", &server.addr), ("strict", "true"), ("reports", "other reports")]).expect("pass", 0);
}

#[test]
fn the_target_is_broken_on_request() {
    run(&[("exec", &targets::correct()), ("chaos", "20")]).expect("pass", 0);
    // The gate passes and sets its outputs; the job fails.
    run(&[("exec", &targets::fragile()), ("chaos", "20")]).expect("pass", 1);
}

#[test]
fn the_archive_of_the_version_is_downloaded() {
    let archives = Archives::serve();
    let path = archives.search_path();
    let inputs =
        [("exec", &*targets::fragile()), ("harness", ""), ("archives", &archives.url), ("chaos", "20")];
    // Both programs come from the archive.
    run_with(&inputs, &[("PATH", &path)]).expect("pass", 1);
    assert_eq!(archives.built_programs(), [""; 0]);
}

#[test]
fn without_an_archive_or_with_a_wrong_one_the_programs_are_built() {
    let archives = Archives::serve();
    let path = archives.search_path();
    let correct = targets::correct();
    // The default is the releases of the action's repository, which do not exist here.
    run_with(&[("exec", &correct), ("harness", "")], &[("PATH", &path)]).expect("pass", 0);
    assert_eq!(archives.built_programs(), ["harness"]);
    archives.damage();
    let inputs = [("exec", &*correct), ("harness", ""), ("archives", &archives.url)];
    let seen = run_with(&inputs, &[("PATH", &path)]);
    seen.expect("pass", 0);
    assert_eq!(archives.built_programs(), ["harness", "harness"]);
}

#[test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
fn an_image_is_judged() {
    run(&[("image", IMAGE), ("port", "8080")]).expect("pass", 0);
}

#[test]
#[ignore = "builds the harness in release mode; `cargo ci full` runs it"]
fn without_a_harness_the_action_builds_one() {
    run(&[("exec", &targets::correct()), ("harness", "")]).expect("pass", 0);
}
