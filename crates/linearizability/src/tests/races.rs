//! For each race of the zoo a history that it brings and that no order allows: without one it would be no race.

use mutants::Mark;
use mutants::index::MUTANTS;

use super::naive::has_order;
use super::read;
use super::search::AMPLE;
use crate::search;
use crate::search::Order;

/// By bug, what its clients saw of an index that was empty before.
const HISTORIES: &[(&str, &str)] = &[
    // The dependency goes between the look at it and the package's coming.
    (
        "check-then-act",
        "1..2 INDEX|b| => OK
        3..6 INDEX|a|b => OK
        4..5 REMOVE|b| => OK",
    ),
    // The dependent comes between the look for it and the package's going.
    (
        "remove-then-index-race",
        "1..2 INDEX|b| => OK
        3..6 REMOVE|b| => OK
        4..5 INDEX|a|b => OK",
    ),
    // It was refused, and went all the same, since its dependent had gone meanwhile.
    (
        "remove-answers-from-before",
        "1..2 INDEX|b| => OK
        3..4 INDEX|a|b => OK
        5..8 REMOVE|b| => FAIL
        6..7 REMOVE|a| => OK
        9..10 QUERY|b| => FAIL",
    ),
    // The one was seen before it went, the other after it came.
    (
        "shards-checked-in-turn",
        "1..2 INDEX|b| => OK
        3..8 INDEX|a|b,c => OK
        4..5 REMOVE|b| => OK
        6..7 INDEX|c| => OK",
    ),
    // Each was checked against what was before both.
    (
        "write-skew",
        "1..2 INDEX|b| => OK
        3..5 INDEX|a|b => OK
        4..6 REMOVE|b| => OK",
    ),
    // One of the two lists is the package's, and both are needed.
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
    // It is needed by a package that is gone.
    (
        "dependents-noted-apart",
        "1..2 INDEX|b| => OK
        3..6 INDEX|a|b => OK
        4..5 REMOVE|a| => OK
        7..8 QUERY|a| => FAIL
        9..10 REMOVE|b| => FAIL",
    ),
    // The count of two dependents is one, and then none.
    (
        "dependents-counted-apart",
        "1..2 INDEX|b| => OK
        3..5 INDEX|a|b => OK
        4..6 INDEX|c|b => OK
        7..8 REMOVE|a| => OK
        9..10 REMOVE|b| => OK",
    ),
    // It was never in.
    (
        "failed-index-seen",
        "1..4 INDEX|a|b => FAIL
        2..3 QUERY|a| => OK",
    ),
    // It was in all the while.
    (
        "update-leaves-a-gap",
        "1..2 INDEX|a| => OK
        3..6 INDEX|a| => OK
        4..5 QUERY|a| => FAIL",
    ),
    // The first QUERY has put what it found in the cache, after the change had cleared it.
    (
        "stale-reads",
        "1..4 QUERY|a| => FAIL
        2..3 INDEX|a| => OK
        5..6 QUERY|a| => FAIL",
    ),
    // The second QUERY gets what the first found before the change.
    (
        "queries-joined",
        "1..6 QUERY|a| => FAIL
        2..3 INDEX|a| => OK
        4..7 QUERY|a| => FAIL",
    ),
    // It came, it went, and was written to have gone and come.
    (
        "changes-published-out-of-order",
        "1..4 INDEX|a| => OK
        2..3 REMOVE|a| => OK
        5..6 INDEX|b|a => FAIL
        7..8 QUERY|a| => OK",
    ),
    // The change that is under way keeps the copy from being refreshed.
    (
        "copies-refreshed-when-free",
        "1..2 INDEX|a| => OK
        3..6 INDEX|b| => OK
        4..5 QUERY|a| => FAIL",
    ),
    // It is said to be in, and waits for the other still.
    (
        "index-acknowledged-early",
        "1..6 INDEX|a| => OK
        2..3 INDEX|b| => OK
        4..5 QUERY|b| => FAIL",
    ),
    // The reply is the other's.
    (
        "replies-share-a-slot",
        "1..3 QUERY|a| => OK
        2..4 INDEX|b| => OK",
    ),
];

#[test]
fn every_race_has_a_history_that_no_order_allows() {
    let races = MUTANTS.iter().filter(|bug| bug.mark == Some(Mark::Race)).map(|bug| bug.name);
    let told: Vec<&str> = HISTORIES.iter().map(|(bug, _)| *bug).collect();
    assert_eq!(told, races.collect::<Vec<_>>());
    for (bug, history) in HISTORIES {
        let operations = read(history);
        assert!(!has_order(&operations), "{bug}: the naive checker finds an order");
        let order = search(&operations, &AMPLE).order;
        assert!(matches!(order, Order::Violation(_)), "{bug}: {order:?}");
    }
}

/// It takes two requests at once.
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
