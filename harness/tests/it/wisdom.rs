//! Quotations for a proof of work: the right servers, the wrong ones, and what is not run where.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Mutex;
use std::thread;

use mutants::Mark;
use mutants::wisdom::{MUTANTS, Settings};

use crate::support::harness;
use crate::zoo::{Found, ZOO, gate};

/// How a server of the zoo takes the settings. It listens by IPv6 on an IPv4 address, so that its peers are mapped.
const COMMAND: &str = "--protocol wisdom --addr [::ffff:127.0.0.1]:{port} --difficulty {difficulty} --ttl {ttl} \
     --secret-file {secret-file} --key-grace {key-grace} --max-connections {max-connections} \
     --max-connections-per-address {max-connections-per-address}";

fn gate_on_zoo(bug: &str, flags: &[&str]) -> Found {
    let command = format!("{} {bug} {COMMAND}", ZOO.display());
    gate(&[&["--protocol", "wisdom", "--exec", &command, "--seed", "1", "--strict"], flags].concat())
}

#[test]
fn right_servers_pass_every_case() {
    thread::scope(|scope| {
        let of_zoo = scope.spawn(|| gate_on_zoo("", &["--process"]));
        let built_in = gate(&["--protocol", "wisdom", "--seed", "1", "--strict", "--process"]);
        for found in [of_zoo.join().unwrap(), built_in] {
            assert_eq!((found.status, &found.broken), (0, &BTreeMap::new()));
            let is_passed = |verdict: &String| verdict == "pass";
            assert!(found.verdicts.values().all(is_passed), "{:?}", found.verdicts);
        }
    });
}

/// Too little a client for the gate to tell from a heap that grows; chaos finds it.
const LEFT_TO_CHAOS: &str = "leaks-memory";

/// A few side by side, for most of the time is waiting.
#[test]
fn every_bug_is_caught_with_its_clause() {
    let todo = Mutex::new(MUTANTS.iter().filter(|bug| bug.name != LEFT_TO_CHAOS).collect::<Vec<_>>());
    let missed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let Some(bug) = todo.lock().unwrap().pop() else { return };
            let only = match bug.mark {
                // Two clients meet where there are many.
                Some(Mark::Race) => format!("{},wisdom/quotations", bug.clause.id),
                _ => bug.clause.id.to_owned(),
            };
            let mut flags = vec!["--only", &only];
            if bug.mark == Some(Mark::Chaos) {
                flags.push("--process");
            }
            let found = gate_on_zoo(&format!("--mutant {}", bug.name), &flags);
            // Of replies that are swapped any clause may be broken.
            let is_met = bug.mark == Some(Mark::Race) && found.broken.contains_key("wisdom/quotations");
            let is_named = is_met || found.broken.values().any(|clause| clause == bug.clause.id);
            if found.status != 1 || !is_named {
                missed.lock().unwrap().push(format!("{}: {} {:?}", bug.name, found.status, found.broken));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(work);
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn what_takes_a_setting_is_not_run_without_it() {
    let command = format!("{} --protocol wisdom --addr {{addr}} --ttl {{ttl}}", ZOO.display());
    let flags = ["--protocol", "wisdom", "--exec", &command, "--seed", "1", "--only", "W16,W24,W28"];
    let found = gate(&flags);
    assert_eq!((found.status, &found.broken), (0, &BTreeMap::new()));
    for (id, verdict) in [
        ("wisdom/W16/1", "not_run"),
        ("wisdom/W16/2", "pass"),
        ("wisdom/W24/2", "pass"),
        ("wisdom/W28/1", "not_run"),
    ] {
        assert_eq!(found.verdicts[id], verdict, "{id}");
    }
}

/// It has 32 places for an address, as is usual; and it may be behind a relay, which makes all clients one.
#[test]
fn a_right_server_at_an_address_passes_and_is_not_asked_for_what_a_relay_hides() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let zoo = mutants::wisdom::spawn(None, listener, Settings::default()).unwrap();
    let found = gate(&["--protocol", "wisdom", "--addr", &zoo.addr().to_string(), "--seed", "1"]);
    assert_eq!((found.status, &found.broken), (0, &BTreeMap::new()));
    for (id, verdict) in
        [("wisdom/W17/1", "not_run"), ("wisdom/W27/1", "pass"), ("wisdom/quotations", "pass")]
    {
        assert_eq!(found.verdicts[id], verdict, "{id}");
    }
}

#[test]
fn a_server_of_another_protocol_is_told_by_what_it_says() {
    // The package index answers a frame with nothing, for it has no line end.
    let command = format!("{} --addr {{addr}}", ZOO.display());
    let said = harness(&["--protocol", "wisdom", "--exec", &command, "--only", "W02", "--timeout", "1"]);
    assert_eq!(said.status, 1, "{}", said.stdout);
}

#[test]
fn an_unknown_protocol_is_a_usage_error_that_names_the_known_ones() {
    let said = harness(&["--protocol", "gopher"]);
    assert_eq!(said.status, 2);
    assert!(said.stderr.contains("index, wisdom"), "{}", said.stderr);
}

#[test]
fn cases_and_clauses_are_explained() {
    for (id, part) in [
        ("wisdom/W16/1", "{solution flip}"),
        ("W27", "Of equal solutions"),
        ("wisdom/quotations", "addresses of their own"),
        ("wisdom/alive", "W31"),
    ] {
        let said = harness(&["explain", id]);
        assert_eq!(said.status, 0, "{id}: {}", said.stderr);
        assert!(said.stdout.contains(part), "{id}: {}", said.stdout);
    }
    let listed = harness(&["cases", "--protocol", "wisdom"]).stdout;
    assert!(listed.lines().count() > 60 && listed.contains("wisdom/W01/1"), "{listed}");
}
