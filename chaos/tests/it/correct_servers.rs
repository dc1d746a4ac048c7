//! Correct servers: chaos must not accuse any of them.
//!
//! The faults of each run are fixed and have no time limit, so that the result does not depend on the speed of the machine.
//! For a pull request each server meets some of them; `cargo ci full` plays every fault in every state.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use crate::support::{chaos, is_full, wisdom_zoo, zoo};

/// Faults that repeat visits for many seconds.
const LONG_FAULTS: &str = "resources/visits,resources/resets,resources/half-lines,resources/connections,\
                           resources/requests,disconnects/descriptors-reused";

/// A fault that needs thousands of solutions.
const MANY_SOLUTIONS: &str = "spending/hoarded-in-thousands";

fn patterns(list: &str) -> Vec<String> {
    list.split(',').map(str::to_owned).collect()
}

/// Plays the selected faults, with all others too in `cargo ci full`, and asserts that none is harmful and that every scene
/// is judged.
#[track_caller]
fn assert_not_accused(protocol: &str, seed: &str, faults: &str, skipped: Option<&str>, flags: &[&str]) {
    let faults = if is_full() { "*" } else { faults };
    let common = ["--protocol", protocol, "--seed", seed, "--matrix", "--faults", faults];
    let skip = skipped.map(|skipped| ["--skip", skipped]);
    let output = chaos(&[&common[..], skip.as_ref().map_or(&[], |skip| skip), flags].concat());
    let allowed: &[i32] = if is_reference(flags) { &[0] } else { &[0, 3] };
    assert!(allowed.contains(&output.status), "{}{}", output.stdout, output.stderr);
    let protocol = chaos::protocols::by_name(protocol).unwrap();
    let selection =
        chaos::schedule::selection(protocol, &patterns(faults), &skipped.map_or_else(Vec::new, patterns))
            .unwrap();
    let mut schedule = chaos::schedule::Schedule::matrix(protocol, 1, &selection);
    schedule.leave_out(|fault| fault.needs_dependency);
    schedule.leave_out(|fault| fault.needs_packets);
    schedule.leave_out(|fault| fault.needs_disk);
    schedule.leave_out(|fault| fault.needs_container);
    let scenes = schedule.steps.len();
    assert!(scenes >= 20, "{scenes} scenes");
    // Two spaces: a scene has its word in a column, and a finding begins with the same word.
    let count = |word| output.stdout.lines().filter(|line| line.starts_with(word)).count();
    let [held, warned, unknown] = ["held  ", "warned  ", "unknown  "].map(count);
    assert_eq!(held + warned + unknown, scenes, "every scene is judged: {}", output.stdout);
    // A delayed harness leaves latencies unknown, but never most of the faults.
    assert!(held > scenes / 2, "{}", output.stdout);
}

/// Returns whether the target is the built-in reference server, for which every scene must be decided.
fn is_reference(flags: &[&str]) -> bool {
    !flags.contains(&"--exec")
}

#[test]
fn the_reference_server_is_not_accused() {
    let skipped = (!is_full()).then_some(LONG_FAULTS);
    assert_not_accused("index", "1", "*/idle", skipped, &["--strict"]);
}

#[test]
fn the_correct_server_of_the_zoo_is_not_accused() {
    assert_not_accused(
        "index",
        "2",
        "lines/*/mid-line,readers/*,writers/*",
        Some(LONG_FAULTS),
        &["--exec", &zoo(None)],
    );
}

/// The server has one thread, so a busy client delays all others; that only warns.
#[test]
fn a_correct_server_in_plain_python_is_not_accused() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/right.py");
    let exec = format!("python3 {script} {{port}}");
    assert_not_accused("index", "3", "*/mid-line,disconnects/*", Some(LONG_FAULTS), &["--exec", &exec]);
}

