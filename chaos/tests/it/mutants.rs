//! Mutants: chaos detects each with the fault that reveals its defect, under the clause that it violates.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::fs;

use serde_json::Value;

use crate::support::{chaos, control, directory, is_full, wisdom_zoo, zoo};

/// Runs only these faults against a mutant, and asserts that one of them did harm under this clause.
#[track_caller]
fn assert_detected(mutant: &str, faults: &str, clause: &str) {
    assert_detected_in("index", &zoo(Some(mutant)), mutant, faults, clause);
}

/// A run that is inconclusive because the machine was busy is repeated.
#[track_caller]
fn assert_detected_in(protocol: &str, exec: &str, mutant: &str, faults: &str, clause: &str) {
    const ATTEMPTS: usize = 4;
    let flags = ["--protocol", protocol, "--seed", "1", "--strict", "--matrix", "--faults", faults];
    let mut output = chaos(&[&flags[..], &["--exec", exec]].concat());
    for _ in 1..ATTEMPTS {
        let was_busy = ["this machine delayed", "this machine was busy", "the harness was"]
            .iter()
            .any(|reason| output.stdout.contains(reason));
        if output.status != 3 || !was_busy {
            break;
        }
        output = chaos(&[&flags[..], &["--exec", exec]].concat());
    }
    assert_eq!(output.status, 1, "{mutant}: {}{}", output.stdout, output.stderr);
    let verdict = output.stdout.lines().last().unwrap();
    assert!(verdict.starts_with("FAIL") && verdict.contains(clause), "{mutant}: {verdict}");
}

#[test]
fn mutants_that_crash_are_detected() {
    assert_detected("dies-of-a-reset", "disconnects/reset/*", "C3");
    assert_detected("dies-of-a-half-line", "disconnects/end-at-every-offset/*", "C3");
    assert_detected("dies-of-nul", "lines/nul-bytes/*", "A4");
    assert_detected("dies-of-a-long-line", "lines/name-of-a-megabyte/*", "A4");
}

/// All clients use the address family of the target.
#[test]
fn a_mutant_at_an_ipv6_address_is_detected() {
    let Ok(listener) = std::net::TcpListener::bind("[::1]:0") else { return };
    let addr = listener.local_addr().unwrap().to_string();
    drop(listener);
    let flags = ["--seed", "1", "--addr", &addr, "--faults", "disconnects/reset/idle"];
    let output = chaos(&[&flags[..], &["--exec", &zoo(Some("dies-of-a-reset"))]].concat());
    assert_eq!(output.status, 1, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("fail disconnects/reset/idle: the target is gone"), "{}", output.stdout);
}

#[test]
fn a_mutant_that_forgets_its_index_before_it_ends_is_detected() {
    assert_detected("index-released-before-the-drain", "process/terminated/*", "A3");
}

#[test]
fn a_mutant_that_depends_on_the_reader_of_its_log_is_detected() {
    assert_detected("ends-after-a-slow-log-line", "process/output-blocked/*", "C1");
}

#[test]
fn what_is_left_of_clients_that_were_reset_is_detected() {
    assert_detected("timer-closes-a-later-client", "disconnects/descriptors-reused/*", "C3");
    // Each waits for a quarter of a minute.
    if is_full() {
        assert_detected("leaks-descriptors-of-stalled-readers", "resources/stalled-readers/*", "C4");
        // It executes the halves of lines that the clients leave behind, which does not concern later clients.
        let exec = zoo(Some("end-of-stream-takes-effect"));
        let flags = ["--seed", "1", "--strict", "--faults", "disconnects/descriptors-reused"];
        let output = chaos(&[&flags[..], &["--exec", &exec]].concat());
        assert_eq!(output.status, 0, "{}{}", output.stdout, output.stderr);
    }
}

#[test]
fn mutants_that_let_other_clients_wait_are_detected() {
    assert_detected("silent-clients-hold-the-acceptor", "crowds/silent/*", "C1");
    assert_detected("closes-wait-for-unread-replies", "disconnects/half-close-unread/*", "C1");
    // Beside several other programs, it sometimes accepts a second time.
    if is_full() {
        assert_detected("accepts-128-at-once", "process/stopped-crowd/*", "C6");
    }
}

/// A server that ends once, at its first request after SIGKILL, is accused although it is started again.
#[test]
fn a_target_that_does_not_serve_after_it_was_killed_is_detected() {
    let directory = directory();
    let lock = directory.path().join("lock");
    let exec = format!("{} --lock-file '{}'", control("process/killed"), lock.display());
    assert_detected_in("index", &exec, "process/killed", "process/killed/idle", "C3");
}

