//! Literal histories, each for one rule of the search.

use protocol::index::wire::Reply;

use super::naive::has_order;
use super::{read, written};
use crate::search::{Budget, Order, Reason, Undecided, Violation};
use crate::{Operation, bounds, search};

/// More than any of these takes.
pub(super) const AMPLE: Budget<'static> = Budget {
    nodes_max: 100_000_000,
    component_nodes_max: 10_000_000,
    memory_bytes_max: 256 << 20,
    is_over: &|| false,
};

#[track_caller]
fn violation_of(operations: &[Operation]) -> Violation {
    match search(operations, &AMPLE).order {
        Order::Violation(violation) => *violation,
        other => panic!("{other:?} of\n{}", written(operations)),
    }
}

/// The last operation has no place.
#[track_caller]
fn breaks(clause: &str, history: &str) -> Violation {
    let operations = read(history);
    let violation = violation_of(&operations);
    assert_eq!((violation.operation, violation.clause.id), (operations.len() - 1, clause), "{violation:?}");
    assert!(!has_order(&operations), "the naive checker finds an order");
    violation
}

#[track_caller]
fn is_ordered(history: &str) {
    let operations = read(history);
    assert_eq!(search(&operations, &AMPLE).order, Order::Ordered);
    assert!(has_order(&operations), "the naive checker finds no order");
}

#[track_caller]
fn is_unknown(reason: Reason, history: &str) -> Undecided {
    match search(&read(history), &AMPLE).order {
        Order::Unknown(undecided) if undecided.reason == reason => undecided,
        other => panic!("{other:?}"),
    }
}

#[test]
fn at_the_beginning_nothing_is_in() {
    is_ordered("1..2 QUERY|a| => FAIL\n3..4 INDEX|b|a => FAIL\n5..6 REMOVE|a| => OK\n7..8 INDEX|a| => OK");
    breaks("S5", "9..9 INDEX|a| => OK\n1..2 QUERY|a| => OK");
    breaks("S1", "9..9 INDEX|a| => OK\n1..2 INDEX|b|a => OK");
    breaks("S4", "9..9 INDEX|a| => OK\n1..2 REMOVE|a| => FAIL");
}

#[test]
fn what_was_read_stays_read() {
    // Which of two changes came last is not known, until somebody asks.
    let changes = "1..4 INDEX|a| => OK\n2..3 REMOVE|a| => OK";
    for (once, again) in [("OK", "FAIL"), ("FAIL", "OK")] {
        is_ordered(&format!("{changes}\n5..6 QUERY|a| => {once}\n7..8 QUERY|a| => {once}"));
        breaks("S5", &format!("{changes}\n5..6 QUERY|a| => {once}\n7..8 QUERY|a| => {again}"));
    }
    // A change under way has happened once somebody saw it.
    is_ordered("1..9 INDEX|a| => OK\n2..3 QUERY|a| => FAIL\n4..5 QUERY|a| => OK");
    breaks("C2", "1..9 INDEX|a| => OK\n2..3 QUERY|a| => OK\n4..5 QUERY|a| => FAIL");
    breaks("C2", "1..9 INDEX|a| => OK\n2..3 INDEX|b|a => OK\n4..5 QUERY|a| => FAIL");
}

#[test]
fn what_bounds_cannot_see_is_found() {
    let history = "1..4 INDEX|a| => OK\n2..3 REMOVE|a| => OK\n5..6 QUERY|a| => OK\n7..8 INDEX|b|a => FAIL";
    assert_eq!(bounds(&read(history)), None);
    breaks("S1", history);
}

#[test]
fn equal_instants_overlap() {
    is_ordered("1..2 INDEX|a| => OK\n2..3 QUERY|a| => FAIL");
    is_ordered("1..1 INDEX|a| => OK\n1..1 QUERY|a| => FAIL\n1..1 QUERY|a| => OK\n1..1 REMOVE|a| => OK");
    breaks("S5", "1..2 INDEX|a| => OK\n3..4 QUERY|a| => FAIL");
}

#[test]
fn a_removal_of_what_is_out_may_come_at_any_moment() {
    let begin = "1..9 REMOVE|a| => OK\n2..3 INDEX|a| => OK";
    for replies in [["OK", "OK"], ["OK", "FAIL"], ["FAIL", "FAIL"]] {
        let [first, second] = replies;
        is_ordered(&format!("{begin}\n4..5 QUERY|a| => {first}\n10..11 QUERY|a| => {second}"));
    }
    breaks("S5", &format!("{begin}\n4..5 QUERY|a| => FAIL\n10..11 QUERY|a| => OK"));
}

