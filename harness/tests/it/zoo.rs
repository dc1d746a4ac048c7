//! Positive controls: mutants with one defect each, and a correct server.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::thread;

use serde_json::Value;

use conformance::case::Runs;
use harness::protocols::INDEX;
use mutants::Mark;
use mutants::index::{self, Defect, MUTANTS};
use protocol::Level;

use crate::support::{HarnessOutput, harness, is_full};

/// A mutant of the package index.
type Mutant = mutants::Mutant<Defect>;

/// The findings of a run, from its JSON report.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) status: i32,
    /// By case or workload: the clause of its first finding.
    pub(crate) violated: BTreeMap<String, String>,
    observed: BTreeMap<String, String>,
    pub(crate) verdicts: BTreeMap<String, String>,
}

/// Runs the gate with these flags and reads its report.
pub(crate) fn gate(flags: &[&str]) -> Found {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    let HarnessOutput { status, stdout, stderr } =
        harness(&[flags, &["--json", path.to_str().unwrap()]].concat());
    let report: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let mut found = Found { status, ..Found::default() };
    for item in report["runs"][0]["items"].as_array().unwrap() {
        let id = item["id"].as_str().unwrap().to_owned();
        if let (Some("fail" | "warn"), Some(clause)) =
            (item["verdict"].as_str(), item["findings"][0]["clause"]["id"].as_str())
        {
            found.violated.insert(id.clone(), clause.to_owned());
        }
        if let Some(observed) = item["observed"].as_str() {
            found.observed.insert(id.clone(), observed.to_owned());
        }
        found.verdicts.insert(id, item["verdict"].as_str().unwrap().to_owned());
    }
    assert!(!stderr.contains("panicked"), "{stdout}{stderr}");
    found
}

/// The path of the zoo's binary.
pub(crate) static ZOO: LazyLock<PathBuf> = LazyLock::new(find_zoo);

/// Runs the gate against a server of the zoo, which the harness starts and restarts.
fn gate_on_zoo(bug: Option<&Mutant>, flags: &[&str]) -> Found {
    gate_on_zoo_under("1", bug, flags)
}

fn gate_on_zoo_under(seed: &str, bug: Option<&Mutant>, flags: &[&str]) -> Found {
    let bug = bug.map_or(String::new(), |bug| format!("--mutant {}", bug.name));
    let command = format!("{} {bug} --addr {{addr}}", ZOO.display());
    gate(&[&["--exec", &command, "--seed", seed, "--strict"], flags].concat())
}

/// Returns the zoo's binary, which belongs to another crate: the one that `GAUNTLET_ZOO` names, or the one beside the
/// harness's binary.
fn find_zoo() -> PathBuf {
    if let Some(path) = env::var_os("GAUNTLET_ZOO") {
        return path.into();
    }
    let path = assert_cmd::cargo::cargo_bin("harness").with_file_name("zoo");
    assert!(path.exists(), "{} is missing; build it with `cargo build -p mutants`", path.display());
    path
}

/// Flags for the cases alone, with a short timeout: servers of the zoo answer immediately or never.
const CASES: [&str; 4] =
    ["--skip", "index/replay,index/official,index/contention*,index/S1/8", "--timeout", "2"];

/// Flags that include the replay, for defects that appear only after many requests or with many clients. The replay of the
/// challenge's own harness would report them under C6.
const ALL: [&str; 4] = ["--skip", "index/official", "--timeout", "2"];

/// Flags for the workload in which all clients connect at once.
const OFFICIAL: [&str; 2] = ["--only", "index/official"];

const NEED_ALL: [&str; 4] = [
    "wrong-once-in-a-thousand",
    "wrong-beyond-10000-packages",
    "wrong-beyond-90-clients",
    "fails-after-30000-requests",
];

/// Mutants that the cases of their clause alone do not detect: one shows its defect in the cases of time limits, and one after
/// the requests of many cases.
const NEED_ALL_CASES: [&str; 2] = ["timeout-announced", "dies-after-3000-requests"];

/// Cases with thousands of requests or hundreds of clients, which are not run where the target seems slow.
const HEAVY: [&str; 6] = ["index/C1/3", "index/C1/6", "index/F3/7", "index/R8/3", "index/S3/6", "index/S5/6"];

fn is_of_clause(case: &str, bug: &Mutant) -> bool {
    case.starts_with(&format!("index/{}/", bug.clause.id))
}

/// For a pull request, mutants meet the cases of their clause; `cargo ci full` runs all cases against each.
fn flags_for(bug: &Mutant) -> Vec<&'static str> {
    let mut flags = match bug.name {
        "small-backlog" => return OFFICIAL.to_vec(),
        name if NEED_ALL.contains(&name) => ALL.to_vec(),
        name if is_full() || NEED_ALL_CASES.contains(&name) => CASES.to_vec(),
        _ => [&CASES[..], &["--only", bug.clause.id]].concat(),
    };
    if bug.mark == Some(Mark::Slow) {
        flags.extend(["--stall-limit", "7"]);
    }
    flags
}

/// The mutants that must be flooded until they block, which occupies a small machine completely, and the one that only a
/// case with 24,000 requests detects, which does not run where the target seems slow.
const NEED_QUIET: [&str; 3] =
    ["lock-held-while-writing", "keeps-stalled-readers", "wrong-beyond-10000-packages"];

