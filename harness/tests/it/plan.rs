//! The same seed brings the same plan.

use std::thread;

use crate::support::{TINY, harness};

/// 100 runs of the binary, two at a time and each with a server beside it, so that nothing is ever timed alike.
#[test]
fn the_hash_of_the_plan_is_equal_in_100_runs() {
    let plans = || -> Vec<String> {
        (0..50)
            .map(|_| {
                let said = harness(&[
                    "--fixture",
                    TINY,
                    "--seed",
                    "7",
                    "--concurrency",
                    "10",
                    "--unluckiness",
                    "50",
                ]);
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
