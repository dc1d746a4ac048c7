//! The packages of a group, their lists, and the requests of its clients.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use protocol::index::wire::Command;

use crate::workload::contention::options::Edition;

/// The number of requests of a client in an episode.
const REQUESTS: std::ops::RangeInclusive<u32> = 60..=100;

/// The number of packages of a small component.
const SMALL_PACKAGES: std::ops::RangeInclusive<usize> = 8..=10;

/// The number of packages of a large component, per episode.
const LARGE_PACKAGES_PER_EPISODE: u32 = 30;

/// The maximum number of packages of a large component.
const LARGE_PACKAGES_MAX: u32 = 300;

/// The number of different lists with which a package is indexed.
const LISTS: usize = 3;

/// The maximum number of dependencies of a list.
const DEPENDENCIES_MAX: usize = 3;

/// The share of INDEX and REMOVE among the requests, in percent. All others are QUERY.
const INDEX_PERCENT: u32 = 40;
const REMOVE_PERCENT: u32 = 30;

/// Packages that can depend on each other, and on no other packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Component {
    names: Vec<Vec<u8>>,
    /// By package: the lists with which it is indexed.
    lists: Vec<Vec<Vec<usize>>>,
}

/// The purpose of a draw. Each purpose has its own streams, so that no draw depends on the number of earlier draws.
#[derive(Clone, Copy)]
enum Purpose {
    Component,
    Requests,
    Turns,
}

fn draws(seed: u64, purpose: Purpose, number: u32, episode: u32) -> ChaCha8Rng {
    /// The number of blocks reserved for an episode.
    const BLOCKS: u128 = 1 << 32;
    const WORDS_PER_BLOCK: u128 = 16;
    let mut key = *b"gauntlet contention, seeded:    ";
    key[24..].copy_from_slice(&seed.to_le_bytes());
    let mut draws = ChaCha8Rng::from_seed(key);
    draws.set_stream(u64::from(number) | (purpose as u64) << 32);
    draws.set_word_pos(u128::from(episode) * BLOCKS * WORDS_PER_BLOCK);
    draws
}

impl Component {
    /// Draws a small component, for a group of several clients.
    pub(super) fn small(seed: u64, group: u32, episode: u32, edition: Edition) -> Self {
        let mut draws = draws(seed, Purpose::Component, group, episode);
        let size = draws.random_range(SMALL_PACKAGES);
        Self::draw(&mut draws, &format!("hot-{seed}-{group}-{episode}"), size, edition)
    }

    /// Draws a large component, for a pair of clients.
    pub(super) fn large(seed: u64, group: u32, episodes: u32, edition: Edition) -> Self {
        let mut draws = draws(seed, Purpose::Component, group, 0);
        let size = episodes.saturating_mul(LARGE_PACKAGES_PER_EPISODE).min(LARGE_PACKAGES_MAX);
        Self::draw(&mut draws, &format!("cold-{seed}-{group}"), size as usize, edition)
    }

    fn draw(draws: &mut ChaCha8Rng, prefix: &str, size: usize, edition: Edition) -> Self {
        let names = (0..size).map(|package| format!("{prefix}-{package}").into_bytes()).collect();
        let lists = (0..size).map(|package| match edition {
            Edition::Second => (0..LISTS).map(|_| draw_list(draws, package)).collect(),
            // If a package has only one list, then no update changes anything.
            Edition::First => vec![draw_list(draws, package)],
        });
        Self { lists: lists.collect(), names }
    }

    /// Returns the number of packages.
    pub(super) fn size(&self) -> usize {
        self.names.len()
    }

    pub(super) fn into_names(self) -> Vec<Vec<u8>> {
        self.names
    }

    /// Returns the requests of a client in an episode; their number is [`request_count`].
    pub(super) fn requests(&self, seed: u64, client: u32, episode: u32) -> Vec<Vec<u8>> {
        let mut draws = draws(seed, Purpose::Requests, client, episode);
        let count = draws.random_range(REQUESTS);
        (0..count).map(|_| self.request(&mut draws)).collect()
    }

