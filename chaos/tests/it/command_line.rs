//! Flags, exit codes, and what is said of wrong ones.

use std::net::TcpListener;

use crate::support::chaos;

#[test]
fn bad_input_is_one_clear_line_and_its_exit_code() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for (arguments, status, needed) in [
        (&["--faults", "no-such-fault"][..], 2, "no-such-fault"),
        (&["--skip", "*"], 2, "nothing to run"),
        (&["--exec", "true"], 2, "{port}"),
        (&["replay", "/no/such/file"], 2, "/no/such/file"),
        (&["--addr", &closed], 4, &closed),
        (&["--exec", "false {port}"], 4, "exit status 1"),
    ] {
        let said = chaos(arguments);
        assert_eq!(said.status, status, "{arguments:?}: {}", said.stderr);
        assert_eq!(said.stderr.lines().count(), 1, "{arguments:?}: {}", said.stderr);
        assert!(said.stderr.contains(needed), "{arguments:?}: {}", said.stderr);
    }
    assert_eq!(chaos(&["--no-such-flag"]).status, 2);
}

#[test]
fn the_same_seed_has_the_same_plan() {
    let plan = |seed: &str| {
        let said = chaos(&["--seed", seed, "--duration", "0.1"]);
        said.stdout.lines().find(|line| line.starts_with("plan")).unwrap().to_owned()
    };
    assert_eq!(plan("7"), plan("7"));
    assert_ne!(plan("7"), plan("8"));
}

/// A run that ends before anything was tried has found nothing, and says what was not run.
#[test]
fn a_run_keeps_to_its_duration() {
    let said = chaos(&["--seed", "1", "--duration", "1"]);
    assert!(said.stdout.contains("not run: "), "{}", said.stdout);
    assert_eq!(said.status, 3, "nothing was tried");
}

#[test]
fn what_needs_a_process_is_not_run_at_an_address() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let said = chaos(&["--seed", "1", "--addr", &addr, "--faults", "process/*", "--duration", "5"]);
    assert!(said.stdout.contains("it needs a target that is started for the run"), "{}", said.stdout);
}

#[test]
fn the_catalogue_is_printed() {
    let said = chaos(&["faults"]);
    assert_eq!(said.status, 0);
    assert_eq!(said.stdout.lines().count(), chaos::kit::KITS[0].faults().count());
}

#[test]
fn help_names_every_flag_with_its_default() {
    insta::assert_snapshot!(chaos(&["--help"]).stdout);
}
