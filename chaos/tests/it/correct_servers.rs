//! Correct servers: chaos must not accuse any of them.

use crate::support::{Output, chaos, is_full, wisdom_zoo, zoo};

/// Faults that repeat visits for many seconds.
const LONG_FAULTS: &str =
    "resources/visits,resources/resets,resources/half-lines,resources/connections,resources/requests";

fn count(output: &Output, word: &str) -> usize {
    output.stdout.lines().filter(|line| line.starts_with(word)).count()
}

/// A busy machine delays the harness, which leaves some faults unknown.
#[track_caller]
fn assert_not_accused(output: &Output) {
    assert!([0, 3].contains(&output.status), "{}{}", output.stdout, output.stderr);
    assert!(count(output, "unknown ") <= 6, "{}", output.stdout);
    assert!(count(output, "held") > 30, "{}", output.stdout);
}

/// For a pull request the run has its usual duration; `cargo ci full` plays every fault in every state.
#[test]
fn the_reference_server_is_not_accused() {
    if is_full() {
        let output = chaos(&["--seed", "1", "--strict", "--matrix"]);
        assert_not_accused(&output);
        assert!(!output.stdout.contains("not run"), "{}", output.stdout);
    } else {
        assert_not_accused(&chaos(&["--seed", "1", "--strict"]));
    }
}

#[test]
fn the_correct_server_of_the_zoo_is_not_accused() {
    assert_not_accused(&chaos(&["--seed", "2", "--exec", &zoo(None)]));
}

/// The server has one thread, so a busy client delays all others; that only warns. The set of faults is fixed and has no
/// time limit, so the result does not depend on the speed of the machine.
#[test]
fn a_correct_server_in_plain_python_is_not_accused() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/right.py");
    let exec = format!("python3 {script} {{port}}");
    let faults = if is_full() { "*" } else { "*/mid-line,disconnects/*" };
    let flags = ["--seed", "3", "--matrix", "--faults", faults, "--skip", LONG_FAULTS, "--exec", &exec];
    let output = chaos(&flags);
    assert!([0, 3].contains(&output.status), "{}{}", output.stdout, output.stderr);
    let index = chaos::protocols::by_name("index").unwrap();
    let patterns = |list: &str| -> Vec<String> { list.split(',').map(str::to_owned).collect() };
    let selection = chaos::schedule::selection(index, &patterns(faults), &patterns(LONG_FAULTS)).unwrap();
    let scenes = chaos::schedule::selected(index, &selection).count();
    assert!(scenes >= 30, "{scenes} scenes");
    // Two spaces: a scene has its word in a column, and a finding begins with the same word.
    let [held, warned, unknown] = ["held  ", "warned  ", "unknown  "].map(|word| count(&output, word));
    assert_eq!(held + warned + unknown, scenes, "every scene is judged: {}", output.stdout);
    // A delayed harness leaves latencies unknown, but never most of the faults.
    assert!(held > scenes / 2, "{}", output.stdout);
}

#[test]
fn the_correct_wisdom_server_of_the_zoo_is_not_accused() {
    let seeds = if is_full() { &["1", "2", "3"][..] } else { &["1"] };
    for seed in seeds {
        let exec = wisdom_zoo(None);
        let flags = ["--protocol", "wisdom", "--seed", seed, "--duration", "45", "--exec", &exec];
        let output = chaos(&flags);
        assert!([0, 3].contains(&output.status), "{}{}", output.stdout, output.stderr);
        assert!(count(&output, "held") > 15, "{}", output.stdout);
    }
}

/// For a pull request the run has its usual duration; `cargo ci full` plays every fault in every state.
#[test]
fn the_reference_wisdom_server_is_not_accused() {
    let flags = ["--protocol", "wisdom", "--seed", "1", "--skip", "spending/hoarded-in-thousands"];
    if is_full() {
        let output = chaos(&[&flags[..], &["--matrix"]].concat());
        assert!([0, 3].contains(&output.status), "{}{}", output.stdout, output.stderr);
        assert!(!output.stdout.contains("not run"), "{}", output.stdout);
    } else {
        let output = chaos(&flags);
        assert!([0, 3].contains(&output.status), "{}{}", output.stdout, output.stderr);
        assert!(count(&output, "held") > 15, "{}", output.stdout);
    }
}