    fn request(&self, draws: &mut ChaCha8Rng) -> Vec<u8> {
        let package = draws.random_range(0..self.names.len());
        let (command, list) = match draws.random_range(0..100) {
            percent if percent < INDEX_PERCENT => {
                let lists = &self.lists[package];
                (Command::Index, &lists[draws.random_range(0..lists.len())][..])
            }
            percent if percent < INDEX_PERCENT + REMOVE_PERCENT => (Command::Remove, &[][..]),
            _ => (Command::Query, &[][..]),
        };
        let list: Vec<&[u8]> = list.iter().map(|&dependency| &self.names[dependency][..]).collect();
        [command.word().as_bytes(), b"|", &self.names[package], b"|", &list.join(&b","[..])].concat()
    }
}

/// Returns the number of requests of a client in an episode, which is the first draw of its stream.
pub(super) fn request_count(seed: u64, client: u32, episode: u32) -> u32 {
    draws(seed, Purpose::Requests, client, episode).random_range(REQUESTS)
}

/// Returns the draws that order the clients in lockstep.
pub(super) fn turns(seed: u64, episode: u32) -> ChaCha8Rng {
    draws(seed, Purpose::Turns, 0, episode)
}

/// Draws a list for a package. It contains only packages with smaller numbers: an update that closes a cycle may be refused
/// (S8).
fn draw_list(draws: &mut ChaCha8Rng, package: usize) -> Vec<usize> {
    let mut list = Vec::new();
    for _ in 0..draws.random_range(0..=DEPENDENCIES_MAX.min(package)) {
        let dependency = draws.random_range(0..package);
        if !list.contains(&dependency) {
            list.push(dependency);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use protocol::index::model::Model;
    use protocol::index::wire::{Reply, Request};

    use super::*;

    #[test]
    fn draws_repeat_for_the_same_seed_and_differ_by_client_and_episode() {
        let small = |seed, group, episode| Component::small(seed, group, episode, Edition::Second);
        assert_eq!(small(7, 1, 2), small(7, 1, 2));
        assert_ne!(small(7, 1, 2).lists, small(8, 1, 2).lists);
        assert_ne!(small(7, 1, 2).lists, small(7, 1, 3).lists);
        let component = small(7, 1, 2);
        assert_eq!(component.requests(7, 3, 2), component.requests(7, 3, 2));
        assert_ne!(component.requests(7, 3, 2), component.requests(7, 4, 2));
        assert_ne!(component.requests(7, 3, 2), component.requests(7, 3, 3));
    }

    /// Returns the replies of the model to sequential requests, and the number of updates that changed a list.
    fn replies(edition: Edition) -> (Vec<(Command, Reply)>, u32) {
        let (mut replies, mut updates_changed) = (Vec::new(), 0);
        for episode in 0..20 {
            let component = Component::small(7, 0, episode, edition);
            let mut model = Model::default();
            let mut lists = std::collections::BTreeMap::new();
            for line in (0..5).flat_map(|client| component.requests(7, client, episode)) {
                let request = Request::decode(&line).unwrap();
                let was_indexed = model.is_indexed(request.package);
                let reply = model.answer(&line);
                if request.command == Command::Index {
                    let names: BTreeSet<Vec<u8>> = request.dependencies().map(<[u8]>::to_vec).collect();
                    let before = lists.insert(request.package.to_vec(), names.clone());
                    updates_changed +=
                        u32::from(was_indexed && (before != Some(names) || reply != Reply::Ok));
                }
                replies.push((request.command, reply));
            }
        }
        (replies, updates_changed)
    }

    #[test]
    fn command_shares_match_the_constants_and_both_replies_occur() {
        let (replies, updates_changed) = replies(Edition::Second);
        for (command, percent) in [(Command::Index, 40), (Command::Remove, 30), (Command::Query, 30)] {
            let of_command: Vec<Reply> =
                replies.iter().filter(|(other, _)| *other == command).map(|(_, reply)| *reply).collect();
            let share = of_command.len() * 100 / replies.len();
            assert!((percent - 3..=percent + 3).contains(&share), "{command:?}: {share} of 100");
            for reply in [Reply::Ok, Reply::Fail] {
                let share =
                    of_command.iter().filter(|other| **other == reply).count() * 100 / of_command.len();
                assert!(share >= 10, "{command:?} {reply:?}: {share} of 100");
            }
        }
        assert!(updates_changed > 100, "{updates_changed}");
    }

    #[test]
    fn no_update_changes_a_list_in_the_first_edition() {
        assert_eq!(replies(Edition::First).1, 0);
    }
}
