//! The index against the model: every short sequence of requests, and random long sequences.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use proptest::prelude::*;
use protocol::index::model::Model;
use protocol::index::wire::{Command, Reply, Request};
use server::service::index::Index;

/// Longest sequence of the exhaustive test over three names: 30 + 30² + 30³ + 30⁴ = 837,930 sequences.
const EXHAUSTIVE_LENGTH: usize = 4;

fn answer(index: &mut Index, line: &[u8]) -> Reply {
    let request = Request::decode(line).unwrap();
    let is_done = match request.command {
        Command::Index => index.insert(request.package, request.dependencies()).is_ok(),
        Command::Remove => index.remove(request.package),
        Command::Query => index.contains(request.package),
    };
    if is_done { Reply::Ok } else { Reply::Fail }
}

/// All requests over three names: 3 × 8 INDEX (each subset as the list, including the package itself), 3 REMOVE, 3 QUERY.
fn all_requests() -> Vec<Vec<u8>> {
    let names = ["a", "b", "c"];
    let mut requests = Vec::new();
    for package in names {
        for subset in 0..8 {
            let list: Vec<&str> = (0..3).filter(|bit| subset >> bit & 1 == 1).map(|bit| names[bit]).collect();
            requests.push(format!("INDEX|{package}|{}", list.join(",")).into_bytes());
        }
        requests.push(format!("REMOVE|{package}|").into_bytes());
        requests.push(format!("QUERY|{package}|").into_bytes());
    }
    requests
}

fn try_all(requests: &[Vec<u8>], index: &Index, model: &Model, left: usize, path: &mut Vec<usize>) {
    if left == 0 {
        return;
    }
    for (number, request) in requests.iter().enumerate() {
        let (mut index, mut model) = (index.clone(), model.clone());
        let (actual, expected) = (answer(&mut index, request), model.answer(request));
        path.push(number);
        assert_eq!(actual, expected, "{}", shown(requests, path));
        for name in ["a", "b", "c"].map(str::as_bytes) {
            assert_eq!(index.contains(name), model.is_indexed(name), "{}", shown(requests, path));
        }
        try_all(requests, &index, &model, left - 1, path);
        path.pop();
    }
}

fn shown(requests: &[Vec<u8>], path: &[usize]) -> String {
    path.iter().map(|&number| String::from_utf8_lossy(&requests[number])).collect::<Vec<_>>().join(" ; ")
}

#[test]
fn every_short_sequence_over_three_names_matches_the_model() {
    let requests = all_requests();
    assert_eq!(requests.len(), 30);
    try_all(&requests, &Index::default(), &Model::default(), EXHAUSTIVE_LENGTH, &mut Vec::new());
}

/// A request over `names` names. INDEX is more frequent than REMOVE, so that packages remain indexed.
fn request(names: usize) -> impl Strategy<Value = Vec<u8>> {
    let name = move || (0..names).prop_map(|number| format!("n{number}"));
    prop_oneof![
        5 => (name(), prop::collection::vec(name(), 0..4))
            .prop_map(|(package, list)| format!("INDEX|{package}|{}", list.join(","))),
        3 => name().prop_map(|package| format!("REMOVE|{package}|")),
        2 => name().prop_map(|package| format!("QUERY|{package}|")),
    ]
    .prop_map(String::into_bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_sequences_match_the_model(
        requests in (2usize..30).prop_flat_map(|names| prop::collection::vec(request(names), 1..1500))
    ) {
        let (mut index, mut model) = (Index::default(), Model::default());
        for request in &requests {
            prop_assert_eq!(answer(&mut index, request), model.answer(request), "{}", request.escape_ascii());
        }
        for number in 0..30 {
            let name = format!("n{number}");
            prop_assert_eq!(index.contains(name.as_bytes()), model.is_indexed(name.as_bytes()));
        }
    }
}
