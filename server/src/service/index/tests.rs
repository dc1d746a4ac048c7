//! Tests of the service: a panic in a request.

use super::*;

/// A panic under the lock does not make the index unusable, and the request has no effect.
#[test]
fn a_panic_in_a_request_leaves_the_service_usable() {
    let service = IndexService::new(100, Capacity::default());
    let answer = |input: &[u8]| {
        let mut replies = Vec::new();
        service.answer(&mut service.open_session([127, 0, 0, 1].into()), input, &mut replies);
        replies
    };
    // The first request passes three panic points.
    let answered = store::with_panic_point(5, || answer(b"INDEX|a|\nINDEX|b|a\n"));
    assert_eq!(answered, None);
    assert_eq!(answer(b"QUERY|a|\nQUERY|b|\nREMOVE|a|\n"), b"OK\nFAIL\nOK\n");
}