/// The clients behind a lost one in a batch of events wait for replies. Which requests are in a batch is a race.
#[test]
fn a_server_that_forgets_a_batch_when_a_write_fails_is_detected() {
    let exec = format!("python3 {}/tests/it/batch.py {{port}}", env!("CARGO_MANIFEST_DIR"));
    let faults = "disconnects/crowd-awaiting";
    let is_detected = |seed: u32| {
        let flags = ["--timeout", "3", "--seed", &seed.to_string(), "--faults", faults, "--exec", &exec];
        let output = chaos(&flags);
        let is_named = output.stdout.contains("fail disconnects/crowd-awaiting/idle: ");
        output.status == 1 && is_named && output.stdout.contains("FAIL C3")
    };
    assert!((1..=5).any(is_detected));
}

/// Once clients have waited in vain for the whole time in two scenes, those of later scenes wait less.
#[test]
fn long_waits_for_the_same_defect_are_not_repeated() {
    // Its sessions take a quarter of a minute.
    if is_full() {
        let exec = format!("python3 {}/tests/it/half_deaf.py {{port}}", env!("CARGO_MANIFEST_DIR"));
        let faults = "lines/fields-missing/idle,lines/other-case/idle,lines/no-package/idle";
        let flags = ["--timeout", "3", "--seed", "1", "--matrix", "--faults", faults, "--exec", &exec];
        let output = chaos(&flags);
        assert_eq!(output.status, 1, "{}{}", output.stdout, output.stderr);
        let count = |text: &str| output.stdout.matches(text).count();
        assert_eq!(
            [count("nothing within 3.0 s"), count("nothing within 2.0 s")],
            [2, 1],
            "{}",
            output.stdout
        );
        assert!(count("in two scenes before") > 0, "{}", output.stdout);
    }
}

/// Each file system is full: the control writes a record for each connection, and ends because it cannot.
#[test]
fn a_target_that_ends_because_its_disk_is_full_is_detected() {
    let exec = format!("{} --journal {{directory}}/journal", control("process/full-disk"));
    let output = chaos(&["--seed", "1", "--faults", "process/full-disk", "--exec", &exec]);
    let is_impossible = output.stdout.contains("unshare") || output.stdout.contains("mount ended");
    let is_detected = output.status == 1 && output.stdout.contains("fail process/full-disk/idle");
    assert!(is_detected || is_impossible, "{}{}", output.stdout, output.stderr);
    // A server that writes nothing cannot show anything.
    let output = chaos(&["--seed", "1", "--faults", "process/full-disk", "--exec", &zoo(None)]);
    assert!(output.stdout.contains("writes in {directory}"), "{}", output.stdout);
}

/// The command that reproduces a failure contains the flag without which its fault is not run.
#[test]
fn a_control_of_lost_packets_is_detected_and_can_be_reproduced() {
    let exec = control("packets/partition");
    let output = chaos(&["--seed", "1", "--packets", "--faults", "packets/partition", "--exec", &exec]);
    let is_impossible = output.stdout.lines().any(|line| line.starts_with("not run: 1 faults: "));
    let is_detected = output.status == 1 && output.stdout.contains(" --packets --seed 1");
    assert!(is_detected || is_impossible, "{}{}", output.stdout, output.stderr);
}

/// Each control is revealed by its fault. `cargo ci chaos --controls` shows that no other fault reveals it.
#[test]
fn controls_are_detected() {
    let always = ["lines/tls", "resources/half-lines"];
    for known in mutants::index::CONTROLS {
        if !["process/killed", "process/full-disk"].contains(&known.fault)
            && !known.fault.starts_with("packets/")
            && (is_full() || always.contains(&known.fault))
        {
            assert_detected_in("index", &control(known.fault), known.fault, known.fault, "");
        }
    }
}

/// The crowd of a thousand clients ends once one of them is not served: otherwise it would take the whole time of the run.
#[test]
fn a_crowd_beyond_the_target_s_own_limit_takes_bounded_time() {
    // It waits for half a minute.
    if is_full() {
        let exec = format!("ulimit -n 512; exec {}", zoo(Some("stops-accepting-after-a-failure")));
        assert_detected_in("index", &exec, "stops-accepting-after-a-failure", "crowds/idle/*", "A4");
    }
}

#[test]
fn mutants_that_recover_from_a_fault_incompletely_are_detected() {
    assert_detected("long-pause-closes-idle-clients", "process/stopped-long/*", "A3");
    assert_detected("lost-reader-stops-later-writes", "readers/resuming/*", "A1");
}

#[test]
fn a_mutant_that_executes_half_lines_is_detected() {
    assert_detected("half-line-of-a-lost-client-done", "disconnects/reset/mid-line", "C3");
}

#[test]
fn mutants_that_delay_other_clients_are_detected() {
    assert_detected("lock-held-while-writing", "readers/never-reading/*", "C1");
    assert_detected("half-line-blocks-all", "writers/never-finished/*", "C1");
    assert_detected("changes-answered-under-the-lock", "readers/several/*", "C1");
}

