//! Literal histories, one for each rule of the search.

use protocol::index::wire::Reply;

use super::naive::has_order;
use super::text::{read, written};
use crate::search::{Budget, Conclusion, Inconclusive, Reason, Violation};
use crate::{Operation, interval_check, search};

/// A budget that none of these histories exhausts.
pub(super) const AMPLE: Budget<'static> = Budget {
    nodes_max: 100_000_000,
    component_nodes_max: 10_000_000,
    memory_bytes_max: 256 << 20,
    is_expired: &|| false,
};

#[track_caller]
fn violation_of(operations: &[Operation]) -> Violation {
    match search(operations, &AMPLE).conclusion {
        Conclusion::Violation(violation) => *violation,
        other => panic!("{other:?} of\n{}", written(operations)),
    }
}

/// Asserts that the last operation violates this clause.
#[track_caller]
fn violates(clause: &str, history: &str) -> Violation {
    let operations = read(history);
    let violation = violation_of(&operations);
    assert_eq!((violation.operation, violation.clause.id), (operations.len() - 1, clause), "{violation:?}");
    assert!(!has_order(&operations), "the naive checker finds a linearization");
    violation
}

#[track_caller]
fn is_linearizable(history: &str) {
    let operations = read(history);
    assert_eq!(search(&operations, &AMPLE).conclusion, Conclusion::Linearizable);
    assert!(has_order(&operations), "the naive checker finds no linearization");
}

