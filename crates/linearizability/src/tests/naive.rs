//! A naive checker that tries all linearizations.

use protocol::index::model::Model;

use crate::Operation;

/// Returns whether the operations have a linearization from an empty index, by trying all orders.
pub(super) fn has_order(operations: &[Operation]) -> bool {
    fn try_rest(operations: &[Operation], is_done: &mut Vec<bool>, model: &Model) -> bool {
        let is_answered = |operation: &Operation| operation.replied.is_some();
        let waiting = || (0..operations.len()).filter(|&number| !is_done[number]);
        if !waiting().any(|number| is_answered(&operations[number])) {
            return true;
        }
        let first_reply = waiting().filter_map(|number| Some(operations[number].replied?.1)).min().unwrap();
        let next: Vec<usize> =
            waiting().filter(|&number| operations[number].sent_ns <= first_reply).collect();
        next.into_iter().any(|number| {
            let mut after = model.clone();
            let reply = after.answer(&operations[number].line);
            if operations[number].replied.is_some_and(|(replied, _)| replied != reply) {
                return false;
            }
            is_done[number] = true;
            let found = try_rest(operations, is_done, &after);
            is_done[number] = false;
            found
        })
    }
    try_rest(operations, &mut vec![false; operations.len()], &Model::default())
}