/// The time for a reply begins at the previous reply, so a thousand lines may take longer than the timeout for one.
#[test]
fn a_correct_server_that_needs_20_ms_for_a_line_is_not_accused() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/right.py");
    let exec = format!("python3 {script} {{port}} 0.02");
    let output =
        chaos(&["--seed", "4", "--matrix", "--faults", "lines/empty,lines/queries", "--exec", &exec]);
    assert!([0, 3].contains(&output.status), "{}{}", output.stdout, output.stderr);
    assert!(
        output.stdout.lines().any(|line| line.starts_with("held     lines/empty/idle")),
        "{}",
        output.stdout
    );
}

/// A server that loses lines which arrive together violates F3, and nothing else.
#[test]
fn a_server_that_loses_lines_violates_f3_only() {
    let exec = zoo(Some("first-line-of-a-read-only"));
    let faults = "lines/empty,lines/queries,resources/stalled-readers,disconnects/reset/idle";
    let output = chaos(&["--seed", "5", "--matrix", "--faults", faults, "--exec", &exec]);
    assert_eq!(output.status, 0, "{}{}", output.stdout, output.stderr);
    let last = output.stdout.lines().last().unwrap();
    assert!(last.starts_with("WARN F3 ("), "{}", output.stdout);
}

#[test]
fn the_correct_wisdom_server_of_the_zoo_is_not_accused() {
    let seeds = if is_full() { &["1", "2", "3"][..] } else { &["1"] };
    for seed in seeds {
        let flags = ["--exec", &wisdom_zoo(None)];
        assert_not_accused("wisdom", seed, "frames/*,spending/*,disconnects/*", Some(MANY_SOLUTIONS), &flags);
    }
}

#[test]
fn the_reference_wisdom_server_is_not_accused() {
    assert_not_accused("wisdom", "1", "clients/*,crowds/*,network/*", Some(MANY_SOLUTIONS), &[]);
}

/// Where this machine can make no network namespace, the report names the cause.
#[test]
fn lost_packets_do_not_make_the_reference_servers_harmful() {
    for protocol in ["index", "wisdom"] {
        let (faults, count) = if is_full() {
            ("packets/*", 6)
        } else {
            ("packets/partition,packets/table-full,packets/rate-limited,packets/disturbed", 4)
        };
        let output = chaos(&["--protocol", protocol, "--seed", "1", "--packets", "--faults", faults]);
        let is_cause = |line: &str| {
            line.starts_with(&format!("not run: {count} faults: "))
                && ["unshare", "nft", "ip"].iter().any(|tool| line.contains(tool))
        };
        let is_impossible = output.stdout.lines().any(is_cause);
        let held = output.stdout.lines().filter(|line| line.starts_with("held  ")).count();
        // Not every kernel has every queueing discipline.
        let is_without = |name: &&str| {
            output.stdout.lines().any(|line| line.contains(&format!("{name} cannot be used: ")))
        };
        let missing = ["tbf", "netem"].into_iter().filter(is_without).count();
        assert!(
            output.status == 0 && held + missing == count || is_impossible,
            "{}{}",
            output.stdout,
            output.stderr
        );
    }
}

/// The server refuses the names of bystanders, and no fault is accused of that.
#[test]
fn what_a_server_does_without_a_fault_is_not_attributed_to_faults() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/right.py");
    let exec = format!("python3 {script} {{port}} 0 -");
    let faults = "lines/noise/idle,lines/empty/idle,disconnects/reset/idle,network/slow-close/idle";
    let output = chaos(&["--seed", "1", "--matrix", "--faults", faults, "--exec", &exec]);
    let last = output.stdout.lines().last().unwrap();
    assert!(output.status == 1 && last.starts_with("FAIL "), "{}", output.stdout);
    assert!(output.stdout.contains("an incorrect reply before the first fault"), "{}", output.stdout);
    assert_eq!(
        output.stdout.lines().filter(|line| line.starts_with("harmed ")).count(),
        1,
        "{}",
        output.stdout
    );
}
