//! Flags, error messages and exit codes.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::collections::BTreeMap;
use std::net::TcpListener;

use crate::support::chaos;

#[test]
fn invalid_input_is_reported_in_one_line_with_its_exit_code() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for (arguments, status, needed) in [
        (&["--faults", "no-such-fault"][..], 2, "no-such-fault"),
        (&["--skip", "*"], 2, "no fault to run"),
        (&["--exec", "true"], 2, "{port}"),
        (&["--packets", "--addr", &closed], 2, "--exec or the built-in server"),
        (&["replay", "/no/such/file"], 2, "/no/such/file"),
        (&["--addr", &closed], 4, &closed),
        (&["--exec", "false {port}"], 4, "exit status 1"),
    ] {
        let output = chaos(arguments);
        assert_eq!(output.status, status, "{arguments:?}: {}", output.stderr);
        assert_eq!(output.stderr.lines().count(), 1, "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(needed), "{arguments:?}: {}", output.stderr);
    }
    assert_eq!(chaos(&["--no-such-flag"]).status, 2);
}

#[test]
fn a_seed_decides_the_plan() {
    let plan = |seed: &str| {
        let output = chaos(&["--seed", seed, "--duration", "0.1"]);
        output.stdout.lines().find(|line| line.starts_with("plan")).unwrap().to_owned()
    };
    assert_eq!(plan("7"), plan("7"));
    assert_ne!(plan("7"), plan("8"));
}

/// A run that ends before the first fault is unknown and reports what was not run.
#[test]
fn a_run_ends_at_its_time_limit() {
    let output = chaos(&["--seed", "1", "--duration", "1"]);
    assert!(output.stdout.contains("not run: "), "{}", output.stdout);
    assert_eq!(output.status, 3, "no fault was run");
}

#[test]
fn a_fault_of_the_process_is_not_run_against_an_address() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let output = chaos(&["--seed", "1", "--addr", &addr, "--faults", "process/*", "--duration", "5"]);
    assert!(output.stdout.contains("the fault needs a process that chaos starts"), "{}", output.stdout);
}

#[test]
fn the_faults_are_listed() {
    let output = chaos(&["faults"]);
    assert_eq!(output.status, 0);
    assert_eq!(output.stdout.lines().count(), chaos::protocols::PROTOCOLS[0].faults().count());
}

#[test]
fn every_help_text_names_its_flags_with_their_defaults() {
    for command in ["", "faults", "proxy", "replay"] {
        let arguments = if command.is_empty() { vec!["--help"] } else { vec![command, "--help"] };
        let name = if command.is_empty() { "help".to_owned() } else { format!("help_of_{command}") };
        insta::assert_snapshot!(name, chaos(&arguments).stdout);
    }
}

/// Each fault reveals something alone, except for at most ten of each protocol, for which the table states the reason.
#[test]
fn the_proofs_of_all_faults_are_documented() {
    assert_documented("index", "CONTROLS.md");
    assert_documented("wisdom", "CONTROLS-wisdom.md");
}

#[track_caller]
fn assert_documented(protocol: &str, file: &str) {
    let path = format!("{}/../docs/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let row = |line: &str| -> Option<(String, [String; 2])> {
        let cells: Vec<&str> = line.strip_prefix("| ")?.split('|').map(str::trim).collect();
        let [fault, proof, alone, ..] = cells[..] else { return None };
        Some((fault.to_owned(), [proof.to_owned(), alone.to_owned()]))
    };
    let rows: BTreeMap<String, [String; 2]> = text.lines().filter_map(row).collect();
    let protocol = chaos::protocols::by_name(protocol).unwrap();
    let of = |fault: &str| rows.get(fault).unwrap_or_else(|| panic!("docs/{file} has no row for {fault}"));
    assert!(protocol.faults().all(|fault| !of(fault.id)[0].is_empty()), "docs/{file} lacks a proof");
    let shared = protocol.faults().filter(|fault| of(fault.id)[1].is_empty()).count();
    assert!(shared <= 10, "{shared} faults in docs/{file} reveal nothing alone");
}

/// The documented lists are those of the binary.
#[test]
fn the_documented_faults_are_up_to_date() {
    for (protocol, file) in [("index", "FAULTS.md"), ("wisdom", "FAULTS-wisdom.md")] {
        let path = format!("{}/../docs/{file}", env!("CARGO_MANIFEST_DIR"));
        let output = chaos(&["faults", "--markdown", "--protocol", protocol]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), output.stdout, "docs/{file} is out of date");
    }
}