#[test]
fn what_is_refused_changes_nothing_and_tells_something() {
    let begin = "1..2 INDEX|a| => OK\n3..4 INDEX|b|a => OK";
    is_ordered(&format!("{begin}\n5..6 REMOVE|a| => FAIL\n7..8 QUERY|a| => OK\n9..10 REMOVE|b| => OK"));
    breaks("S5", &format!("{begin}\n5..6 REMOVE|a| => FAIL\n7..8 QUERY|a| => FAIL"));
    breaks("S3", &format!("{begin}\n5..6 REMOVE|b| => OK\n7..8 REMOVE|a| => FAIL"));
    // Whether the list of b went before it was refused, is known once it was.
    let update = format!("{begin}\n5..20 INDEX|b| => OK");
    is_ordered(&format!("{update}\n6..7 REMOVE|a| => FAIL\n8..9 REMOVE|a| => OK\n10..11 INDEX|a| => OK"));
    breaks("C2", &format!("{update}\n6..7 REMOVE|a| => OK\n8..9 INDEX|a| => OK\n10..11 REMOVE|a| => FAIL"));
    breaks("S2", &format!("{begin}\n5..6 REMOVE|c| => OK\n7..8 INDEX|c| => OK\n9..10 INDEX|b|a,c => FAIL"));
}

#[test]
fn a_lost_change_happened_once_at_some_time_or_never() {
    let begin = "1..2 INDEX|a| => OK\n3..0 REMOVE|a|";
    is_ordered(&format!("{begin}\n80..81 QUERY|a| => OK\n90..91 QUERY|a| => OK"));
    is_ordered(&format!("{begin}\n80..81 QUERY|a| => OK\n90..91 QUERY|a| => FAIL"));
    breaks("C2", &format!("{begin}\n80..81 QUERY|a| => FAIL\n90..91 QUERY|a| => OK"));
    // It happened once, and a second one may come.
    let again = format!("{begin}\n5..6 QUERY|a| => FAIL\n7..8 INDEX|a| => OK");
    breaks("C2", &format!("{again}\n9..10 QUERY|a| => FAIL"));
    is_ordered(&format!("{again}\n9..0 REMOVE|a|\n11..12 QUERY|a| => FAIL"));
    // Whether it happened before the update is open until the question is answered.
    is_ordered(
        "1..2 INDEX|a| => OK\n3..0 REMOVE|a|\n4..20 QUERY|a| => FAIL\n5..6 INDEX|a| => OK\n21..22 QUERY|a| => OK",
    );
    // Not before it was sent; and a lost question is none.
    breaks("S5", "5..0 REMOVE|a|\n1..2 INDEX|a| => OK\n3..4 QUERY|a| => FAIL");
    is_ordered("1..0 QUERY|a|\n2..3 INDEX|a| => OK");
}

#[test]
fn lost_changes_are_too_many_at_some_point() {
    let lost = "1..0 INDEX|a|\n".repeat(17);
    let undecided = is_unknown(Reason::LostChanges, &format!("{lost}2..3 QUERY|a| => OK"));
    assert_eq!((undecided.components, undecided.operations), (1, 18));
    // Those that certainly happened are counted no more.
    let seen = |number: u64| {
        let at = 10 * number;
        let asked =
            format!("{}..{} QUERY|a| => OK\n{}..{} REMOVE|a| => OK\n", at + 1, at + 2, at + 3, at + 4);
        format!("{at}..0 INDEX|a|\n{asked}")
    };
    let history: String = (1..40).map(seen).collect();
    assert_eq!(search(&read(&history), &AMPLE).order, Order::Ordered);
    // What is known to be wrong elsewhere is wrong.
    let operations = read(&format!("{lost}8..9 INDEX|b| => OK\n10..11 QUERY|b| => FAIL"));
    assert_eq!(violation_of(&operations).operation, 18);
}

