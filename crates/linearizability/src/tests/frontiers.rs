//! A second naive checker, for long histories: at each reply it keeps every index that is possible by then.
//!
//! It tries the orders in which the pending operations may have taken effect, and keeps those that produce the reply
//! (Lowe, "Testing for linearizability", 2017). It is exact, and fast where few clients share packages.

use std::collections::{BTreeMap, BTreeSet};

use protocol::index::model::Model;
use protocol::index::wire::Reply;

use super::agreement::draw;
use super::naive::has_order;
use crate::Operation;

/// A possible situation: the pending operations that have taken effect, and the number of the index.
type Frontier = (BTreeSet<usize>, usize);

/// Returns the first reply that leaves no linearization from an empty index, if there is one.
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

/// Returns the possible situations after the reply to this operation.
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

/// All indexes reached, so that none answers the same line twice.
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

    /// Returns the reply of this index and the index after it.
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
fn it_agrees_with_the_other_naive_checker() {
    use rand::SeedableRng;
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(2);
    for _ in 0..5_000 {
        let operations = draw(&mut random);
        assert_eq!(rules_out_every_order(&operations).is_none(), has_order(&operations), "{operations:?}");
    }
}
