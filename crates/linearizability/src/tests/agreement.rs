//! On small random histories the search and the naive checker agree exactly.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use protocol::index::model::Model;
use protocol::index::wire::Reply;

use super::naive::has_order;
use super::search::AMPLE;
use super::text::written;
use crate::search::Conclusion;
use crate::{Operation, search};

#[test]
fn agrees_with_the_naive_checker() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut wrong = 0;
    for _ in 0..15_000 {
        let operations = draw(&mut random);
        let has_order = has_order(&operations);
        wrong += u32::from(!has_order);
        match search(&operations, &AMPLE).conclusion {
            Conclusion::Linearizable => assert!(has_order, "a linearization of\n{}", written(&operations)),
            Conclusion::Violation(violation) => {
                assert!(!has_order, "{violation:?} of\n{}", written(&operations));
            }
            Conclusion::Unknown(inconclusive) => panic!("{inconclusive:?} of\n{}", written(&operations)),
        }
    }
    assert!((4_000..11_000).contains(&wrong), "{wrong} without a linearization");
}

/// Draws a small history from an empty index, with much overlap and possibly with incorrect replies.
pub(super) fn draw(random: &mut ChaCha8Rng) -> Vec<Operation> {
    let mut model = Model::default();
    let mut operations: Vec<Operation> = vec![];
    let mut now_ns = 200;
    let overlap_ns = random.random_range(1..150_u64);
    // Few packages, or many lost replies, produce histories that differ in one detail.
    let names = &["a", "b", "c", "d"][..random.random_range(1..=4)];
    let lost_percent = [0, 10, 40][random.random_range(0..3)];
    for client in 0..random.random_range(3..9) {
        let name = names[random.random_range(0..names.len())];
        let list = ["", "", "a", "b", "c", "a,b", "b,c", "d", "z"][random.random_range(0..9)];
        let line = match random.random_range(0..40) {
            0..14 => format!("INDEX|{name}|{list}"),
            14..18 => format!("INDEX|{name}|"),
            18..28 => format!("REMOVE|{name}|"),
            28..38 => format!("QUERY|{name}|"),
            38 => format!("QUERY|{name}"),
            _ => format!("{}|z|", ["QUERY", "REMOVE"][random.random_range(0..2)]),
        };
        let reply = model.answer(line.as_bytes());
        now_ns += 10;
        let sent_ns = now_ns - random.random_range(0..=overlap_ns);
        let replied_ns = now_ns + random.random_range(0..=overlap_ns);
        let is_lost = random.random_range(0..100) < lost_percent;
        let replied = (!is_lost).then_some((reply, replied_ns));
        operations.push(Operation { client, line: line.into_bytes(), sent_ns, replied });
    }
    for _ in 0..random.random_range(0..3) {
        let wrong = random.random_range(0..operations.len());
        let is_error = random.random_range(0..20) == 0;
        if let Some((reply, _)) = &mut operations[wrong].replied {
            *reply = match *reply {
                _ if is_error => Reply::Error,
                Reply::Ok => Reply::Fail,
                Reply::Fail | Reply::Error => Reply::Ok,
            };
        }
    }
    operations
}
