//! Reports: all formats agree, and they are complete even if the target is lost.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use std::{fs, thread};

use assert_cmd::cargo::cargo_bin;
use insta::assert_snapshot;
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tempfile::TempDir;

use harness::protocols;

use crate::support::{HarnessOutput, Server, TINY, harness, repetitions, send};

/// A run that writes all reports.
struct Reported {
    directory: TempDir,
    output: HarnessOutput,
}

impl Reported {
    fn run(flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let (json, junit, html) = (path("report.json"), path("report.xml"), path("report.html"));
        let output = harness(&[flags, &["--json", &json, "--junit", &junit, "--html", &html]].concat());
        Self { directory, output }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    /// Returns the verdict of each item in the JSON report.
    fn in_json(&self) -> BTreeMap<String, String> {
        let report: Value = serde_json::from_str(&self.read("report.json")).unwrap();
        let items = report["runs"][0]["items"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        items.iter().map(|item| (text(&item["id"]), text(&item["verdict"]))).collect()
    }

    /// Returns the verdict of each item in the JUnit report.
    fn in_junit(&self) -> BTreeMap<String, &'static str> {
        let report = Report::deserialize_from_str(&self.read("report.xml")).unwrap();
        let word = |status: &TestCaseStatus| match status {
            TestCaseStatus::Success { .. } => "pass",
            TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, .. } => "fail",
            TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. } => "error",
            TestCaseStatus::Skipped { .. } => "skipped",
        };
        let cases = report.test_suites.iter().flat_map(|suite| &suite.test_cases);
        cases.map(|case| (case.name.to_string(), word(&case.status))).collect()
    }

    /// Checks that every subject has one verdict, and that all formats agree.
    fn is_complete(&self) {
        let (json, junit, html) = (self.in_json(), self.in_junit(), self.read("report.html"));
        for subject in protocols::INDEX.subjects() {
            let verdict = json.get(subject.id).unwrap_or_else(|| panic!("no verdict for {}", subject.id));
            let expected = match verdict.as_str() {
                "pass" => "pass",
                "fail" => "fail",
                "unknown" | "unreachable" => "error",
                _ => "skipped",
            };
            assert_eq!(junit[subject.id], expected, "{}", subject.id);
            assert!(html.contains(&format!("<strong>{}</strong>", subject.id)), "{}", subject.id);
        }
        assert_eq!(
            (json.len(), junit.len()),
            (protocols::INDEX.subjects().len(), protocols::INDEX.subjects().len())
        );
        self.conforms_to_schema();
        assert!(html.ends_with("</html>") && !html.contains("<script"), "{html}");
    }
}

