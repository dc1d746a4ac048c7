//! The packages that a group works on, their lists, and what each of its clients asks for.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use protocol::index::wire::Command;

use crate::workload::contention::options::Edition;

/// How many requests a client of an episode makes, at least and at most.
const REQUESTS: std::ops::RangeInclusive<u32> = 60..=100;

/// So many packages a hot component has.
const HOT_PACKAGES: std::ops::RangeInclusive<usize> = 8..=10;

/// A cold one has as many as this for each episode, …
const COLD_PACKAGES_PER_EPISODE: u32 = 30;

/// … and no more than this.
const COLD_PACKAGES_MAX: u32 = 300;

/// A package is indexed with one of so many lists, …
const LISTS: usize = 3;

/// … each with no more dependencies than this, …
const DEPENDENCIES_MAX: usize = 3;

/// … of which so many in a hundred may close a cycle.
const CYCLES_PERCENT: u32 = 4;

/// Of a hundred requests so many are INDEX, and so many REMOVE; the rest is QUERY.
const INDEX_PERCENT: u32 = 40;
const REMOVE_PERCENT: u32 = 30;

/// Packages that can depend on each other, and on no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Component {
    names: Vec<Vec<u8>>,
    /// Of each package, the lists that it is indexed with.
    lists: Vec<Vec<Vec<usize>>>,
}

/// What a draw is for. Each has streams of its own, so that no draw depends on how many were made before.
#[derive(Clone, Copy)]
enum Purpose {
    Component,
    Requests,
    Turns,
}

fn draws(seed: u64, purpose: Purpose, number: u32, episode: u32) -> ChaCha8Rng {
    /// Blocks that an episode has for itself.
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
    /// A small one, for many at once.
    pub(super) fn hot(seed: u64, group: u32, episode: u32, edition: Edition) -> Self {
        let mut draws = draws(seed, Purpose::Component, group, episode);
        let size = draws.random_range(HOT_PACKAGES);
        Self::draw(&mut draws, &format!("hot-{seed}-{group}-{episode}"), size, edition)
    }

    /// A large one, for two.
    pub(super) fn cold(seed: u64, group: u32, episodes: u32, edition: Edition) -> Self {
        let mut draws = draws(seed, Purpose::Component, group, 0);
        let size = episodes.saturating_mul(COLD_PACKAGES_PER_EPISODE).min(COLD_PACKAGES_MAX);
        Self::draw(&mut draws, &format!("cold-{seed}-{group}"), size as usize, edition)
    }

    fn draw(draws: &mut ChaCha8Rng, prefix: &str, size: usize, edition: Edition) -> Self {
        let names = (0..size).map(|package| format!("{prefix}-{package}").into_bytes()).collect();
        let lists = (0..size).map(|package| match edition {
            Edition::Second => (0..LISTS).map(|_| draw_list(draws, package, size, CYCLES_PERCENT)).collect(),
            // A package that has one list only, and never one that closes a cycle, is never changed by an update.
            Edition::First => vec![draw_list(draws, package, size, 0)],
        });
        Self { lists: lists.collect(), names }
    }

    /// How many packages there are.
    pub(super) fn size(&self) -> usize {
        self.names.len()
    }

    pub(super) fn into_names(self) -> Vec<Vec<u8>> {
        self.names
    }

    /// What a client asks for in an episode, [`request_count`] times.
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

/// How many requests a client makes in an episode: the first draw of them.
pub(super) fn request_count(seed: u64, client: u32, episode: u32) -> u32 {
    draws(seed, Purpose::Requests, client, episode).random_range(REQUESTS)
}

/// In which order clients make their requests where only one is under way.
pub(super) fn turns(seed: u64, episode: u32) -> ChaCha8Rng {
    draws(seed, Purpose::Turns, 0, episode)
}

/// A list for a package: of packages before it, but for a few.
fn draw_list(draws: &mut ChaCha8Rng, package: usize, size: usize, cycles_percent: u32) -> Vec<usize> {
    let mut list = Vec::new();
    for _ in 0..draws.random_range(0..=DEPENDENCIES_MAX) {
        let is_any = draws.random_ratio(cycles_percent, 100);
        let dependency = match if is_any { size } else { package } {
            0 => continue,
            below => draws.random_range(0..below),
        };
        if dependency != package && !list.contains(&dependency) {
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
    fn the_same_seed_draws_the_same_and_nobody_draws_for_another() {
        let hot = |seed, group, episode| Component::hot(seed, group, episode, Edition::Second);
        assert_eq!(hot(7, 1, 2), hot(7, 1, 2));
        assert_ne!(hot(7, 1, 2).lists, hot(8, 1, 2).lists);
        assert_ne!(hot(7, 1, 2).lists, hot(7, 1, 3).lists);
        let component = hot(7, 1, 2);
        assert_eq!(component.requests(7, 3, 2), component.requests(7, 3, 2));
        assert_ne!(component.requests(7, 3, 2), component.requests(7, 4, 2));
        assert_ne!(component.requests(7, 3, 2), component.requests(7, 3, 3));
    }

    /// The replies of one index, one request after the other.
    fn replies(edition: Edition) -> (Vec<(Command, Reply)>, u32) {
        let (mut replies, mut updates_changed) = (Vec::new(), 0);
        for episode in 0..20 {
            let component = Component::hot(7, 0, episode, edition);
            let mut model = Model::default();
            let mut lists = std::collections::BTreeMap::new();
            for line in (0..5).flat_map(|client| component.requests(7, client, episode)) {
                let request = Request::decode(&line).unwrap();
                let was_in = model.is_indexed(request.package);
                let reply = model.answer(&line);
                if request.command == Command::Index {
                    let names: BTreeSet<Vec<u8>> = request.dependencies().map(<[u8]>::to_vec).collect();
                    let before = lists.insert(request.package.to_vec(), names.clone());
                    updates_changed += u32::from(was_in && (before != Some(names) || reply != Reply::Ok));
                }
                replies.push((request.command, reply));
            }
        }
        (replies, updates_changed)
    }

    #[test]
    fn every_command_is_drawn_as_often_as_asked_and_answered_in_both_ways() {
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
    fn in_the_first_edition_no_update_changes_anything() {
        assert_eq!(replies(Edition::First).1, 0);
    }
}
