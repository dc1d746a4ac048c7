//! The job for GitLab.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::archives::Archives;
use crate::reports::{Reports, Seen};
use crate::script::{self, Ran};
use crate::targets::{self, IMAGE, Listening, binary};

const TEXT: &str = include_str!("../../gate/gitlab.yml");

#[derive(Deserialize)]
struct File {
    #[serde(rename = ".gauntlet")]
    job: Job,
}

#[derive(Deserialize)]
struct Job {
    variables: BTreeMap<String, String>,
    script: Vec<String>,
    artifacts: Artifacts,
}

#[derive(Deserialize)]
struct Artifacts {
    when: String,
    paths: Vec<String>,
    reports: JobReports,
}

#[derive(Deserialize)]
struct JobReports {
    junit: String,
}

/// Runs the job with these variables.
fn run(set: &[(&str, &str)]) -> Seen {
    let Job { mut variables, script, artifacts } = serde_saphyr::from_str::<File>(TEXT).unwrap().job;
    let place = tempfile::tempdir().unwrap();
    let harness = binary("harness").display().to_string();
    let own = [
        ("GAUNTLET_HARNESS", &*harness),
        ("GAUNTLET_FLAGS", "--only S1,S2 --seed 7"),
        ("CI_PROJECT_DIR", place.path().to_str().unwrap()),
    ];
    variables.extend(own.iter().chain(set).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let variables: Vec<(String, String)> = variables.into_iter().collect();
    let Ran { status, output } = script::run(&script.join("\n"), place.path(), &variables);
    assert_eq!(artifacts.when, "always");
    let [directory] = &artifacts.paths[..] else { panic!("{:?}", artifacts.paths) };
    let reports = Reports::read(&place.path().join(directory));
    assert!(place.path().join(&artifacts.reports.junit).exists(), "{}", artifacts.reports.junit);
    Seen { status, reports, outputs: None, summary: String::new(), printed: output }
}

#[test]
fn commands_are_judged() {
    run(&[("GAUNTLET_EXEC", &targets::correct())]).expect("pass", 0);
    run(&[("GAUNTLET_EXEC", &targets::violating())]).expect("fail", 1);
}

#[test]
fn an_address_is_judged() {
    let server = Listening::start();
    run(&[("GAUNTLET_ADDR", &server.addr)]).expect("pass", 0);
}

/// The job takes the version and the script from the source.
#[test]
fn the_archive_of_the_version_is_downloaded() {
    let archives = Archives::serve();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    if !std::path::Path::new(source).join(".git").exists() {
        // An archive of the source cannot be cloned.
        return;
    }
    let variables = [
        ("GAUNTLET_EXEC", &*targets::correct()),
        ("GAUNTLET_HARNESS", ""),
        ("GAUNTLET_GIT", source),
        ("GAUNTLET_ARCHIVES", &archives.url),
        ("PATH", &archives.search_path()),
    ];
    run(&variables).expect("pass", 0);
    assert_eq!(archives.built_programs(), [""; 0]);
}

#[test]
#[ignore = "needs a Docker daemon, and the images of `cargo ci images`"]
fn an_image_is_judged() {
    run(&[("GAUNTLET_IMAGE", IMAGE)]).expect("pass", 0);
}