impl Reported {
    /// Validates the JUnit report against its schema, if a validator is installed.
    fn conforms_to_schema(&self) {
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../ci/junit.xsd");
        let report = self.directory.path().join("report.xml");
        let checked = Command::new("xmllint").args(["--noout", "--schema", schema]).arg(report).output();
        if let Ok(output) = checked {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

fn defective() -> SocketAddr {
    // The server ignores dependencies, and explains its errors in the reply.
    Server::new(|received| match received.line.split('|').next() {
        Some("INDEX") if received.line.split('|').count() == 3 && !received.line.contains("||") => {
            send("OK\n")
        }
        _ => received.correct_act(),
    })
    .start()
}

#[test]
fn a_defective_server_in_all_formats() {
    // The whole replay, and no case whose execution depends on the speed of the machine. With several clients, the number of
    // findings and the client whose reply is wrong differ from run to run.
    let common = [
        "--concurrency",
        "1",
        "--fixture",
        TINY,
        "--seed",
        "1",
        "--packages",
        "15",
        "--skip",
        "index/official,index/contention*,index/S1/8,index/S3/6,index/S5/6,index/R8/3,index/F3/7,index/C1/3,index/C1/6",
    ];
    let reported = Reported::run(&[&["--addr", &defective().to_string()], &common[..]].concat());
    assert_eq!(reported.output.status, 1, "{}", reported.output.stderr);
    reported.is_complete();
    let verdicts = reported.in_json();
    assert_eq!((&*verdicts["index/S1/1"], &*verdicts["index/R1/1"]), ("fail", "pass"));
    assert_snapshot!(reported.output.redacted_with_counts());
}

#[test]
fn one_case_in_the_terminal() {
    let addr = defective().to_string();
    let output = harness(&["--addr", &addr, "--only", "index/S1/1", "--seed", "1"]);
    assert_snapshot!(output.redacted());
}

#[test]
fn a_summary_for_github() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("summary.md");
    let status = Command::new(cargo_bin("harness"))
        .args([
            "--addr",
            &defective().to_string(),
            "--only",
            "S1",
            "--skip",
            "index/S1/6,index/S1/8",
            "--seed",
            "1",
        ])
        .env("GITHUB_STEP_SUMMARY", &path)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
    let summary = fs::read_to_string(path).unwrap();
    assert_snapshot!(of_any_machine(&summary));
}

/// Redacts addresses, and the line about the program, the machine and the time.
fn of_any_machine(report: &str) -> String {
    let addr = regex_lite::Regex::new(r"127\.0\.0\.1[: ]\d+").unwrap();
    let origin = regex_lite::Regex::new(r"(?i)(gauntlet) \d+\.\d+\.\d+.*, Linux .* processors?.*\n").unwrap();
    let report = addr.replace_all(report, "[addr]").into_owned();
    assert!(origin.is_match(&report), "{report}");
    origin.replace_all(&report, "$1 [version, time, host]\n").into_owned()
}

/// A run of some cases against a defective server, in a GitHub workflow if wanted.
fn run_of_some_cases(flags: &[&str], is_in_workflow: bool) -> String {
    let mut command = Command::new(cargo_bin("harness"));
    command.args(["--addr", &defective().to_string()]);
    if !flags.contains(&"--seed") {
        command.args(["--seed", "1"]);
    }
    command.args(["--only", "S1,index/R1/1", "--skip", "index/S1/6,index/S1/8"]).args(flags);
    command.env_remove("GITHUB_STEP_SUMMARY").env("GITHUB_ACTIONS", is_in_workflow.to_string());
    let output = command.stderr(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn annotations_for_github() {
    let lines = |is_in_workflow| -> String {
        let output = run_of_some_cases(&[], is_in_workflow);
        let annotations: Vec<&str> = output.lines().filter(|line| line.starts_with("::")).collect();
        annotations.join("\n")
    };
    assert_snapshot!(
        regex_lite::Regex::new(r"127\.0\.0\.1[: ]\d+").unwrap().replace_all(&lines(true), "[addr]")
    );
    assert_eq!(lines(false), "");
}

#[test]
fn a_report_in_tap_and_a_badge() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let list = path("known-failures");
    fs::write(&list, "index/S1/2  we know\n").unwrap();
    run_of_some_cases(
        &["--tap", &path("report.tap"), "--badge", &path("badge.svg"), "--expect", &list],
        false,
    );
    let tap = fs::read_to_string(path("report.tap")).unwrap();
    assert_snapshot!("tap", of_any_machine(&tap));
    assert_snapshot!("badge", fs::read_to_string(path("badge.svg")).unwrap());
}

#[test]
fn a_matrix_of_two_implementations() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (correct_json, defective_json, page) =
        (path("correct.json"), path("defective.json"), path("matrix.html"));
    let flags = ["--only", "S1,index/R1/1", "--skip", "index/S1/8", "--seed", "1"];
    let judge = |addr: &str, json: &str| harness(&[&["--addr", addr, "--json", json], &flags[..]].concat());
    judge(&Server::correct().start().to_string(), &correct_json);
    judge(&defective().to_string(), &defective_json);
    let output = harness(&["compare", &correct_json, &defective_json, "--html", &page]);
    assert_snapshot!(output.redacted());
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("index/S1/1 FAIL") && page.contains("index/S1/1 PASS"), "{page}");
    let output = harness(&["compare", TINY]);
    assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
}

#[test]
fn a_common_test_report_of_a_run() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.ctrf.json");
    run_of_some_cases(&["--ctrf", path.to_str().unwrap()], false);
    let report: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let summary = &report["results"]["summary"];
    let count = |name: &str| summary[name].as_u64().unwrap();
    assert!(count("failed") > 0 && count("passed") > 0, "{summary}");
    assert_eq!(count("tests"), count("passed") + count("failed") + count("skipped") + count("other"));
    assert!(count("start") > 1_700_000_000_000 && count("start") <= count("stop"), "{summary}");
}

#[test]
fn flaky_items_are_reported_and_decide_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let addr = defective().to_string();
    let flags = ["--addr", &addr, "--seed", "1", "--only", "index/S1/1,index/R1/1", "--flaky"];
    let judged = |list: &str, more: &[&str]| {
        fs::write(path("flaky"), list).unwrap();
        harness(&[&flags[..], &[path("flaky").as_str()], more].concat())
    };
    let output = judged("index/S1/1  sometimes\nindex/R1/1  sometimes\n", &[]);
    assert_eq!(output.status, 0, "{}", output.stdout);
    assert!(output.stdout.contains("flaky: sometimes"), "{}", output.stdout);
    // A known failure that passes would be an error.
    assert_eq!(judged("index/R1/1  sometimes\n", &[]).status, 1);
    fs::write(path("known"), "index/S1/1  known\n").unwrap();
    let output = judged("index/S1/1  sometimes\n", &["--expect", &path("known")]);
    assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
}

