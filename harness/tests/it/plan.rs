//! The same seed brings the same plan.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use driver::history::{Event, EventKind};

use crate::support::{Server, TINY, first_part, replay};

/// 100 runs of the binary, two at a time and each with a server beside it, so that nothing is ever timed alike.
#[test]
fn the_hash_of_the_plan_is_equal_in_100_runs() {
    let plans = || -> Vec<String> {
        (0..50)
            .map(|_| {
                let said =
                    replay(&["--fixture", TINY, "--seed", "7", "--concurrency", "10", "--unluckiness", "50"]);
                assert_eq!(said.status, 0, "{said:?}");
                said.stdout
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

/// What each client sent in step 2, line by line.
fn sent_while_indexing(flags: &[&str]) -> BTreeMap<u32, Vec<Vec<u8>>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.zst");
    let common = ["--fixture", TINY, "--seed", "7", "--concurrency", "5", "--unluckiness", "50"];
    let record = ["--record", path.to_str().unwrap()];
    let said = replay(&[&common[..], &record, flags].concat());
    assert_eq!(said.status, 0, "{said:?}");
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

/// How often clients go round depends on how they meet; what they send in which round does not. So of two runs, one
/// against a server that is fast and one against a server that is slow by turns, each client's lines in the one begin
/// with its lines in the other.
#[test]
fn what_a_client_sends_does_not_depend_on_how_others_are_served() {
    let fast = sent_while_indexing(&[]);
    let slow = Server::new(|asked| {
        thread::sleep(Duration::from_millis(3) * u32::try_from(asked.connection % 4).unwrap());
        asked.say_right()
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
