//! A second naive checker, for long histories: moment by moment, it keeps every index that there may be by then.
//!
//! At each reply the orders in which what is under way may have taken effect are tried, and those kept that bring that
//! reply (Lowe, "Testing for linearizability", 2017). Quick where few clients share packages, and exact.

use std::collections::{BTreeMap, BTreeSet};

use protocol::index::model::Model;
use protocol::index::wire::Reply;

use super::agreement::draw;
use super::naive::has_order;
use crate::Operation;

/// What may be by now: the operations under way that took effect already, and the index, by number.
type Frontier = (BTreeSet<usize>, usize);

/// The first reply that leaves no order, if there is one; from an empty index.
pub(super) fn rules_out_every_order(operations: &[Operation]) -> Option<usize> {
    let mut moments: Vec<(u64, bool, usize)> = Vec::new();
    for (number, operation) in operations.iter().enumerate() {
        moments.push((operation.sent_ns, false, number));
        moments.extend(operation.replied.map(|(_, replied_ns)| (replied_ns, true, number)));
    }
    moments.sort_unstable();
    let mut under_way: BTreeSet<usize> = BTreeSet::new();
    let mut indexes = Indexes::default();
    let mut frontiers = BTreeSet::from([(BTreeSet::new(), indexes.number(Model::default()))]);
    for (_, is_reply, number) in moments {
        if !is_reply {
            under_way.insert(number);
            continue;
        }
        frontiers = after_reply(operations, &mut indexes, &under_way, frontiers, number);
        under_way.remove(&number);
        if frontiers.is_empty() {
            return Some(number);
        }
    }
    None
}

/// What may be when this operation's reply has come.
fn after_reply<'a>(
    operations: &'a [Operation],
    indexes: &mut Indexes<'a>,
    under_way: &BTreeSet<usize>,
    frontiers: BTreeSet<Frontier>,
    replied: usize,
) -> BTreeSet<Frontier> {
    let mut after = BTreeSet::new();
    let mut to_see: Vec<Frontier> = frontiers.iter().cloned().collect();
    let mut seen = frontiers;
    while let Some((mut done, index)) = to_see.pop() {
        if done.remove(&replied) {
            after.insert((done, index));
            continue;
        }
        for &next in under_way.difference(&done) {
            let (reply, index) = indexes.answer(index, &operations[next].line);
            if operations[next].replied.is_some_and(|(wanted, _)| wanted != reply) {
                continue;
            }
            let frontier = (done.iter().copied().chain([next]).collect(), index);
            if seen.insert(frontier.clone()) {
                to_see.push(frontier);
            }
        }
    }
    after
}

/// All indexes that were met, so that none is asked the same line twice.
#[derive(Default)]
struct Indexes<'a> {
    all: Vec<Model>,
    numbers: BTreeMap<Model, usize>,
    answers: BTreeMap<(usize, &'a [u8]), (Reply, usize)>,
}

impl<'a> Indexes<'a> {
    fn number(&mut self, model: Model) -> usize {
        if let Some(&number) = self.numbers.get(&model) {
            return number;
        }
        let number = self.all.len();
        self.all.push(model.clone());
        self.numbers.insert(model, number);
        number
    }

    /// What this index answers, and the index after that.
    fn answer(&mut self, index: usize, line: &'a [u8]) -> (Reply, usize) {
        if let Some(&answer) = self.answers.get(&(index, line)) {
            return answer;
        }
        let mut model = self.all[index].clone();
        let reply = model.answer(line);
        let answer = (reply, self.number(model));
        self.answers.insert((index, line), answer);
        answer
    }
}

#[test]
fn it_finds_an_order_where_the_other_does() {
    use rand::SeedableRng;
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(2);
    for _ in 0..5_000 {
        let operations = draw(&mut random);
        assert_eq!(rules_out_every_order(&operations).is_none(), has_order(&operations), "{operations:?}");
    }
}