#[track_caller]
fn is_unknown(reason: Reason, history: &str) -> Inconclusive {
    match search(&read(history), &AMPLE).conclusion {
        Conclusion::Unknown(inconclusive) if inconclusive.reason == reason => inconclusive,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_index_is_empty_at_the_beginning() {
    is_linearizable(
        "1..2 QUERY|a| => FAIL\n3..4 INDEX|b|a => FAIL\n5..6 REMOVE|a| => OK\n7..8 INDEX|a| => OK",
    );
    violates("S5", "9..9 INDEX|a| => OK\n1..2 QUERY|a| => OK");
    violates("S1", "9..9 INDEX|a| => OK\n1..2 INDEX|b|a => OK");
    violates("S4", "9..9 INDEX|a| => OK\n1..2 REMOVE|a| => FAIL");
}

#[test]
fn a_state_that_was_observed_is_final() {
    // The order of the two changes is unknown until a query observes it.
    let changes = "1..4 INDEX|a| => OK\n2..3 REMOVE|a| => OK";
    for (once, again) in [("OK", "FAIL"), ("FAIL", "OK")] {
        is_linearizable(&format!("{changes}\n5..6 QUERY|a| => {once}\n7..8 QUERY|a| => {once}"));
        violates("S5", &format!("{changes}\n5..6 QUERY|a| => {once}\n7..8 QUERY|a| => {again}"));
    }
    // A pending change has taken effect once a client observed it.
    is_linearizable("1..9 INDEX|a| => OK\n2..3 QUERY|a| => FAIL\n4..5 QUERY|a| => OK");
    violates("C2", "1..9 INDEX|a| => OK\n2..3 QUERY|a| => OK\n4..5 QUERY|a| => FAIL");
    violates("C2", "1..9 INDEX|a| => OK\n2..3 INDEX|b|a => OK\n4..5 QUERY|a| => FAIL");
}

#[test]
fn a_violation_that_the_interval_check_misses_is_found() {
    let history = "1..4 INDEX|a| => OK\n2..3 REMOVE|a| => OK\n5..6 QUERY|a| => OK\n7..8 INDEX|b|a => FAIL";
    assert_eq!(interval_check(&read(history)), None);
    violates("S1", history);
}

#[test]
fn equal_times_overlap() {
    is_linearizable("1..2 INDEX|a| => OK\n2..3 QUERY|a| => FAIL");
    is_linearizable("1..1 INDEX|a| => OK\n1..1 QUERY|a| => FAIL\n1..1 QUERY|a| => OK\n1..1 REMOVE|a| => OK");
    violates("S5", "1..2 INDEX|a| => OK\n3..4 QUERY|a| => FAIL");
}

#[test]
fn a_removal_of_an_absent_package_may_take_effect_at_any_time() {
    let begin = "1..9 REMOVE|a| => OK\n2..3 INDEX|a| => OK";
    for replies in [["OK", "OK"], ["OK", "FAIL"], ["FAIL", "FAIL"]] {
        let [first, second] = replies;
        is_linearizable(&format!("{begin}\n4..5 QUERY|a| => {first}\n10..11 QUERY|a| => {second}"));
    }
    violates("S5", &format!("{begin}\n4..5 QUERY|a| => FAIL\n10..11 QUERY|a| => OK"));
}

#[test]
fn a_rejected_request_changes_nothing_and_reveals_the_state() {
    let begin = "1..2 INDEX|a| => OK\n3..4 INDEX|b|a => OK";
    is_linearizable(&format!("{begin}\n5..6 REMOVE|a| => FAIL\n7..8 QUERY|a| => OK\n9..10 REMOVE|b| => OK"));
    violates("S5", &format!("{begin}\n5..6 REMOVE|a| => FAIL\n7..8 QUERY|a| => FAIL"));
    violates("S3", &format!("{begin}\n5..6 REMOVE|b| => OK\n7..8 REMOVE|a| => FAIL"));
    // The rejection reveals whether the update of b took effect before it.
    let update = format!("{begin}\n5..20 INDEX|b| => OK");
    is_linearizable(&format!(
        "{update}\n6..7 REMOVE|a| => FAIL\n8..9 REMOVE|a| => OK\n10..11 INDEX|a| => OK"
    ));
    violates("C2", &format!("{update}\n6..7 REMOVE|a| => OK\n8..9 INDEX|a| => OK\n10..11 REMOVE|a| => FAIL"));
    violates("S2", &format!("{begin}\n5..6 REMOVE|c| => OK\n7..8 INDEX|c| => OK\n9..10 INDEX|b|a,c => FAIL"));
}

#[test]
fn a_lost_change_takes_effect_once_or_never() {
    let begin = "1..2 INDEX|a| => OK\n3..0 REMOVE|a|";
    is_linearizable(&format!("{begin}\n80..81 QUERY|a| => OK\n90..91 QUERY|a| => OK"));
    is_linearizable(&format!("{begin}\n80..81 QUERY|a| => OK\n90..91 QUERY|a| => FAIL"));
    violates("C2", &format!("{begin}\n80..81 QUERY|a| => FAIL\n90..91 QUERY|a| => OK"));
    // The lost change took effect once; another one may follow.
    let again = format!("{begin}\n5..6 QUERY|a| => FAIL\n7..8 INDEX|a| => OK");
    violates("C2", &format!("{again}\n9..10 QUERY|a| => FAIL"));
    is_linearizable(&format!("{again}\n9..0 REMOVE|a|\n11..12 QUERY|a| => FAIL"));
    // Whether it took effect before the update is unknown until the query is answered.
    is_linearizable(
        "1..2 INDEX|a| => OK\n3..0 REMOVE|a|\n4..20 QUERY|a| => FAIL\n5..6 INDEX|a| => OK\n21..22 QUERY|a| => OK",
    );
    // It cannot take effect before it was sent. A lost query changes nothing.
    violates("S5", "5..0 REMOVE|a|\n1..2 INDEX|a| => OK\n3..4 QUERY|a| => FAIL");
    is_linearizable("1..0 QUERY|a|\n2..3 INDEX|a| => OK");
}

#[test]
fn too_many_lost_changes_are_inconclusive() {
    let lost = "1..0 INDEX|a|\n".repeat(17);
    let inconclusive = is_unknown(Reason::LostChanges, &format!("{lost}2..3 QUERY|a| => OK"));
    assert_eq!((inconclusive.components, inconclusive.operations), (1, 18));
    // Lost changes that certainly took effect no longer count.
    let seen = |number: u64| {
        let at = 10 * number;
        let asked =
            format!("{}..{} QUERY|a| => OK\n{}..{} REMOVE|a| => OK\n", at + 1, at + 2, at + 3, at + 4);
        format!("{at}..0 INDEX|a|\n{asked}")
    };
    let history: String = (1..40).map(seen).collect();
    assert_eq!(search(&read(&history), &AMPLE).conclusion, Conclusion::Linearizable);
    // A violation in another component is still found.
    let operations = read(&format!("{lost}8..9 INDEX|b| => OK\n10..11 QUERY|b| => FAIL"));
    assert_eq!(violation_of(&operations).operation, 18);
}

#[test]
fn a_package_that_is_never_indexed_joins_no_component() {
    let mention = |name: &str| {
        format!("1..2 INDEX|{name}|z => FAIL\n3..4 INDEX|{name}| => OK\n5..6 INDEX|{name}|z => FAIL\n")
    };
    let history = ["a", "b", "c"].map(mention).concat() + "7..8 REMOVE|z| => OK\n7..8 QUERY|z| => FAIL";
    let outcome = search(&read(&history), &AMPLE);
    assert_eq!((outcome.conclusion, outcome.statistics.components), (Conclusion::Linearizable, 3));
    for (clause, line) in [("S1", "INDEX|a|z => OK"), ("S5", "QUERY|z| => OK"), ("S4", "REMOVE|z| => FAIL")] {
        violates(clause, &format!("{history}\n9..10 {line}"));
    }
    // A package that depends on it cannot be indexed either, unless a lost request indexed it.
    violates("S5", "1..0 INDEX|b|z\n2..0 INDEX|c|b\n5..6 QUERY|c| => OK");
    is_linearizable("1..0 INDEX|z|\n1..0 INDEX|b|z\n2..0 INDEX|c|b\n5..6 QUERY|c| => OK");
}

#[test]
fn the_first_violation_is_reported() {
    let wrong = |name: &str, at: u64| {
        let ask = format!("{}..{} QUERY|{name}| => FAIL", at, at + 1);
        format!("1..2 INDEX|{name}| => OK\n{ask}\n")
    };
    let operations = read(&[wrong("a", 50), wrong("b", 30), wrong("c", 40)].concat());
    assert_eq!(violation_of(&operations).operation, 3);
}

#[test]
fn an_invalid_request_is_an_error_and_only_an_invalid_request_is() {
    is_linearizable("1..2 INDEX|a => ERROR\n3..4 QUERY|a| => FAIL\n5..0 INDEX|a");
    for (clause, line) in [("R1", "INDEX|a"), ("R2", "index|a|"), ("R3", "INDEX||")] {
        let violation = violates(clause, &format!("1..2 {line} => FAIL"));
        assert_eq!(violation.possible, [Reply::Error]);
    }
    let violation = violates("S1", "1..2 INDEX|a| => ERROR");
    assert_eq!(violation.possible, [Reply::Ok]);
    violates("S5", "1..2 INDEX|a| => OK\n3..4 QUERY|a| => ERROR");
}

#[test]
fn an_unspecified_request_is_inconclusive() {
    for line in ["INDEX|b| a ", "INDEX|b|a,", "INDEX|b|a,a", "INDEX| a|", "QUERY|a|b", "REMOVE|a|b"] {
        let history = format!("1..2 INDEX|a| => OK\n3..4 {line} => FAIL\n5..6 QUERY|a| => FAIL");
        is_unknown(Reason::Unspecified, &history);
        // Other components are still judged.
        let operations = read(&format!("{history}\n7..8 INDEX|c| => OK\n9..10 QUERY|c| => FAIL"));
        assert_eq!(violation_of(&operations).operation, 4, "{line}");
    }
}

#[test]
fn a_package_that_blocks_its_own_removal_violates_no_must() {
    let begin = "1..2 INDEX|a| => OK\n3..4 INDEX|a|a => OK";
    is_linearizable(&format!("{begin}\n5..6 REMOVE|a| => OK\n7..8 QUERY|a| => FAIL"));
    violates("S6", &format!("{begin}\n5..6 REMOVE|a| => FAIL"));
    violates("S5", &format!("{begin}\n5..6 QUERY|a| => FAIL"));
}

#[test]
fn a_window_contains_only_needed_operations() {
    let history = "1..2 INDEX|a| => OK\n3..4 REMOVE|a| => OK\n5..6 INDEX|b| => OK\n7..8 INDEX|a|b => OK\n\
                   9..10 QUERY|a| => OK\n11..20 INDEX|b| => OK\n12..13 REMOVE|b| => OK";
    let violation = violates("C2", history);
    assert_eq!(violation.possible, [Reply::Fail]);
    // The pending update may have taken effect first; it changes nothing.
    assert_eq!(violation.window, [3, 5, 6]);
    assert_eq!(violation.states, ["a not indexed; b indexed"]);
}

#[test]
fn an_exhausted_budget_ends_the_search() {
    let operations = read("1..2 INDEX|a| => OK\n3..4 QUERY|a| => OK");
    let reason = |budget: Budget<'_>| match search(&operations, &budget).conclusion {
        Conclusion::Unknown(inconclusive) => inconclusive.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(Budget { component_nodes_max: 2, ..AMPLE }), Reason::Nodes);
    assert_eq!(reason(Budget { memory_bytes_max: 200, ..AMPLE }), Reason::Memory);
    assert_eq!(reason(Budget { is_expired: &|| true, ..AMPLE }), Reason::Time);
}
