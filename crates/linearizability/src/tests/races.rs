//! For each race condition among the mutants, a history that it produces and that no linearization allows.

use mutants::Mark;
use mutants::index::MUTANTS;

use super::naive::has_order;
use super::search::AMPLE;
use super::text::read;
use crate::search;
use crate::search::Conclusion;

/// For each mutant, what its clients observed, beginning with an empty index.
const HISTORIES: &[(&str, &str)] = &[
    // The dependency is removed between its check and the addition of the package.
    (
        "check-then-act",
        "1..2 INDEX|b| => OK
        3..6 INDEX|a|b => OK
        4..5 REMOVE|b| => OK",
    ),
    // The dependent is added between the check for dependents and the removal.
    (
        "remove-then-index-race",
        "1..2 INDEX|b| => OK
        3..6 REMOVE|b| => OK
        4..5 INDEX|a|b => OK",
    ),
    // The removal is rejected and still takes effect, because its dependent was removed meanwhile.
    (
        "remove-answers-from-before",
        "1..2 INDEX|b| => OK
        3..4 INDEX|a|b => OK
        5..8 REMOVE|b| => FAIL
        6..7 REMOVE|a| => OK
        9..10 QUERY|b| => FAIL",
    ),
    // One dependency was seen before its removal, the other after its addition.
    (
        "shards-checked-in-turn",
        "1..2 INDEX|b| => OK
        3..8 INDEX|a|b,c => OK
        4..5 REMOVE|b| => OK
        6..7 INDEX|c| => OK",
    ),
    // Each request was checked against the state before both.
    (
        "write-skew",
        "1..2 INDEX|b| => OK
        3..5 INDEX|a|b => OK
        4..6 REMOVE|b| => OK",
    ),
    // The package has one of the two lists, and both dependencies are held.
    (
        "lost-update",
        "1..2 INDEX|b| => OK
        3..4 INDEX|c| => OK
        5..6 INDEX|a| => OK
        7..9 INDEX|a|b => OK
        8..10 INDEX|a|c => OK
        11..12 REMOVE|b| => FAIL
        13..14 REMOVE|c| => FAIL",
    ),
    // The dependency is held by a package that is removed.
    (
        "dependents-noted-apart",
        "1..2 INDEX|b| => OK
        3..6 INDEX|a|b => OK
        4..5 REMOVE|a| => OK
        7..8 QUERY|a| => FAIL
        9..10 REMOVE|b| => FAIL",
    ),
    // The count of two dependents is one, and then zero.
    (
        "dependents-counted-apart",
        "1..2 INDEX|b| => OK
        3..5 INDEX|a|b => OK
        4..6 INDEX|c|b => OK
        7..8 REMOVE|a| => OK
        9..10 REMOVE|b| => OK",
    ),
    // The package was never indexed.
    (
        "failed-index-seen",
        "1..4 INDEX|a|b => FAIL
        2..3 QUERY|a| => OK",
    ),
    // The package was indexed all the time.
    (
        "update-leaves-a-gap",
        "1..2 INDEX|a| => OK
        3..6 INDEX|a| => OK
        4..5 QUERY|a| => FAIL",
    ),
    // The first QUERY stores its outdated result in the cache after the change has cleared it.
    (
        "stale-reads",
        "1..4 QUERY|a| => FAIL
        2..3 INDEX|a| => OK
        5..6 QUERY|a| => FAIL",
    ),
    // The second QUERY receives the result of the first one from before the change.
    (
        "queries-joined",
        "1..6 QUERY|a| => FAIL
        2..3 INDEX|a| => OK
        4..7 QUERY|a| => FAIL",
    ),
    // The package is added and removed; the copy records the changes in the opposite order.
    (
        "changes-published-out-of-order",
        "1..4 INDEX|a| => OK
        2..3 REMOVE|a| => OK
        5..6 INDEX|b|a => FAIL
        7..8 QUERY|a| => OK",
    ),
    // The pending change prevents the refresh of the copy.
    (
        "copies-refreshed-when-free",
        "1..2 INDEX|a| => OK
        3..6 INDEX|b| => OK
        4..5 QUERY|a| => FAIL",
    ),
    // The package is acknowledged and still waits for another request.
    (
        "index-acknowledged-early",
        "1..6 INDEX|a| => OK
        2..3 INDEX|b| => OK
        4..5 QUERY|b| => FAIL",
    ),
    // The reply belongs to the other request.
    (
        "replies-share-a-slot",
        "1..3 QUERY|a| => OK
        2..4 INDEX|b| => OK",
    ),
];

#[test]
fn every_race_condition_has_a_history_without_linearization() {
    let races = MUTANTS.iter().filter(|bug| bug.mark == Some(Mark::Race)).map(|bug| bug.name);
    let listed: Vec<&str> = HISTORIES.iter().map(|(bug, _)| *bug).collect();
    assert_eq!(listed, races.collect::<Vec<_>>());
    for (bug, history) in HISTORIES {
        let operations = read(history);
        assert!(!has_order(&operations), "{bug}: the naive checker finds a linearization");
        let conclusion = search(&operations, &AMPLE).conclusion;
        assert!(matches!(conclusion, Conclusion::Violation(_)), "{bug}: {conclusion:?}");
    }
}

/// A race condition needs two concurrent requests.
#[test]
fn each_history_has_requests_that_overlap() {
    for (bug, history) in HISTORIES {
        let operations = read(history);
        let overlaps = operations.iter().enumerate().any(|(number, one)| {
            let is_under_way = |at_ns: u64| one.sent_ns < at_ns && at_ns < one.replied.unwrap().1;
            operations.iter().skip(number + 1).any(|other| is_under_way(other.sent_ns))
        });
        assert!(overlaps, "{bug}");
    }
}
