//! The division of clients into groups.

use std::ops::Range;

/// The usual number of concurrent requests for the same packages.
const CONCURRENT_REQUESTS: u32 = 5;

/// The maximum number of concurrent requests for the same packages. With more, the linearizability search would take too
/// long.
const CONCURRENT_REQUESTS_MAX: u32 = 6;

/// The maximum number of pairs, which work on large components.
const PAIRS_MAX: u32 = 5;

/// The number of clients per pair.
const CLIENTS_PER_PAIR: u32 = 20;

/// Clients that work on the same packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) number: u32,
    pub(super) clients: Range<u32>,
    pub(super) kind: GroupKind,
}

/// The contention within a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupKind {
    /// A few packages, replaced in every episode.
    Small,
    /// Two clients, and many packages for the whole run.
    Pair,
}

/// Divides clients into groups, in the order of the clients. Each client sends `requests_per_write` requests at once.
pub(super) fn groups(clients: u32, requests_per_write: usize) -> Vec<Group> {
    let per_write = u32::try_from(requests_per_write).unwrap_or(CONCURRENT_REQUESTS_MAX);
    let (size, size_max) =
        (CONCURRENT_REQUESTS.div_ceil(per_write), (CONCURRENT_REQUESTS_MAX / per_write).max(1));
    let pairs = (clients / CLIENTS_PER_PAIR).min(PAIRS_MAX);
    let small_group_clients = clients - 2 * pairs;
    let count = (small_group_clients / size).max(small_group_clients.div_ceil(size_max));
    // The sizes of the groups differ by at most one.
    let bound = |number: u32| {
        let bound = u64::from(number) * u64::from(small_group_clients) / u64::from(count.max(1));
        u32::try_from(bound).unwrap_or(small_group_clients)
    };
    let small_groups = (0..count).map(|number| (bound(number)..bound(number + 1), GroupKind::Small));
    let pair_groups = (0..pairs).map(|pair| {
        let begin = small_group_clients + 2 * pair;
        (begin..begin + 2, GroupKind::Pair)
    });
    let numbered = (0..).zip(small_groups.chain(pair_groups));
    numbered.map(|(number, (clients, kind))| Group { number, clients, kind }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_belongs_to_one_group_and_no_group_is_too_large() {
        for (clients, per_write) in
            (1..=130).chain([1000, 10_000]).flat_map(|clients| [(clients, 1), (clients, 3)])
        {
            let groups = groups(clients, per_write);
            let mut next = 0;
            for group in &groups {
                assert_eq!(group.clients.start, next, "{clients} clients");
                let concurrent = group.clients.len() * per_write;
                assert!((1..=CONCURRENT_REQUESTS_MAX as usize).contains(&concurrent), "{clients}: {group:?}");
                next = group.clients.end;
            }
            assert_eq!(next, clients);
        }
        let hundred = groups(100, 1);
        assert_eq!(hundred.iter().filter(|group| group.kind == GroupKind::Small).count(), 18);
        assert_eq!(hundred.iter().filter(|group| group.kind == GroupKind::Pair).count(), 5);
    }
}
