//! Recorded histories, judged again without a server: what is said of them, and with which exit code.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use driver::history::Ending;
use driver::history::Event;
use driver::history::EventKind;
use driver::history::Reader;
use driver::history::VERSION;
use driver::history::Writer;
use driver::history::{Header, Params};
use insta::assert_snapshot;
use mutants::{BUGS, Bug, Level};
use tempfile::TempDir;

use crate::support::{Said, TINY, harness, replay, zoo};

/// A directory with a history in it, which goes with the directory.
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

    /// A replay of the tiny fixture by three clients, of the built-in server or of one from the zoo.
    fn of_replay(bug: Option<&str>) -> Self {
        let addr = bug.map(|bug| zoo(bug).to_string());
        Self::new(|path| {
            let mut flags = vec!["--fixture", TINY, "--seed", "1", "--concurrency", "3", "--record", path];
            flags.extend(addr.iter().flat_map(|addr| ["--addr", addr.as_str()]));
            replay(&flags);
        })
    }

    fn judge(&self) -> Said {
        self.judge_as(&self.path)
    }

    fn judge_as(&self, path: &Path) -> Said {
        let mut said = harness(&["judge", path.to_str().unwrap()]);
        assert!(!said.stderr.contains("panicked"), "{said:?}");
        let place = self.directory.path().to_str().unwrap();
        said.stdout = said.stdout.replace(place, "[directory]");
        said.stderr = said.stderr.replace(place, "[directory]");
        said
    }

    /// The history with other bytes.
    fn judge_bytes(&self, bytes: &[u8]) -> Said {
        let path = self.directory.path().join("other");
        fs::write(&path, bytes).unwrap();
        self.judge_as(&path)
    }

    fn lines(&self) -> String {
        let lines = zstd::stream::decode_all(File::open(&self.path).unwrap()).unwrap();
        String::from_utf8(lines).unwrap()
    }
}

/// How often clients go round depends on how they meet.
fn without_counts(said: &Said) -> String {
    let counts = regex_lite::Regex::new(r"[\d,]+ operations?").unwrap();
    counts.replace_all(&said.redacted(), "[count] operations").into_owned()
}

#[test]
fn a_replay_of_the_built_in_server_passes_again() {
    let recorded = Recorded::of_replay(None);
    assert_snapshot!(without_counts(&recorded.judge()));
    // What `zstd -dc` makes of it says the same.
    let lines = recorded.judge_bytes(recorded.lines().as_bytes());
    assert_eq!(lines.stdout.replace("/other", "/history.zst"), recorded.judge().stdout);
}

#[test]
fn cases_of_the_built_in_server_pass_again_and_their_requests_keep_the_rules() {
    let recorded = Recorded::new(|path| {
        let said = harness(&[
            "--only",
            "S1,S2,S3,R1,C2,C3",
            "--skip",
            "index/S1/8",
            "--seed",
            "3",
            "--record",
            path,
        ]);
        assert_eq!(said.status, 0, "{said:?}");
    });
    let said = recorded.judge();
    assert_eq!(said.status, 0, "{said:?}");
    let parts = said.stdout.matches("plan     index/cases sha256 ").count();
    assert!(parts > 2, "{said:?}");
    assert!(said.stdout.lines().last().unwrap().starts_with(&format!("PASS {parts} parts, ")), "{said:?}");
}

/// Where the protocol is silent, or says what a server should do and not must, the rules are silent too.
#[test]
fn servers_that_break_no_must_break_no_rule() {
    let is_meant =
        |bug: &&Bug| bug.level != Level::Must && bug.mark.is_none() && !bug.clause.starts_with('C');
    let bugs: Vec<&Bug> = BUGS.iter().filter(is_meant).collect();
    assert!(bugs.len() > 20);
    for bug in bugs {
        let addr = zoo(bug.name).to_string();
        let mut status = 0;
        let recorded = Recorded::new(|path| {
            let cases = "S1,S2,S3,S5,S6,S7,S8,R4,R5,R6,R7,R8,F3,F7";
            let flags = ["--only", cases, "--skip", "index/S1/8", "--seed", "1"];
            status = harness(&[&["--addr", &addr, "--record", path], &flags[..]].concat()).status;
        });
        // On a machine that is busy with other things a reply may have come too late.
        assert_eq!(recorded.judge().status, status, "{}: {:?}", bug.name, recorded.judge());
        let nobodys = recorded.lines().replace("index/cases", "index/unheard-of");
        let said = recorded.judge_bytes(nobodys.as_bytes());
        assert_eq!(said.status, 0, "{}: {said:?}", bug.name);
    }
}

/// The bug shows to the judge of the cases, and to the rules alone where that is not asked.
#[test]
fn a_server_without_the_dependency_rule_fails_again_with_its_clause() {
    let addr = zoo("no-dependency-check").to_string();
    let recorded = Recorded::new(|path| {
        harness(&["--addr", &addr, "--only", "index/S1/1", "--seed", "1", "--record", path]);
    });
    let said = recorded.judge();
    assert_eq!(said.status, 1, "{said:?}");
    assert_snapshot!(without_counts(&said));
    let nobodys = recorded.lines().replace("index/cases", "index/unheard-of");
    let said = recorded.judge_bytes(nobodys.as_bytes());
    assert_eq!(said.status, 1, "{said:?}");
    assert_snapshot!(without_counts(&said));
}

