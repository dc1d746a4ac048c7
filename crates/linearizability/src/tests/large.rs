//! Histories of many clients: correct ones have a linearization, incorrect ones have none, and hostile ones
//! terminate.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use protocol::index::model::Model;

use super::search::AMPLE;
use super::simulated::{Server, Size, simulate, simulate_with};
use crate::search::{Budget, Conclusion, Inconclusive, Reason, SearchResult};
use crate::{Operation, interval_check, search};

#[test]
fn replies_of_a_correct_server_are_linearizable() {
    let size = Size { operations: 20_000, groups: 20, clients_per_group: 5 };
    let operations = simulate(size, &mut ChaCha8Rng::seed_from_u64(4));
    assert_eq!(interval_check(&operations), None);
    let outcome = search(&operations, &AMPLE);
    assert_eq!(outcome.conclusion, Conclusion::Linearizable, "{:?}", outcome.statistics);
    assert!(outcome.statistics.components >= 40, "{:?}", outcome.statistics);
}

/// Returns how many of a number of histories of a defective server are found to have no linearization.
fn found(server: impl Server + Copy) -> usize {
    let size = Size { operations: 2_000, groups: 3, clients_per_group: 5 };
    let is_found = |seed: &u64| {
        let mut server = server;
        let operations = simulate_with(size, &mut ChaCha8Rng::seed_from_u64(*seed), &mut server);
        match search(&operations, &AMPLE).conclusion {
            Conclusion::Linearizable => false,
            Conclusion::Violation(violation) => {
                assert!(violation.window.contains(&violation.operation));
                true
            }
            Conclusion::Unknown(inconclusive) => panic!("{inconclusive:?} with seed {seed}"),
        }
    };
    (0..20).filter(is_found).count()
}

#[test]
fn a_lost_update_is_found() {
    // One change in fifty is acknowledged and not executed.
    let found = found(|model: &mut Model, line: &[u8], random: &mut ChaCha8Rng| {
        let is_lost = random.random_range(0..50) == 0;
        if is_lost { model.clone().answer(line) } else { model.answer(line) }
    });
    assert!(found >= 18, "{found} of 20");
}

#[test]
fn a_stale_reply_is_found() {
    // One query in twenty is answered from the index before the last change.
    let before = Cell::new(None::<Model>);
    let size = Size { operations: 2_000, groups: 3, clients_per_group: 5 };
    let mut server = |model: &mut Model, line: &[u8], random: &mut ChaCha8Rng| {
        if line.starts_with(b"QUERY") && random.random_range(0..20) == 0 {
            let mut stale = before.take().unwrap_or_default();
            let reply = stale.answer(line);
            before.set(Some(stale));
            return reply;
        }
        let was = model.clone();
        let reply = model.answer(line);
        if *model != was {
            before.set(Some(was));
        }
        reply
    };
    let operations = simulate_with(size, &mut ChaCha8Rng::seed_from_u64(5), &mut server);
    assert!(matches!(search(&operations, &AMPLE).conclusion, Conclusion::Violation(_)));
}

/// Returns a history in which many clients change a few packages concurrently; a correct server executes them in any
/// order.
fn hostile(clients: u32, times: u64) -> Vec<Operation> {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    let mut model = Model::default();
    let mut operations: Vec<Operation> = vec![];
    for time in 0..times {
        let first = operations.len();
        for client in 0..clients {
            let mut name = || random.random_range(0..8);
            let (package, one, two) = (name(), name(), name());
            let line = match random.random_range(0..3) {
                0 => format!("REMOVE|p{package}|"),
                _ if one == two => format!("INDEX|p{package}|"),
                _ => format!("INDEX|p{package}|p{one},p{two}"),
            };
            let sent_ns = 1_000 * time + u64::from(client);
            operations.push(Operation { client, line: line.into_bytes(), sent_ns, replied: None });
        }
        let now = &mut operations[first..];
        now.sort_by_cached_key(|_| random.random::<u64>());
        for operation in now {
            operation.replied = Some((model.answer(&operation.line), operation.sent_ns + 900));
        }
    }
    operations
}

#[test]
fn the_search_of_a_hostile_history_terminates() {
    let looks = AtomicU32::new(0);
    let is_expired = || looks.fetch_add(1, Ordering::Relaxed) > 200;
    let reason = |operations: &[Operation], budget: &Budget<'_>| match search(operations, budget).conclusion {
        Conclusion::Unknown(Inconclusive { reason, components: 1, .. }) => reason,
        other => panic!("{other:?} of {} operations", operations.len()),
    };
    let small = Budget { component_nodes_max: 20_000, ..AMPLE };
    assert_eq!(reason(&hostile(100, 3), &small), Reason::Nodes);
    assert_eq!(reason(&hostile(100, 3), &Budget { nodes_max: 20_000, ..AMPLE }), Reason::Nodes);
    assert_eq!(reason(&hostile(100, 3), &Budget { memory_bytes_max: 1 << 20, ..AMPLE }), Reason::Memory);
    assert_eq!(reason(&hostile(100, 3), &Budget { is_expired: &is_expired, ..AMPLE }), Reason::Time);
    assert_eq!(reason(&hostile(200, 1), &AMPLE), Reason::PendingOperations);
}

#[test]
#[ignore = "takes minutes in a debug build and only measures time and memory"]
fn a_million_operations_are_judged() {
    for operations in [10_000, 100_000, 1_000_000] {
        let size = Size { operations, groups: 20, clients_per_group: 5 };
        let operations = simulate(size, &mut ChaCha8Rng::seed_from_u64(3));
        let before = Instant::now();
        assert_eq!(interval_check(&operations), None);
        let after_bounds = Instant::now();
        let SearchResult { conclusion, statistics } = search(&operations, &AMPLE);
        let after_search = Instant::now();
        assert_eq!(conclusion, Conclusion::Linearizable);
        println!(
            "judged {} bounds {:.3} search {:.3} kB {} {statistics:?}",
            operations.len(),
            (after_bounds - before).as_secs_f64(),
            (after_search - after_bounds).as_secs_f64(),
            memory_kb_max(),
        );
    }
}

/// Returns the peak memory of this process in kilobytes.
fn memory_kb_max() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