#[test]
fn mutants_that_leak_resources_are_detected() {
    assert_detected("leaks-descriptors-of-lost-clients", "resources/resets/*", "C4");
    assert_detected("leaks-threads", "resources/visits/*", "C4");
    // The same fault again.
    if is_full() {
        assert_detected("leaks-descriptors", "resources/visits/*", "C4");
    }
}

/// On a busy machine, fewer than 500 clients visit the target within 3 s.
#[test]
fn a_mutant_that_counts_lost_clients_is_detected() {
    assert_detected("lost-clients-stay-counted", "disconnects/many-resets/*", "C3");
}

#[test]
fn mutants_that_leak_memory_are_detected() {
    assert_detected("leaks-beside-garbage", "resources/connections/*", "C4");
    // It needs the whole machine for half a minute.
    if is_full() {
        assert_detected("leaks-memory-per-request", "resources/requests/*", "C4");
        assert_detected("leaks-memory", "resources/connections/*", "C4");
    }
}

#[test]
fn mutants_without_memory_bounds_are_detected() {
    assert_detected("no-line-limit", "resources/endless-line/*", "F6");
    assert_detected("unread-replies-pile-up", "resources/unread-replies/*", "C5");
}

#[test]
fn wisdom_mutants_are_detected() {
    for (mutant, faults, clause) in [
        ("no-replay-check", "spending/reset/*", "W25"),
        ("replay-check-then-set", "spending/equal/*", "W27"),
        ("deadline-per-read", "clients/dribbling/*", "W29"),
        ("closes-without-draining", "frames/noise-behind/*", "W06"),
        ("allocates-the-announced-length", "frames/oversized/*", "W09"),
        ("unsigned", "process/killed-while-solving/new", "W16"),
        ("dies-of-nesting", "frames/nested/*", "W31"),
    ] {
        assert_detected_in("wisdom", &wisdom_zoo(Some(mutant)), mutant, faults, clause);
    }
}

/// A target that crashed is started again, and every scene has a verdict in every report.
#[test]
fn reports_are_complete_after_a_crash() {
    let directory = directory();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (json, junit, html) = (path("a.json"), path("a.xml"), path("a.html"));
    let exec = zoo(Some("dies-of-a-reset"));
    let flags = ["--seed", "4", "--matrix", "--faults", "disconnects/*", "--exec", &exec];
    let reports = ["--json", &json, "--junit", &junit, "--html", &html];
    let output = chaos(&[&flags[..], &reports].concat());
    assert_eq!(output.status, 1, "{}{}", output.stdout, output.stderr);
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    let items = report["runs"][0]["items"].as_array().unwrap();
    let scenes = chaos::protocols::PROTOCOLS[0]
        .scenes()
        .iter()
        .filter(|scene| scene.fault.id.starts_with("disconnects/"));
    // Some scenes send several lines at once, so the baseline is added.
    assert_eq!(items.len(), scenes.count() + 1);
    assert!(items.iter().any(|item| item["verdict"] == "fail"));
    assert!(fs::read_to_string(&junit).unwrap().contains("<testsuite "));
    let page = fs::read_to_string(&html).unwrap();
    assert!(page.contains("<svg") && page.contains("Scorecard") && !page.contains("<script"));
}

#[test]
fn a_failing_schedule_is_shrunk_and_fails_again() {
    let directory = directory();
    let path = directory.path().join("shrunk.json").to_str().unwrap().to_owned();
    let exec = zoo(Some("dies-of-nul"));
    let output = chaos(&["--seed", "5", "--faults", "lines/*", "--exec", &exec, "--shrink", &path]);
    assert_eq!(output.status, 1, "{}{}", output.stdout, output.stderr);
    let shrunk = chaos::schedule::Schedule::parse(&fs::read_to_string(&path).unwrap()).unwrap();
    assert!(matches!(&shrunk.steps[..], [step] if step.starts_with("lines/")), "{:?}", shrunk.steps);
    let report = directory.path().join("report.json").to_str().unwrap().to_owned();
    let output = chaos(&["replay", &path, "--times", "2", "--exec", &exec, "--json", &report]);
    assert_eq!(output.status, 1);
    assert!(output.stdout.contains("fails 2 of 2 times"), "{}", output.stdout);
    let report: Value = serde_json::from_str(&fs::read_to_string(&report).unwrap()).unwrap();
    let verdicts: Vec<&Value> =
        report["runs"].as_array().unwrap().iter().map(|run| &run["verdict"]).collect();
    assert_eq!(verdicts, ["fail", "fail"]);
    // A report that cannot be written does not hide the harm.
    let missing = directory.path().join("missing/report.json").to_str().unwrap().to_owned();
    let output = chaos(&["replay", &path, "--times", "1", "--exec", &exec, "--json", &missing]);
    assert_eq!(output.status, 1, "{}", output.stderr);
    assert!(output.stderr.contains("missing/report.json"), "{}", output.stderr);
}
