//! The same seed produces the same plan.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use driver::history::{Event, EventKind};

use crate::support::{Server, TINY, first_part, replay};

/// Runs the binary 100 times, two at a time and each with its own server, so that the timing varies.
#[test]
fn the_hash_of_a_plan_is_equal_in_100_runs() {
    let plans = || -> Vec<String> {
        (0..50)
            .map(|_| {
                let output =
                    replay(&["--fixture", TINY, "--seed", "7", "--concurrency", "10", "--unluckiness", "50"]);
                assert_eq!(output.status, 0, "{output:?}");
                output
                    .stdout
                    .lines()
                    .find(|line| line.starts_with("plan "))
                    .map(str::to_owned)
                    .unwrap_or_default()
            })
            .collect()
    };
    let other = thread::spawn(plans);
    let mut found = plans();
    found.extend(other.join().expect("the other half ran too"));
    assert_eq!(found.len(), 100);
    assert!(found[0].contains("sha256 "), "{}", found[0]);
    assert!(found.iter().all(|plan| *plan == found[0]));
}

/// Returns, by client, the lines that it sent in step 2.
fn sent_while_indexing(flags: &[&str]) -> BTreeMap<u32, Vec<Vec<u8>>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.zst");
    let common = ["--fixture", TINY, "--seed", "7", "--concurrency", "5", "--unluckiness", "50"];
    let record = ["--record", path.to_str().unwrap()];
    let output = replay(&[&common[..], &record, flags].concat());
    assert_eq!(output.status, 0, "{output:?}");
    let mut phase_of = BTreeMap::new();
    let mut sent: BTreeMap<u32, Vec<Vec<u8>>> = BTreeMap::new();
    for Event { client, event, .. } in first_part(&path).1 {
        match event {
            EventKind::Phase(phase) => _ = phase_of.insert(client, phase),
            EventKind::Sent(line) if phase_of[&client] == 2 => {
                sent.entry(client).or_default().push(line.into_owned());
            }
            _ => {}
        }
    }
    sent
}

/// The number of rounds of a client depends on the timing; the lines of each round do not. For a fast server and a server
/// that is slow for some clients, the lines of a client in one run are therefore a prefix of its lines in the other.
#[test]
fn the_requests_of_a_client_do_not_depend_on_the_pace_of_others() {
    let fast = sent_while_indexing(&[]);
    let slow = Server::new(|received| {
        thread::sleep(Duration::from_millis(3) * u32::try_from(received.connection % 4).unwrap());
        received.correct_act()
    });
    let slow = sent_while_indexing(&["--addr", &slow.start().to_string()]);
    assert_eq!((fast.len(), slow.len()), (5, 5));
    for client in 0..5 {
        let (one, other) = (&fast[&client], &slow[&client]);
        let common = one.len().min(other.len());
        assert!(common >= 3, "client {client} sent {common} lines");
        assert_eq!(one[..common], other[..common], "client {client}");
    }
    let is_broken = |line: &&Vec<u8>| protocol::index::wire::Request::decode(line.trim_ascii_end()).is_err();
    assert!(fast.values().flatten().filter(is_broken).count() > 3);
}
