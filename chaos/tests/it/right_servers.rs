//! Servers that are right: none may be accused.

use crate::support::{Said, chaos, zoo};

#[track_caller]
fn passes(said: &Said) {
    assert_eq!(said.status, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("PASS ") || said.stdout.contains("WARN "), "{}", said.stdout);
}

#[test]
fn the_reference_server_holds_every_fault_in_every_state() {
    let said = chaos(&["--seed", "1", "--matrix", "--strict"]);
    passes(&said);
    assert!(!said.stdout.contains("not run"), "{}", said.stdout);
}

#[test]
fn the_right_server_of_the_zoo_is_not_accused() {
    passes(&chaos(&["--seed", "2", "--exec", &zoo(None)]));
}

/// One thread and one loop: what keeps it busy delays everybody, and that only warns.
#[test]
fn a_right_server_in_plain_python_is_not_accused() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/right.py");
    passes(&chaos(&["--seed", "3", "--exec", &format!("python3 {script} {{port}}")]));
}