#[test]
fn what_is_never_indexed_joins_nothing() {
    let mention = |name: &str| {
        format!("1..2 INDEX|{name}|z => FAIL\n3..4 INDEX|{name}| => OK\n5..6 INDEX|{name}|z => FAIL\n")
    };
    let history = ["a", "b", "c"].map(mention).concat() + "7..8 REMOVE|z| => OK\n7..8 QUERY|z| => FAIL";
    let outcome = search(&read(&history), &AMPLE);
    assert_eq!((outcome.order, outcome.statistics.components), (Order::Ordered, 3));
    for (clause, line) in [("S1", "INDEX|a|z => OK"), ("S5", "QUERY|z| => OK"), ("S4", "REMOVE|z| => FAIL")] {
        breaks(clause, &format!("{history}\n9..10 {line}"));
    }
    // What depends on it cannot be indexed either, nor what depends on that; unless a lost request did it.
    breaks("S5", "1..0 INDEX|b|z\n2..0 INDEX|c|b\n5..6 QUERY|c| => OK");
    is_ordered("1..0 INDEX|z|\n1..0 INDEX|b|z\n2..0 INDEX|c|b\n5..6 QUERY|c| => OK");
}

#[test]
fn the_first_violation_is_told() {
    let wrong = |name: &str, at: u64| {
        let ask = format!("{}..{} QUERY|{name}| => FAIL", at, at + 1);
        format!("1..2 INDEX|{name}| => OK\n{ask}\n")
    };
    let operations = read(&[wrong("a", 50), wrong("b", 30), wrong("c", 40)].concat());
    assert_eq!(violation_of(&operations).operation, 3);
}

#[test]
fn what_is_no_request_is_an_error_and_an_error_is_for_nothing_else() {
    is_ordered("1..2 INDEX|a => ERROR\n3..4 QUERY|a| => FAIL\n5..0 INDEX|a");
    for (clause, line) in [("R1", "INDEX|a"), ("R2", "index|a|"), ("R3", "INDEX||")] {
        let violation = breaks(clause, &format!("1..2 {line} => FAIL"));
        assert_eq!(violation.possible, [Reply::Error]);
    }
    let violation = breaks("S1", "1..2 INDEX|a| => ERROR");
    assert_eq!(violation.possible, [Reply::Ok]);
    breaks("S5", "1..2 INDEX|a| => OK\n3..4 QUERY|a| => ERROR");
}

#[test]
fn what_the_protocol_leaves_open_is_unknown() {
    for line in ["INDEX|b| a ", "INDEX|b|a,", "INDEX|b|a,a", "INDEX| a|", "QUERY|a|b", "REMOVE|a|b"] {
        let history = format!("1..2 INDEX|a| => OK\n3..4 {line} => FAIL\n5..6 QUERY|a| => FAIL");
        is_unknown(Reason::LeftOpen, &history);
        // Others are judged.
        let operations = read(&format!("{history}\n7..8 INDEX|c| => OK\n9..10 QUERY|c| => FAIL"));
        assert_eq!(violation_of(&operations).operation, 4, "{line}");
    }
}

#[test]
fn a_package_that_keeps_itself_breaks_no_must() {
    let begin = "1..2 INDEX|a| => OK\n3..4 INDEX|a|a => OK";
    is_ordered(&format!("{begin}\n5..6 REMOVE|a| => OK\n7..8 QUERY|a| => FAIL"));
    breaks("S6", &format!("{begin}\n5..6 REMOVE|a| => FAIL"));
    breaks("S5", &format!("{begin}\n5..6 QUERY|a| => FAIL"));
}

#[test]
fn a_window_is_what_it_takes() {
    let history = "1..2 INDEX|a| => OK\n3..4 REMOVE|a| => OK\n5..6 INDEX|b| => OK\n7..8 INDEX|a|b => OK\n\
                   9..10 QUERY|a| => OK\n11..20 INDEX|b| => OK\n12..13 REMOVE|b| => OK";
    let violation = breaks("C2", history);
    assert_eq!(violation.possible, [Reply::Fail]);
    // The update that was under way may have gone first; it changes nothing.
    assert_eq!(violation.window, [3, 5, 6]);
    assert_eq!(violation.states, ["a out; b in"]);
}

#[test]
fn a_budget_ends_the_search() {
    let operations = read("1..2 INDEX|a| => OK\n3..4 QUERY|a| => OK");
    let reason = |budget: Budget<'_>| match search(&operations, &budget).order {
        Order::Unknown(undecided) => undecided.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(Budget { component_nodes_max: 2, ..AMPLE }), Reason::Nodes);
    assert_eq!(reason(Budget { memory_bytes_max: 200, ..AMPLE }), Reason::Memory);
    assert_eq!(reason(Budget { is_over: &|| true, ..AMPLE }), Reason::Time);
}
