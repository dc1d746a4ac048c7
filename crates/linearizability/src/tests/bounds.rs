//! Literal histories, each for one rule of the judge of what was certain; and random ones.

use protocol::index::model::Model;
use protocol::index::wire::Reply;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::naive::has_order;
use super::{read, written};
use crate::{Operation, bounds};

/// The clause that the last operation breaks.
#[track_caller]
fn breaks(clause: &str, history: &str) {
    let operations = read(history);
    let violation = bounds(&operations).expect("a violation");
    assert_eq!(
        (violation.operation, violation.clause.id),
        (operations.len() - 1, clause),
        "{}",
        violation.why
    );
    assert!(!has_order(&operations), "the naive checker finds an order");
}

#[track_caller]
fn is_allowed(history: &str) {
    let operations = read(history);
    assert_eq!(bounds(&operations), None);
}

#[test]
fn what_is_certain_contradicts() {
    breaks("S5", "1..2 INDEX|a| => OK\n3..4 QUERY|a| => FAIL");
    breaks("S5", "1..2 REMOVE|a| => OK\n3..4 QUERY|a| => OK");
    breaks("S1", "1..2 INDEX|a| => OK\n3..4 INDEX|b|a => FAIL");
    breaks("S1", "1..2 REMOVE|b| => OK\n3..4 INDEX|b| => FAIL");
    breaks("S1", "1..2 REMOVE|a| => OK\n3..4 INDEX|b|a => OK");
    breaks("S2", "1..2 REMOVE|a| => OK\n3..4 INDEX|b| => OK\n5..6 INDEX|b|a => OK");
    breaks("S3", "1..2 INDEX|a| => OK\n3..4 INDEX|b|a => OK\n5..6 REMOVE|a| => OK");
    breaks("S4", "1..2 REMOVE|a| => OK\n3..4 REMOVE|a| => FAIL");
    breaks(
        "S3",
        "1..2 REMOVE|a| => OK\n3..4 INDEX|a| => OK\n5..6 INDEX|b|a => OK\n7..8 REMOVE|b| => OK\n9..10 REMOVE|a| => FAIL",
    );
}

#[test]
fn at_the_beginning_nothing_is_certain() {
    for line in
        ["QUERY|a| => OK", "QUERY|a| => FAIL", "REMOVE|a| => FAIL", "INDEX|a|b => OK", "INDEX|a|b => FAIL"]
    {
        is_allowed(&format!("1..2 {line}"));
    }
    // Somebody who was there before may need it.
    is_allowed("1..2 INDEX|a| => OK\n3..4 REMOVE|a| => FAIL");
}

#[test]
fn what_is_under_way_may_have_happened_or_not() {
    for reply in ["OK", "FAIL"] {
        is_allowed(&format!("1..2 INDEX|a| => OK\n3..6 REMOVE|a| => OK\n4..5 QUERY|a| => {reply}"));
        is_allowed(&format!("1..2 REMOVE|a| => OK\n3..6 INDEX|a| => OK\n4..5 QUERY|a| => {reply}"));
        // A lost one may happen at any time from then on.
        is_allowed(&format!("1..2 INDEX|a| => OK\n3..0 REMOVE|a|\n8..9 QUERY|a| => {reply}"));
    }
    // But an update leaves it in, and a refused removal does too.
    breaks("S5", "1..2 INDEX|a| => OK\n3..6 INDEX|a| => OK\n4..5 QUERY|a| => FAIL");
    breaks("S5", "1..2 INDEX|a| => OK\n3..4 REMOVE|a| => FAIL\n5..6 QUERY|a| => FAIL");
    breaks("S5", "1..2 INDEX|a| => OK\n3..0 INDEX|a|\n8..9 QUERY|a| => FAIL");
}

#[test]
fn a_reply_that_overlaps_a_change_may_be_from_before_it() {
    is_allowed("1..2 INDEX|a| => OK\n3..6 QUERY|a| => OK\n4..5 REMOVE|a| => OK");
    is_allowed("1..4 INDEX|a| => OK\n2..3 QUERY|a| => FAIL");
    // Of two changes at once it is not known which was last.
    for reply in ["OK", "FAIL"] {
        is_allowed(&format!("1..4 INDEX|a| => OK\n2..3 REMOVE|a| => OK\n5..6 QUERY|a| => {reply}"));
    }
}

#[test]
fn an_update_may_have_taken_the_need_away() {
    is_allowed("1..2 INDEX|a| => OK\n3..4 INDEX|b|a => OK\n5..8 INDEX|b| => OK\n6..7 REMOVE|a| => OK");
    is_allowed("1..2 INDEX|a| => OK\n3..4 INDEX|b|a => OK\n5..6 INDEX|b| => OK\n7..8 REMOVE|a| => OK");
}

#[test]
fn what_the_protocol_leaves_open_accuses_nobody() {
    is_allowed("1..2 INDEX|a| => OK\n3..4 INDEX|b| a  => FAIL");
    is_allowed("1..2 INDEX|a| => OK\n3..4 INDEX|b|a, => FAIL");
    is_allowed("1..2 INDEX|a b| => OK\n3..4 QUERY|a b| => FAIL");
    is_allowed("1..2 INDEX|a| => ERROR\n3..4 QUERY|a| => FAIL");
    // It may be kept in by itself (S6).
    is_allowed("1..2 REMOVE|a| => OK\n3..4 INDEX|a| => OK\n5..6 INDEX|a|a => OK\n7..8 REMOVE|a| => FAIL");
}

/// A small history: right, as one index would answer, and then perhaps with a reply or a time that is not.
fn draw(random: &mut ChaCha8Rng) -> Vec<Operation> {
    const NAMES: [&str; 3] = ["a", "b", "c"];
    let mut model = Model::default();
    // First all are taken out, so that something is certain.
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
        // It took effect at this moment, and was under way around it.
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

/// What the judge accuses has no order, on any history; and it accuses of many.
#[test]
fn whoever_is_accused_has_no_order() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut accused, mut wrong) = (0, 0);
    for _ in 0..40_000 {
        let operations = draw(&mut random);
        let has_order = has_order(&operations);
        wrong += u32::from(!has_order);
        if let Some(violation) = bounds(&operations) {
            accused += 1;
            assert!(!has_order, "{violation:?} of\n{}", written(&operations));
        }
    }
    assert!(accused > wrong / 3, "{accused} accused of {wrong} without an order");
}
