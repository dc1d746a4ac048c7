//! Right simulations are right and accused by nobody; wrong ones have no order, each time.

use std::collections::BTreeMap;

use protocol::index::model::Model;

use super::scripts::{Episode, component_of, contention};
use super::{Fault, Operation, simulate};
use crate::truth::bounds;
use crate::truth::frontiers::rules_out_every_order;

const FAULTS: [Fault; 5] = [
    Fault::IndexInTwoSteps { apart_ns: 50_000 },
    Fault::RemoveInTwoSteps { apart_ns: 50_000 },
    Fault::StaleReads { old_ns: 500_000 },
    Fault::FailedIndexSeen { for_ns: 50_000 },
    Fault::UpdateLeavesAGap { for_ns: 50_000 },
];

/// Whether any component's operations have no order; each is looked at on its own, since they share nothing.
fn has_component_without_order(operations: &[Operation]) -> bool {
    let mut components: BTreeMap<&[u8], Vec<Operation>> = BTreeMap::new();
    for operation in operations {
        components.entry(component_of(&operation.line)).or_default().push(operation.clone());
    }
    components.values().any(|operations| rules_out_every_order(operations).is_some())
}

#[test]
fn a_right_simulation_answers_as_the_model_does_in_the_order_of_its_effects() {
    for seed in 0..10 {
        let operations = simulate(&contention(2, 3, seed), None, seed);
        let mut model = Model::default();
        for operation in &operations {
            let (reply, replied_ns) = operation.replied.unwrap();
            assert!(operation.sent_ns < replied_ns);
            assert_eq!(model.answer(&operation.line), reply, "{}", operation.line.escape_ascii());
        }
    }
}

#[test]
fn the_same_seed_is_the_same_history_and_each_client_has_one_request_under_way() {
    let operations = simulate(&contention(2, 2, 7), Some(FAULTS[0]), 7);
    assert_eq!(operations, simulate(&contention(2, 2, 7), Some(FAULTS[0]), 7));
    assert_ne!(operations, simulate(&contention(2, 2, 8), Some(FAULTS[0]), 7));
    let mut done_ns: BTreeMap<u32, u64> = BTreeMap::new();
    for operation in &operations {
        let before_ns = done_ns.insert(operation.client, operation.replied.unwrap().1).unwrap_or(0);
        assert!(before_ns < operation.sent_ns);
    }
    assert_eq!(done_ns.len(), 10);
}

#[test]
fn no_right_simulation_is_accused() {
    for seed in 0..10 {
        let operations = simulate(&contention(5, 8, seed), None, seed);
        assert!(operations.len() > 15_000);
        assert_eq!(bounds(&operations), None);
        let few = simulate(&contention(1, 2, seed), None, seed);
        assert!(!has_component_without_order(&few), "seed {seed}");
    }
}

/// Each time, among a hundred thousand operations. The checker is slow, so the seeds are few.
#[test]
fn every_fault_brings_what_no_order_allows() {
    for fault in FAULTS {
        for seed in 0..2 {
            let groups = contention(10, 25, seed);
            let is_wrong =
                |group: &[Vec<Episode>]| has_component_without_order(&simulate(group, Some(fault), seed));
            assert!(groups.chunks(1).any(is_wrong), "{fault:?} under seed {seed}");
        }
    }
}
