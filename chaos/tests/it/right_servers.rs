//! Servers that are right: none may be accused.

use crate::support::{Said, chaos, wisdom_zoo, zoo};

/// A machine that is busy with other tests may leave something undecided, because the harness itself was late.
#[track_caller]
fn is_not_accused(said: &Said) {
    assert!([0, 3].contains(&said.status), "{}{}", said.stdout, said.stderr);
    let undecided = said.stdout.lines().filter(|line| line.starts_with("unknown "));
    assert!(undecided.count() <= 6, "{}", said.stdout);
    assert!(said.stdout.lines().filter(|line| line.starts_with("held")).count() > 30, "{}", said.stdout);
}

#[test]
fn the_reference_server_holds_every_fault_in_every_state() {
    let said = chaos(&["--seed", "1", "--matrix", "--strict"]);
    is_not_accused(&said);
    assert!(!said.stdout.contains("not run"), "{}", said.stdout);
}

#[test]
fn the_right_server_of_the_zoo_is_not_accused() {
    is_not_accused(&chaos(&["--seed", "2", "--exec", &zoo(None)]));
}

/// One thread and one loop: what keeps it busy delays everybody, and that only warns.
#[test]
fn a_right_server_in_plain_python_is_not_accused() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/right.py");
    is_not_accused(&chaos(&["--seed", "3", "--exec", &format!("python3 {script} {{port}}")]));
}

#[test]
fn the_right_server_of_quotations_is_not_accused() {
    for seed in ["1", "2", "3"] {
        let exec = wisdom_zoo(None);
        let flags = ["--protocol", "wisdom", "--seed", seed, "--duration", "45", "--exec", &exec];
        let said = chaos(&flags);
        assert!([0, 3].contains(&said.status), "{}{}", said.stdout, said.stderr);
        assert!(said.stdout.lines().filter(|line| line.starts_with("held")).count() > 15, "{}", said.stdout);
    }
}

#[test]
fn the_reference_server_of_quotations_is_not_accused() {
    let said = chaos(&[
        "--protocol",
        "wisdom",
        "--seed",
        "1",
        "--matrix",
        "--skip",
        "spending/hoarded-in-thousands",
    ]);
    assert!([0, 3].contains(&said.status), "{}{}", said.stdout, said.stderr);
    assert!(!said.stdout.contains("not run"), "{}", said.stdout);
}