/// Runs the gate on a mutant: again if a case was not run because a busy machine slowed the target, and only then.
fn found_of(bug: &Mutant) -> Found {
    const ATTEMPTS: usize = 5;
    let flags = flags_for(bug);
    let was_run = |found: &Found, case: &str| found.verdicts.get(case).is_none_or(|is| is != "not_run");
    let is_complete = |found: &Found| {
        let heavy = HEAVY.iter().filter(|case| is_of_clause(case, bug)).all(|case| was_run(found, case));
        heavy && (!NEED_ALL.contains(&bug.name) || was_run(found, "index/S1/8"))
    };
    let mut attempts = (0..ATTEMPTS).map(|_| gate_on_zoo(Some(bug), &flags));
    let first = attempts.next().unwrap();
    if is_complete(&first) || first.status != 0 {
        return first;
    }
    attempts.find(|found| is_complete(found)).expect("the heavy cases run at least once in some attempts")
}

/// Whether the defect appears without contention and without measurements of the process.
fn is_sequential(bug: &Mutant) -> bool {
    !matches!(bug.mark, Some(Mark::Chaos | Mark::Race))
}

/// Runs every such mutant, several in parallel, because most of the time is waiting.
fn found_of_all() -> BTreeMap<&'static str, Found> {
    let wanted = MUTANTS.iter().filter(|bug| is_sequential(bug));
    let (alone, beside): (Vec<&Mutant>, Vec<&Mutant>) =
        wanted.partition(|bug| NEED_QUIET.contains(&bug.name));
    let todo = Mutex::new(beside);
    let found = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let Some(bug) = todo.lock().unwrap().pop() else { return };
            let of_bug = found_of(bug);
            found.lock().unwrap().insert(bug.name, of_bug);
        }
    };
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(work);
        }
    });
    let mut found = found.into_inner().unwrap();
    found.extend(alone.into_iter().map(|bug| (bug.name, found_of(bug))));
    found
}

#[test]
fn every_mutant_is_detected_with_its_clause_and_every_case_detects_one() {
    let correct = gate_on_zoo(None, &["--stall-limit", "7"]);
    assert_eq!((correct.status, &correct.violated), (0, &BTreeMap::new()));
    let all = found_of_all();
    let mut touched: BTreeSet<&str> = BTreeSet::new();
    let mut missed = Vec::new();
    for bug in MUTANTS.iter().filter(|bug| is_sequential(bug)) {
        let found = &all[bug.name];
        let changed = correct.observed.iter().filter(|(id, seen)| found.observed.get(*id) != Some(seen));
        let changed: Vec<&str> = changed.map(|(id, _)| id.as_str()).collect();
        touched.extend(found.violated.keys().filter_map(|id| INDEX.suite.find(id)).map(|case| case.id));
        let is_of_clause = |id: &&str| id.starts_with(&format!("index/{}/", bug.clause.id));
        let is_caught = match bug.level {
            Level::Info => {
                touched.extend(changed.iter().filter(|id| is_of_clause(id)).copied());
                found.status == 0 && changed.iter().any(is_of_clause)
            }
            _ => found.status == 1 && found.violated.values().any(|clause| clause == bug.clause.id),
        };
        if !is_caught {
            missed.push((bug.name, bug.clause.id, found.status, &found.violated));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    let untouched: Vec<&str> = INDEX
        .suite
        .cases()
        .filter(|case| case.runs != Runs::WithProcess && !touched.contains(case.id))
        .map(|case| case.id)
        .collect();
    // Mutants of other clauses touch six cases.
    assert!(untouched.is_empty() || !is_full(), "no bug touches {untouched:?}");
}

#[test]
fn every_race_is_detected_under_contention() {
    for race in MUTANTS.iter().filter(|bug| bug.mark == Some(Mark::Race)) {
        // On a busy machine the first seeds may not trigger the race. A run that chose its own number of episodes would
        // also be shorter there.
        let flags = ["--only", "index/contention", "--episodes", "3"];
        let mut runs = (1..=20).map(|seed: u32| gate_on_zoo_under(&seed.to_string(), Some(race), &flags));
        let is_caught = |found: &Found| (found.status, found.violated.len()) == (1, 1);
        assert!(runs.any(|found| is_caught(&found)), "{}", race.name);
    }
}

/// The defects that appear only in the resources of the process, and the cases that measure them.
#[cfg(target_os = "linux")]
#[test]
fn every_leak_is_detected_by_a_case_that_measures_the_process() {
    let flags = ["--process", "--only", "C4"];
    let watched = |bug: Option<&Mutant>| gate_on_zoo(bug, &flags);
    let correct = watched(None);
    assert_eq!((correct.status, &correct.violated), (0, &BTreeMap::new()));
    assert_eq!(correct.verdicts["index/C4/1"], "pass");
    let mut touched = BTreeSet::new();
    for name in ["leaks-descriptors", "leaks-threads", "leaks-descriptors-of-silent-clients"] {
        let found = watched(index::find(name));
        assert_eq!(found.status, 1, "{name}: {found:?}");
        assert!(found.violated.values().all(|clause| clause == "C4"), "{name}: {found:?}");
        touched.extend(found.violated.into_keys());
    }
    // Growing memory is reported without a violation: a heap before its garbage collection looks the same. The run may have
    // decided nothing then.
    for name in ["leaks-memory", "leaks-memory-per-request"] {
        let found = watched(index::find(name));
        let has_decided = found.verdicts.iter().any(|(id, verdict)| id.contains("/C4/") && verdict == "pass");
        assert_eq!(found.status, if has_decided { 0 } else { 3 }, "{name}: {found:?}");
        assert_eq!(found.verdicts["index/C4/2"], "not_run", "{name}: {found:?}");
    }
    let watching = INDEX.suite.cases().filter(|case| case.runs == Runs::WithProcess);
    for case in watching {
        assert!(touched.contains(case.id), "no leak touches {}", case.id);
    }
}
