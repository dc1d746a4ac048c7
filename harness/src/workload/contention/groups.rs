//! Who works with whom.

use std::ops::Range;

/// So many requests for the same packages are under way at once, …
const AT_ONCE: u32 = 5;

/// … and never more than this: the search for an order of them would take too long.
const AT_ONCE_MAX: u32 = 6;

/// So many pairs work on large components, where there are clients enough.
const PAIRS_MAX: u32 = 5;

/// One client in so many is of a pair.
const PAIRS_ONE_IN: u32 = 20;

/// Clients that work on the same packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) number: u32,
    pub(super) clients: Range<u32>,
    pub(super) temper: Temper,
}

/// How much the clients of a group are in each other's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Temper {
    /// On a few packages, with other ones in each episode.
    Hot,
    /// On many packages.
    Cold,
}

/// The groups of so many clients, in the order of the clients, each of which makes so many requests at once.
pub(super) fn groups(clients: u32, at_once: usize) -> Vec<Group> {
    let at_once = u32::try_from(at_once).unwrap_or(AT_ONCE_MAX);
    let (size, size_max) = (AT_ONCE.div_ceil(at_once), (AT_ONCE_MAX / at_once).max(1));
    let pairs = (clients / PAIRS_ONE_IN).min(PAIRS_MAX);
    let hot_clients = clients - 2 * pairs;
    let hot = (hot_clients / size).max(hot_clients.div_ceil(size_max));
    // The sizes differ by one at most.
    let bound = |number: u32| {
        let bound = u64::from(number) * u64::from(hot_clients) / u64::from(hot.max(1));
        u32::try_from(bound).unwrap_or(hot_clients)
    };
    let hot_groups = (0..hot).map(|number| (bound(number)..bound(number + 1), Temper::Hot));
    let cold_groups = (0..pairs).map(|pair| {
        let begin = hot_clients + 2 * pair;
        (begin..begin + 2, Temper::Cold)
    });
    let numbered = (0..).zip(hot_groups.chain(cold_groups));
    numbered.map(|(number, (clients, temper))| Group { number, clients, temper }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_is_of_one_group_and_none_is_too_large() {
        for (clients, at_once) in
            (1..=130).chain([1000, 10_000]).flat_map(|clients| [(clients, 1), (clients, 3)])
        {
            let groups = groups(clients, at_once);
            let mut next = 0;
            for group in &groups {
                assert_eq!(group.clients.start, next, "{clients} clients");
                let under_way = group.clients.len() * at_once;
                assert!((1..=AT_ONCE_MAX as usize).contains(&under_way), "{clients}: {group:?}");
                next = group.clients.end;
            }
            assert_eq!(next, clients);
        }
        let hundred = groups(100, 1);
        assert_eq!(hundred.iter().filter(|group| group.temper == Temper::Hot).count(), 18);
        assert_eq!(hundred.iter().filter(|group| group.temper == Temper::Cold).count(), 5);
    }
}