#[test]
fn a_replay_of_a_server_without_the_dependency_rule_fails_again() {
    let recorded = Recorded::of_replay(Some("remove-ignores-dependents"));
    let said = recorded.judge();
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.stdout.contains("  clause       S3: "), "{said:?}");
    assert!(said.stdout.lines().last().unwrap().starts_with("FAIL S3 (1): 1 part, "), "{said:?}");
}

#[test]
fn a_history_that_is_cut_off_is_unknown_at_best() {
    let recorded = Recorded::of_replay(None);
    let bytes = fs::read(&recorded.path).unwrap();
    let said = recorded.judge_bytes(&bytes[..bytes.len() - 30]);
    assert_snapshot!(without_counts(&said));
    let lines = recorded.lines();
    for end in [lines.len() - 5, lines.len() / 2] {
        assert_eq!(recorded.judge_bytes(&lines.as_bytes()[..end]).status, 3);
    }
    assert_eq!(recorded.judge_bytes(&bytes[..3]).status, 3, "cut off before anything can be read");
    // What is there and wrong is wrong all the same.
    let wrong = Recorded::of_replay(Some("remove-ignores-dependents"));
    let bytes = fs::read(&wrong.path).unwrap();
    assert_eq!(wrong.judge_bytes(&bytes[..bytes.len() - 3]).status, 1);
}

#[test]
fn a_file_that_is_no_history_gets_one_clear_line() {
    let recorded = Recorded::of_replay(None);
    let lines = recorded.lines();
    let older = lines.replacen(&format!("\"history\":{VERSION}"), "\"history\":3", 1);
    for (bytes, says) in [
        (&b""[..], "is empty"),
        (b"a: b\n", "is not a history: line 1 is not a header"),
        (&[&[0x28, 0xb5, 0x2f, 0xfd][..], &[0xff; 40]].concat(), "cannot be read"),
        (older.as_bytes(), "has format version 3; this program reads version 5"),
    ] {
        let said = recorded.judge_bytes(bytes);
        assert_eq!((said.status, said.stderr.lines().count()), (2, 1), "{said:?}");
        assert!(said.stderr.starts_with("harness: the history ") && said.stderr.contains(says), "{said:?}");
        assert_eq!(said.stdout, "");
    }
    assert_eq!(harness(&["judge", "no-such-file"]).status, 2);
    assert_eq!(harness(&["judge"]).status, 2);
    // One that is damaged later is told of, after what was read of it.
    let damaged = recorded.judge_bytes(format!("{lines}more\n").as_bytes());
    assert_eq!((damaged.status, damaged.stderr.lines().count()), (2, 1), "{damaged:?}");
    assert!(damaged.stdout.contains("PASS     re-judged by its own judge, "), "{damaged:?}");
}

/// What the history says of its plan is not taken for granted.
#[test]
fn a_plan_that_cannot_be_reproduced_is_inconclusive() {
    let recorded = Recorded::of_replay(None);
    let lines = recorded.lines();
    for (from, to) in [
        ("\"seed\":\"1\"", "\"seed\":\"2\""),
        ("\"concurrency\":\"3\"", "\"concurrency\":\"4294967295\""),
        ("\"concurrency\":\"3\"", "\"concurrency\":\"many\""),
        ("tiny.deps", "missing.deps"),
    ] {
        assert!(lines.contains(from), "{from}");
        let said = recorded.judge_bytes(lines.replacen(from, to, 1).as_bytes());
        assert_eq!(said.status, 3, "{from} {to}: {said:?}");
        assert!(said.stdout.contains("  inconclusive its plan cannot be reproduced: "), "{said:?}");
    }
}

/// Histories that nobody recorded: whatever stands in them, they are judged or refused.
#[test]
fn a_history_that_was_tampered_with_does_no_harm() {
    let recorded = Recorded::of_replay(None);
    let lines = recorded.lines();
    let events: Vec<&str> = lines.lines().collect();
    let judge = |events: Vec<String>| {
        let said = recorded.judge_bytes(events.join("\n").as_bytes());
        assert!((0..=4).contains(&said.status), "{said:?}");
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

/// What is read is thrown away again: a history three times as large as the memory that there is.
#[cfg(target_os = "linux")]
#[test]
fn a_long_history_is_judged_in_little_memory() {
    const MEMORY_KIB_MAX: &str = "131072";
    const EVENTS: u64 = 400;
    let recorded = Recorded::new(|path| {
        let mut writer = Writer::new(File::create(path).unwrap()).unwrap();
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
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.ends_with("PASS 1 part, 0 operations\n"), "{said}");
    let mut reader = Reader::new(File::open(&recorded.path).unwrap()).unwrap();
    assert!(reader.next_part().unwrap().is_some());
}
