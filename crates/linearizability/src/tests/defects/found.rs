//! Correct simulations are never accused; defects are found under every seed.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use protocol::index::model::Model;

use super::Fault;
use crate::search::Conclusion;
use crate::tests::frontiers::rules_out_every_order;
use crate::tests::search::AMPLE;
use crate::tests::simulated::Size;
use crate::{Operation, interval_check, search};

const FAULTS: [Fault; 5] = [
    Fault::IndexInTwoSteps { apart_ns: 50_000 },
    Fault::RemoveInTwoSteps { apart_ns: 50_000 },
    Fault::StaleReads { old_ns: 500_000 },
    Fault::FailedIndexSeen { for_ns: 50_000 },
    Fault::UpdateLeavesAGap { for_ns: 50_000 },
];

fn simulate(operations: usize, fault: Option<Fault>, seed: u64) -> Vec<Operation> {
    let size = Size { operations, groups: 10, clients_per_group: 5 };
    super::simulate(size, fault, &mut ChaCha8Rng::seed_from_u64(seed))
}

#[test]
fn a_correct_simulation_replies_as_the_model_does_in_the_order_of_effects() {
    for seed in 0..10 {
        let mut model = Model::default();
        for operation in simulate(4_000, None, seed) {
            let (reply, replied_ns) = operation.replied.unwrap();
            assert!(operation.sent_ns < replied_ns);
            assert_eq!(model.answer(&operation.line), reply, "{}", operation.line.escape_ascii());
        }
    }
}

#[test]
fn a_seed_determines_the_history_and_each_client_has_one_pending_request() {
    let operations = simulate(8_000, Some(FAULTS[0]), 7);
    assert_eq!(operations, simulate(8_000, Some(FAULTS[0]), 7));
    assert_ne!(operations, simulate(8_000, Some(FAULTS[0]), 8));
    let mut done_ns: BTreeMap<u32, u64> = BTreeMap::new();
    for operation in &operations {
        let before_ns = done_ns.insert(operation.client, operation.replied.unwrap().1).unwrap_or(0);
        assert!(before_ns < operation.sent_ns);
    }
    assert_eq!(done_ns.len(), 50);
}

#[test]
fn a_correct_simulation_is_never_accused() {
    for seed in 0..10 {
        let operations = simulate(10_000, None, seed);
        assert_eq!(interval_check(&operations), None);
        assert_eq!(search(&operations, &AMPLE).conclusion, Conclusion::Linearizable);
    }
}

/// Each defect is found among a hundred thousand operations, although it lasts only 50 µs.
#[test]
fn every_fault_is_found_under_every_seed() {
    for fault in FAULTS {
        for seed in 0..10 {
            let operations = simulate(100_000, Some(fault), seed);
            let conclusion = search(&operations, &AMPLE).conclusion;
            assert!(
                matches!(conclusion, Conclusion::Violation(_)),
                "{fault:?} under seed {seed}: {conclusion:?}"
            );
        }
    }
}

/// For each episode, the search agrees with a slow and short checker.
#[test]
fn the_search_misses_nothing_in_long_histories() {
    let mut wrong = 0;
    for fault in FAULTS {
        let mut episodes: BTreeMap<Vec<u8>, Vec<Operation>> = BTreeMap::new();
        for operation in simulate(4_000, Some(fault), 1) {
            episodes.entry(episode_of(&operation.line).to_vec()).or_default().push(operation);
        }
        for operations in episodes.values() {
            let expected = rules_out_every_order(operations);
            wrong += u32::from(expected.is_some());
            match (search(operations, &AMPLE).conclusion, expected) {
                (Conclusion::Linearizable, None) => {}
                (Conclusion::Violation(violation), Some(first)) => assert_eq!(violation.operation, first),
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(wrong > 3, "{wrong} episodes without a linearization");
}

/// Returns the part that the package names of an episode have in common.
fn episode_of(line: &[u8]) -> &[u8] {
    let package = line.split(|&byte| byte == b'|').nth(1).unwrap();
    let number_at = package.iter().rposition(|&byte| byte == b'-').unwrap();
    &package[..number_at]
}
