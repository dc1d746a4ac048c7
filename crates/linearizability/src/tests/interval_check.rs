//! Literal histories, one for each rule of the interval check, and random ones.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use protocol::index::model::Model;
use protocol::index::wire::Reply;

use super::naive::has_order;
use super::text::{read, written};
use crate::{Operation, interval_check};

/// Asserts that the last operation violates this clause.
#[track_caller]
fn violates(clause: &str, history: &str) {
    let operations = read(history);
    let violation = interval_check(&operations).expect("a violation");
    assert_eq!(
        (violation.operation, violation.clause.id),
        (operations.len() - 1, clause),
        "{}",
        violation.explanation
    );
    assert!(!has_order(&operations), "the naive checker finds a linearization");
}

#[track_caller]
fn is_allowed(history: &str) {
    let operations = read(history);
    assert_eq!(interval_check(&operations), None);
}

#[test]
fn a_reply_that_contradicts_a_certain_fact_is_a_violation() {
    violates("S5", "1..2 INDEX|a| => OK\n3..4 QUERY|a| => FAIL");
    violates("S5", "1..2 REMOVE|a| => OK\n3..4 QUERY|a| => OK");
    violates("S1", "1..2 INDEX|a| => OK\n3..4 INDEX|b|a => FAIL");
    violates("S1", "1..2 REMOVE|b| => OK\n3..4 INDEX|b| => FAIL");
    violates("S1", "1..2 REMOVE|a| => OK\n3..4 INDEX|b|a => OK");
    violates("S2", "1..2 REMOVE|a| => OK\n3..4 INDEX|b| => OK\n5..6 INDEX|b|a => OK");
    violates("S3", "1..2 INDEX|a| => OK\n3..4 INDEX|b|a => OK\n5..6 REMOVE|a| => OK");
    violates("S4", "1..2 REMOVE|a| => OK\n3..4 REMOVE|a| => FAIL");
    violates(
        "S3",
        "1..2 REMOVE|a| => OK\n3..4 INDEX|a| => OK\n5..6 INDEX|b|a => OK\n7..8 REMOVE|b| => OK\n9..10 REMOVE|a| => FAIL",
    );
}

#[test]
fn nothing_is_certain_at_the_beginning() {
    for line in
        ["QUERY|a| => OK", "QUERY|a| => FAIL", "REMOVE|a| => FAIL", "INDEX|a|b => OK", "INDEX|a|b => FAIL"]
    {
        is_allowed(&format!("1..2 {line}"));
    }
    // A package of an earlier client may depend on it.
    is_allowed("1..2 INDEX|a| => OK\n3..4 REMOVE|a| => FAIL");
}

#[test]
fn a_pending_change_may_have_taken_effect_or_not() {
    for reply in ["OK", "FAIL"] {
        is_allowed(&format!("1..2 INDEX|a| => OK\n3..6 REMOVE|a| => OK\n4..5 QUERY|a| => {reply}"));
        is_allowed(&format!("1..2 REMOVE|a| => OK\n3..6 INDEX|a| => OK\n4..5 QUERY|a| => {reply}"));
        // A lost change may take effect at any later time.
        is_allowed(&format!("1..2 INDEX|a| => OK\n3..0 REMOVE|a|\n8..9 QUERY|a| => {reply}"));
    }
    // An update leaves the package indexed, and so does a rejected removal.
    violates("S5", "1..2 INDEX|a| => OK\n3..6 INDEX|a| => OK\n4..5 QUERY|a| => FAIL");
    violates("S5", "1..2 INDEX|a| => OK\n3..4 REMOVE|a| => FAIL\n5..6 QUERY|a| => FAIL");
    violates("S5", "1..2 INDEX|a| => OK\n3..0 INDEX|a|\n8..9 QUERY|a| => FAIL");
}

