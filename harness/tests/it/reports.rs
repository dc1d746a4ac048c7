//! Reports: they say the same in every form, and they are whole whatever becomes of the target.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use harness::options::subjects;
use harness::protocols;
use insta::assert_snapshot;
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Said, Server, TINY, harness, say};

/// A run with all reports.
struct Reported {
    directory: TempDir,
    said: Said,
}

impl Reported {
    fn run(flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let (json, junit, html) = (path("report.json"), path("report.xml"), path("report.html"));
        let said = harness(&[flags, &["--json", &json, "--junit", &junit, "--html", &html]].concat());
        Self { directory, said }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    /// The verdict of each item, as JSON says it.
    fn in_json(&self) -> BTreeMap<String, String> {
        let report: Value = serde_json::from_str(&self.read("report.json")).unwrap();
        let items = report["runs"][0]["items"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        items.iter().map(|item| (text(&item["id"]), text(&item["verdict"]))).collect()
    }

    /// The same, as JUnit says it.
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

    /// Every subject has one verdict, and all forms say the same.
    fn is_whole(&self) {
        let (json, junit, html) = (self.in_json(), self.in_junit(), self.read("report.html"));
        for subject in subjects(&protocols::INDEX) {
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
            (subjects(&protocols::INDEX).len(), subjects(&protocols::INDEX).len())
        );
        self.keeps_the_schema();
        assert!(html.ends_with("</html>") && !html.contains("<script"), "{html}");
    }
}

impl Reported {
    /// The schema is checked where there is a program for that.
    fn keeps_the_schema(&self) {
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../ci/junit.xsd");
        let report = self.directory.path().join("report.xml");
        let checked = Command::new("xmllint").args(["--noout", "--schema", schema]).arg(report).output();
        if let Ok(output) = checked {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// Asserts that a JSON text conforms to a published schema.
fn assert_valid(schema: &str, text: &str) {
    let path = format!("{}/../docs/schema/{schema}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (number, line) in serde_json::Deserializer::from_str(text).into_iter::<Value>().enumerate() {
        let value = line.unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "value {number}: {errors:?} in {value}");
    }
}

#[test]
fn a_recorded_history_conforms_to_its_schema() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.zst");
    let said = harness(&[
        "--fixture",
        TINY,
        "--only",
        "index/R1/*,index/C3/5,index/replay",
        "--record",
        path.to_str().unwrap(),
    ]);
    assert_eq!(said.status, 0, "{said:?}");
    let lines = zstd::stream::decode_all(fs::File::open(&path).unwrap()).unwrap();
    assert_valid("history", &String::from_utf8(lines).unwrap());
}

fn wrong() -> SocketAddr {
    // It knows nothing of dependencies, and says more than it should of what it cannot read.
    Server::new(|asked| match asked.line.split('|').next() {
        Some("INDEX") if asked.line.split('|').count() == 3 && !asked.line.contains("||") => say("OK\n"),
        _ => asked.say_right(),
    })
    .start()
}

#[test]
fn a_wrong_server_in_all_forms() {
    // All of the replay and nothing that depends on how quick this machine is.
    let common = [
        "--fixture",
        TINY,
        "--seed",
        "1",
        "--packages",
        "15",
        "--skip",
        "index/contention*,index/S1/8,index/C1/3,index/C1/6",
    ];
    let reported = Reported::run(&[&["--addr", &wrong().to_string()], &common[..]].concat());
    assert_eq!(reported.said.status, 1, "{}", reported.said.stderr);
    reported.is_whole();
    assert_valid("report", &reported.read("report.json"));
    let verdicts = reported.in_json();
    assert_eq!((&*verdicts["index/S1/1"], &*verdicts["index/R1/1"]), ("fail", "pass"));
    assert_snapshot!(reported.said.redacted_with_counts());
}

#[test]
fn one_case_in_the_terminal() {
    let addr = wrong().to_string();
    let said = harness(&["--addr", &addr, "--only", "index/S1/1", "--seed", "1"]);
    assert_snapshot!(said.redacted());
}

#[test]
fn a_summary_for_github() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("summary.md");
    let status = Command::new(cargo_bin("harness"))
        .args([
            "--addr",
            &wrong().to_string(),
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
    assert_snapshot!(regex_lite::Regex::new(r"127\.0\.0\.1:\d+").unwrap().replace(&summary, "[addr]"));
}

#[test]
fn a_matrix_of_two_implementations() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (right_json, wrong_json, page) = (path("right.json"), path("wrong.json"), path("matrix.html"));
    let flags = ["--only", "S1,index/R1/1", "--skip", "index/S1/8", "--seed", "1"];
    let judge = |addr: &str, json: &str| harness(&[&["--addr", addr, "--json", json], &flags[..]].concat());
    judge(&Server::right().start().to_string(), &right_json);
    judge(&wrong().to_string(), &wrong_json);
    let said = harness(&["compare", &right_json, &wrong_json, "--html", &page]);
    assert_snapshot!(said.redacted());
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("index/S1/1 FAIL") && page.contains("index/S1/1 PASS"), "{page}");
    let said = harness(&["compare", TINY]);
    assert_eq!((said.status, said.stderr.lines().count()), (2, 1), "{said:?}");
}

/// How a target is given to the harness.
#[derive(Clone, Copy)]
enum Given {
    /// It is started by the harness, and started again when it dies.
    AsCommand,
    /// It stands at an address, and stays dead.
    AtAddress,
}

/// The target is killed at a moment of the run that nobody has chosen; every report is whole all the same.
#[test]
fn reports_are_whole_at_whatever_moment_the_target_dies() {
    let moments: Mutex<Vec<u32>> = Mutex::new((0..50).collect());
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
    reported.is_whole();
    // It died before the run, during it, or after it.
    assert!([0, 1, 4].contains(&reported.said.status), "{}{}", reported.said.stdout, reported.said.stderr);
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

/// Kills what the file names, once it names something.
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
