//! Recorded histories, judged again without a server: the output and the exit code.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::fs;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use tempfile::TempDir;

use driver::history::{Ending, Event, EventKind, Header, Params, Reader, VERSION, Writer};
use mutants::index::{Defect, MUTANTS};
use protocol::Level;

/// A mutant of the package index.
type Mutant = mutants::Mutant<Defect>;

use crate::support::{HarnessOutput, TINY, harness, is_full, replay, zoo};

/// A recorded history in a temporary directory.
struct Recorded {
    directory: TempDir,
    path: PathBuf,
}

impl Recorded {
    fn new(record: impl FnOnce(&str)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.zst");
        record(path.to_str().unwrap());
        Self { directory, path }
    }

    /// Records a replay of the tiny fixture by three clients, against the built-in server or a mutant.
    fn of_replay(bug: Option<&str>) -> Self {
        let addr = bug.map(|bug| zoo(bug).to_string());
        Self::new(|path| {
            let mut flags = vec!["--fixture", TINY, "--seed", "1", "--concurrency", "3", "--record", path];
            flags.extend(addr.iter().flat_map(|addr| ["--addr", addr.as_str()]));
            replay(&flags);
        })
    }

    fn judge(&self) -> HarnessOutput {
        self.judge_as(&self.path)
    }

    fn judge_as(&self, path: &Path) -> HarnessOutput {
        let mut output = harness(&["judge", path.to_str().unwrap()]);
        assert!(!output.stderr.contains("panicked"), "{output:?}");
        let place = self.directory.path().to_str().unwrap();
        output.stdout = output.stdout.replace(place, "[directory]");
        output.stderr = output.stderr.replace(place, "[directory]");
        output
    }

    /// Judges other bytes as a history.
    fn judge_bytes(&self, bytes: &[u8]) -> HarnessOutput {
        let path = self.directory.path().join("other");
        fs::write(&path, bytes).unwrap();
        self.judge_as(&path)
    }

    fn lines(&self) -> String {
        let mut lines = Vec::new();
        flate2::read::GzDecoder::new(File::open(&self.path).unwrap()).read_to_end(&mut lines).unwrap();
        String::from_utf8(lines).unwrap()
    }
}

/// Removes the counts, which depend on the timing of the clients.
fn without_counts(output: &HarnessOutput) -> String {
    let counts = regex_lite::Regex::new(r"[\d,]+ operations?").unwrap();
    counts.replace_all(&output.redacted(), "[count] operations").into_owned()
}

#[test]
fn a_recorded_replay_of_the_built_in_server_passes() {
    let recorded = Recorded::of_replay(None);
    assert_snapshot!(without_counts(&recorded.judge()));
    // The decompressed history has the same result.
    let lines = recorded.judge_bytes(recorded.lines().as_bytes());
    assert_eq!(lines.stdout.replace("/other", "/history.zst"), recorded.judge().stdout);
}

#[test]
fn recorded_cases_of_the_built_in_server_pass_and_are_linearizable() {
    let recorded = Recorded::new(|path| {
        let output = harness(&[
            "--only",
            "S1,S2,S3,R1,C2,C3",
            "--skip",
            "index/S1/8",
            "--seed",
            "3",
            "--record",
            path,
        ]);
        assert_eq!(output.status, 0, "{output:?}");
    });
    let output = recorded.judge();
    assert_eq!(output.status, 0, "{output:?}");
    let parts = output.stdout.matches("plan     index/cases sha256 ").count();
    assert!(parts > 2, "{output:?}");
    assert!(
        output.stdout.lines().last().unwrap().starts_with(&format!("PASS {parts} parts, ")),
        "{output:?}"
    );
}