#[test]
fn what_failed_is_run_again_with_its_seed() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (first, again) = (path("first.json"), path("again.json"));
    run_of_some_cases(&["--json", &first, "--seed", "77"], false);
    let judge = |addr: &str| harness(&["--addr", addr, "--again", &first, "--json", &again]);
    let output = judge(&defective().to_string());
    assert_eq!(output.status, 1, "{}", output.stdout);
    assert!(output.stdout.contains("--seed 77"), "{}", output.stdout);
    let output = judge(&Server::correct().start().to_string());
    assert_eq!(output.status, 0, "{}", output.stdout);
    let report: Value = serde_json::from_str(&fs::read_to_string(&again).unwrap()).unwrap();
    let items = report["runs"][0]["items"].as_array().unwrap();
    let ran: Vec<&str> = items
        .iter()
        .filter(|item| item["verdict"] == "pass" && item["id"] != "index/alive")
        .map(|item| item["id"].as_str().unwrap())
        .collect();
    assert!(ran.contains(&"index/S1/1") && !ran.contains(&"index/R1/1"), "{ran:?}");
    // In the second report nothing failed.
    let output = harness(&["--again", &again]);
    assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
}

#[test]
fn changes_between_two_reports() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (correct, wrong, narrow, page) =
        (path("correct.json"), path("defective.json"), path("narrow.json"), path("changes.md"));
    let judge = |addr: &str, only: &str, json: &str| {
        harness(&["--addr", addr, "--json", json, "--only", only, "--seed", "1"])
    };
    let correct_addr = Server::correct().start().to_string();
    judge(&correct_addr, "index/S1/1,index/R1/1", &correct);
    judge(&defective().to_string(), "index/S1/1,index/R1/1", &wrong);
    judge(&correct_addr, "index/R1/1", &narrow);
    let compare = |flags: &[&str]| harness(&[&["compare"], flags].concat());
    let output = compare(&[&correct, &wrong, "--fail-on", "new", "--markdown", &page]);
    assert_snapshot!("changes", output.redacted());
    assert_snapshot!("changes_markdown", fs::read_to_string(page).unwrap());
    assert_eq!(compare(&[&wrong, &correct, "--fail-on", "new,missing"]).status, 0);
    assert_eq!(compare(&[&correct, &narrow, "--fail-on", "new,missing"]).status, 0);
    let output = compare(&[&correct, &path("absent.json"), "--fail-on", "new"]);
    assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
    let output = compare(&[&correct, "--fail-on", "new"]);
    assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
}

/// The way in which the harness gets a target.
#[derive(Clone, Copy)]
enum Given {
    /// The harness starts the target, and restarts it when it dies.
    AsCommand,
    /// The target has an address, and no one restarts it.
    AtAddress,
}

/// The target is killed at a random moment of the run. Every report must be complete.
#[test]
fn reports_are_complete_whenever_the_target_dies() {
    let moments: Mutex<Vec<u32>> = Mutex::new((0..repetitions(12, 50)).collect());
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some(moment) = moments.lock().unwrap().pop() else { return };
                    let given = if moment % 2 == 0 { Given::AsCommand } else { Given::AtAddress };
                    die_once(moment.into(), given);
                }
            });
        }
    });
}

fn die_once(seed: u64, given: Given) {
    let moment = Duration::from_millis(ChaCha8Rng::seed_from_u64(seed).next_u64() % 1500);
    let directory = tempfile::tempdir().unwrap();
    let pid_file = directory.path().join("pid");
    let server = format!("'{}' built-in-server index", cargo_bin("harness").display());
    let of_target = pid_file.clone();
    let kill_then = move || {
        thread::sleep(moment);
        kill(&of_target);
    };
    let common = ["--fixture", TINY, "--skip", "index/S1/8", "--seed", "1"];
    let reported = match given {
        Given::AsCommand => {
            let command = format!("echo $$ > '{}'; exec {server} --addr {{addr}}", pid_file.display());
            let killing = thread::spawn(kill_then);
            let reported = Reported::run(&[&["--exec", &command], &common[..]].concat());
            killing.join().unwrap();
            reported
        }
        Given::AtAddress => {
            let (mut child, addr) = started(&server, &pid_file);
            let killing = thread::spawn(kill_then);
            let reported = Reported::run(&[&["--addr", &addr], &common[..]].concat());
            killing.join().unwrap();
            let _ = child.kill();
            child.wait().unwrap();
            reported
        }
    };
    reported.is_complete();
    // The target died before, during or after the run.
    assert!(
        [0, 1, 4].contains(&reported.output.status),
        "{}{}",
        reported.output.stdout,
        reported.output.stderr
    );
}

fn started(server: &str, pid_file: &Path) -> (Child, String) {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new("sh")
        .args(["-c", &format!("exec {server}")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    fs::write(pid_file, child.id().to_string()).unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let addr = line.trim().strip_prefix("listening on ").unwrap().to_owned();
    (child, addr)
}

/// Kills the process that the file names, once the file has been written.
fn kill(pid_file: &PathBuf) {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = loop {
        match fs::read_to_string(pid_file).ok().and_then(|text| text.trim().parse().ok()) {
            Some(pid) => break pid,
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
}
