//! Tests of the byte budget.

use super::*;

#[test]
fn the_budget_is_the_sum_of_the_shares() {
    let (budget, first, second) = (Budget::default(), Share::default(), Share::default());
    assert_eq!(budget.hold(&first, FREE_BYTES), None, "the first bytes are free");
    let change = budget.hold(&first, FREE_BYTES + 1);
    assert_eq!(change, Some(Change { before: 0, after: 4097 }));
    assert_eq!(budget.hold(&first, FREE_BYTES + 1), None);
    budget.hold(&second, 10_000);
    assert_eq!(budget.bytes(), 14_097);
    assert!(first.begun() < second.begun());
    let change = budget.hold(&first, 17);
    assert_eq!((change, budget.bytes()), (Some(Change { before: 4097, after: 0 }), 10_000));
    budget.hold(&first, 5_000);
    assert!(first.begun() > second.begun(), "a share that ended begins anew");
    budget.reclaim(&first);
    assert_eq!((budget.bytes(), budget.lasting_bytes()), (15_000, 10_000));
    budget.hold(&second, 0);
    budget.hold(&first, 0);
    assert_eq!((budget.bytes(), budget.lasting_bytes()), (0, 0));
}