/// The linearizability check applies only MUST rules.
#[test]
fn servers_that_violate_no_must_are_linearizable() {
    let is_meant =
        |bug: &&Mutant| bug.level != Level::Must && bug.mark.is_none() && !bug.clause.id.starts_with('C');
    let bugs: Vec<&Mutant> = MUTANTS.iter().filter(is_meant).collect();
    assert!(bugs.len() > 20);
    // Each run takes seconds of the processor.
    for bug in bugs.into_iter().step_by(if is_full() { 1 } else { 4 }) {
        let addr = zoo(bug.name).to_string();
        let mut status = 0;
        let recorded = Recorded::new(|path| {
            let cases = "S1,S2,S3,S5,S6,S7,S8,R4,R5,R6,R7,R8,F3,F7";
            let flags = ["--only", cases, "--skip", "index/S1/8", "--seed", "1"];
            status = harness(&[&["--addr", &addr, "--record", path], &flags[..]].concat()).status;
        });
        // On a busy machine, a reply may have been late.
        assert_eq!(recorded.judge().status, status, "{}: {:?}", bug.name, recorded.judge());
        let unknown_workload = recorded.lines().replace("index/cases", "index/unheard-of");
        let output = recorded.judge_bytes(unknown_workload.as_bytes());
        assert_eq!(output.status, 0, "{}: {output:?}", bug.name);
    }
}

/// Frames are no lines of the package index, although some contain line ends.
#[test]
fn a_history_of_another_protocol_has_no_operations_on_an_index() {
    let recorded = Recorded::new(|path| {
        let flags = ["--protocol", "wisdom", "--only", "wisdom/W0*", "--seed", "3", "--record", path];
        assert_eq!(harness(&flags).status, 0);
    });
    let output = recorded.judge();
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stdout.lines().last().unwrap().ends_with(" parts, 0 operations"), "{output:?}");
}

/// Both the judge of the cases and the linearizability check alone detect the mutant.
#[test]
fn recorded_cases_without_the_dependency_rule_fail_with_its_clause() {
    let addr = zoo("no-dependency-check").to_string();
    let recorded = Recorded::new(|path| {
        harness(&["--addr", &addr, "--only", "index/S1/1", "--seed", "1", "--record", path]);
    });
    let output = recorded.judge();
    assert_eq!(output.status, 1, "{output:?}");
    assert_snapshot!(without_counts(&output));
    let unknown_workload = recorded.lines().replace("index/cases", "index/unheard-of");
    let output = recorded.judge_bytes(unknown_workload.as_bytes());
    assert_eq!(output.status, 1, "{output:?}");
    assert_snapshot!(without_counts(&output));
}

#[test]
fn a_recorded_replay_without_the_dependency_rule_fails() {
    let recorded = Recorded::of_replay(Some("remove-ignores-dependents"));
    let output = recorded.judge();
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stdout.contains("  clause       S3: "), "{output:?}");
    assert!(output.stdout.lines().last().unwrap().starts_with("FAIL S3 (1): 1 part, "), "{output:?}");
}

#[test]
fn a_truncated_history_is_at_best_unknown() {
    let recorded = Recorded::of_replay(None);
    let bytes = fs::read(&recorded.path).unwrap();
    let output = recorded.judge_bytes(&bytes[..bytes.len() - 30]);
    assert_snapshot!(without_counts(&output));
    let lines = recorded.lines();
    for end in [lines.len() - 5, lines.len() / 2] {
        assert_eq!(recorded.judge_bytes(&lines.as_bytes()[..end]).status, 3);
    }
    assert_eq!(recorded.judge_bytes(&bytes[..3]).status, 3, "cut off before anything can be read");
    // A violation in a truncated history is still a violation.
    let defective = Recorded::of_replay(Some("remove-ignores-dependents"));
    let bytes = fs::read(&defective.path).unwrap();
    assert_eq!(defective.judge_bytes(&bytes[..bytes.len() - 3]).status, 1);
}

#[test]
fn a_file_that_is_not_a_history_is_refused_in_one_line() {
    let recorded = Recorded::of_replay(None);
    let lines = recorded.lines();
    let older = lines.replacen(&format!("\"history\":{VERSION}"), "\"history\":3", 1);
    for (bytes, message) in [
        (&b""[..], "is empty"),
        (b"a: b\n", "is not a history: line 1 is not a header"),
        (&[&[0x1f, 0x8b][..], &[0xff; 40]].concat(), "cannot be read"),
        (older.as_bytes(), "has format version 3"),
    ] {
        let output = recorded.judge_bytes(bytes);
        assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
        assert!(
            output.stderr.starts_with("harness: the history ") && output.stderr.contains(message),
            "{output:?}"
        );
        assert_eq!(output.stdout, "");
    }
    assert_eq!(harness(&["judge", "no-such-file"]).status, 2);
    assert_eq!(harness(&["judge"]).status, 2);
    // A history with damage at the end is judged up to the damage, which is then reported.
    let damaged = recorded.judge_bytes(format!("{lines}more\n").as_bytes());
    assert_eq!((damaged.status, damaged.stderr.lines().count()), (2, 1), "{damaged:?}");
    assert!(damaged.stdout.contains("PASS     re-judged by its own judge, "), "{damaged:?}");
}