#[test]
fn a_reply_that_overlaps_a_change_may_precede_it() {
    is_allowed("1..2 INDEX|a| => OK\n3..6 QUERY|a| => OK\n4..5 REMOVE|a| => OK");
    is_allowed("1..4 INDEX|a| => OK\n2..3 QUERY|a| => FAIL");
    // The order of two concurrent changes is unknown.
    for reply in ["OK", "FAIL"] {
        is_allowed(&format!("1..4 INDEX|a| => OK\n2..3 REMOVE|a| => OK\n5..6 QUERY|a| => {reply}"));
    }
}

#[test]
fn an_update_may_have_removed_the_dependency() {
    is_allowed("1..2 INDEX|a| => OK\n3..4 INDEX|b|a => OK\n5..8 INDEX|b| => OK\n6..7 REMOVE|a| => OK");
    is_allowed("1..2 INDEX|a| => OK\n3..4 INDEX|b|a => OK\n5..6 INDEX|b| => OK\n7..8 REMOVE|a| => OK");
}

#[test]
fn an_unspecified_request_is_never_a_violation() {
    is_allowed("1..2 INDEX|a| => OK\n3..4 INDEX|b| a  => FAIL");
    is_allowed("1..2 INDEX|a| => OK\n3..4 INDEX|b|a, => FAIL");
    is_allowed("1..2 INDEX|a b| => OK\n3..4 QUERY|a b| => FAIL");
    is_allowed("1..2 INDEX|a| => ERROR\n3..4 QUERY|a| => FAIL");
    // The package may block its own removal (S6).
    is_allowed("1..2 REMOVE|a| => OK\n3..4 INDEX|a| => OK\n5..6 INDEX|a|a => OK\n7..8 REMOVE|a| => FAIL");
}

/// Draws a small history: correct as one index would answer, then possibly with an incorrect reply or time.
fn draw(random: &mut ChaCha8Rng) -> Vec<Operation> {
    const NAMES: [&str; 3] = ["a", "b", "c"];
    let mut model = Model::default();
    // All packages are removed first, so that their absence is certain.
    let mut operations = read("1..2 REMOVE|a| => OK\n3..4 REMOVE|b| => OK\n5..6 REMOVE|c| => OK");
    let mut now_ns = 40;
    for client in 0..random.random_range(3..8) {
        let name = NAMES[random.random_range(0..3)];
        let list = ["", "a", "b", "c", "a,b"][random.random_range(0..5)];
        let line = match random.random_range(0..10) {
            0..5 => format!("INDEX|{name}|{list}"),
            5..8 => format!("REMOVE|{name}|"),
            _ => format!("QUERY|{name}|"),
        };
        let reply = model.answer(line.as_bytes());
        // The operation took effect at this time and was pending around it.
        now_ns += 10;
        let (sent_ns, replied_ns) =
            (now_ns - random.random_range(0..25_u64).min(now_ns), now_ns + random.random_range(0..25_u64));
        let is_lost = random.random_range(0..12) == 0;
        let replied = (!is_lost).then_some((reply, replied_ns));
        operations.push(Operation { client, line: line.into_bytes(), sent_ns, replied });
    }
    if random.random_range(0..2) == 0 {
        let wrong = random.random_range(3..operations.len());
        if let Some((reply, _)) = &mut operations[wrong].replied {
            *reply = if *reply == Reply::Ok { Reply::Fail } else { Reply::Ok };
        }
    }
    operations
}

/// A history that the check accuses has no linearization, and the check accuses many of those.
#[test]
fn an_accused_history_has_no_linearization() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut accused, mut wrong) = (0, 0);
    for _ in 0..40_000 {
        let operations = draw(&mut random);
        let has_order = has_order(&operations);
        wrong += u32::from(!has_order);
        if let Some(violation) = interval_check(&operations) {
            accused += 1;
            assert!(!has_order, "{violation:?} of\n{}", written(&operations));
        }
    }
    assert!(accused > wrong / 3, "{accused} accused of {wrong} without a linearization");
}