/// The judge does not trust the plan data of a history.
#[test]
fn a_plan_that_cannot_be_reproduced_is_unknown() {
    let recorded = Recorded::of_replay(None);
    let lines = recorded.lines();
    for (from, to) in [
        ("\"seed\":\"1\"", "\"seed\":\"2\""),
        ("\"concurrency\":\"3\"", "\"concurrency\":\"4294967295\""),
        ("\"concurrency\":\"3\"", "\"concurrency\":\"many\""),
        ("tiny.deps", "missing.deps"),
    ] {
        assert!(lines.contains(from), "{from}");
        let output = recorded.judge_bytes(lines.replacen(from, to, 1).as_bytes());
        assert_eq!(output.status, 3, "{from} {to}: {output:?}");
        assert!(output.stdout.contains("  inconclusive its plan cannot be reproduced: "), "{output:?}");
    }
}

/// Forged histories are judged or refused, whatever their content.
#[test]
fn a_forged_history_causes_no_panic() {
    let recorded = Recorded::of_replay(None);
    let lines = recorded.lines();
    let events: Vec<&str> = lines.lines().collect();
    let judge = |events: Vec<String>| {
        let output = recorded.judge_bytes(events.join("\n").as_bytes());
        assert!((0..=4).contains(&output.status), "{output:?}");
    };
    let whole = || events.iter().map(|event| (*event).to_owned());
    judge(whole().take(1).chain(whole().skip(1).rev()).collect());
    judge(whole().take(1).chain(whole().skip(1).step_by(2)).collect());
    judge(whole().take(1).chain(whole().skip(1).flat_map(|event| [event.clone(), event])).collect());
    judge(whole().map(|event| event.replace("\"client\":1", "\"client\":4000000000")).collect());
    judge(whole().map(|event| event.replace("\"at_ns\":1", "\"at_ns\":1844674407370955161")).collect());
    judge(whole().map(|event| event.replace("\"connection\":2", "\"connection\":1")).collect());
    judge(whole().map(|event| event.replace("{\"phase\":2}", "{\"phase\":1}")).collect());
    judge(
        whole()
            .map(|event| event.replace("\"closed\"", "{\"timed_out\":{\"waited_ns\":1,\"late_ns\":9}}"))
            .collect(),
    );
}

/// Events are discarded after judging: the history is three times as large as the available memory.
#[cfg(target_os = "linux")]
#[test]
fn a_long_history_is_judged_in_bounded_memory() {
    const MEMORY_KIB_MAX: &str = "131072";
    const EVENTS: u64 = 400;
    let recorded = Recorded::new(|path| {
        let mut writer = Writer::new(File::create(path).unwrap());
        let workload = "index/unheard-of".to_owned();
        let header =
            Header { history: VERSION, workload, params: Params::default(), plan_sha256: "00".to_owned() };
        writer.begin(&header).unwrap();
        let message = "x".repeat(1 << 20);
        let lost = |at_ns| {
            let failure = driver::history::Failure {
                kind: driver::history::FailureKind::Other,
                message: message.clone(),
            };
            Event { at_ns, client: 0, connection: 1, event: EventKind::Lost(failure) }
        };
        (0..EVENTS).for_each(|at_ns| writer.write(&lost(at_ns)).unwrap());
        let event = EventKind::RunEnded(Ending::Finished);
        writer.write(&Event { at_ns: EVENTS, client: 0, connection: 0, event }).unwrap();
        writer.finish().unwrap().flush().unwrap();
    });
    let binary = assert_cmd::cargo::cargo_bin("harness");
    let command = format!(
        "ulimit -v {MEMORY_KIB_MAX} && exec '{}' judge '{}'",
        binary.display(),
        recorded.path.display()
    );
    let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    assert!(stdout.ends_with("PASS 1 part, 0 operations\n"), "{stdout}");
    let mut reader = Reader::new(File::open(&recorded.path).unwrap()).unwrap();
    assert!(reader.next_part().unwrap().is_some());
}
