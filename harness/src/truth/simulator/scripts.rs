//! What simulated clients ask for: groups of five that are in each other's way on few packages.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// As many clients work on the same packages.
pub(in crate::truth) const CLIENTS: u32 = 5;

/// A line without its end.
type Line = Vec<u8>;

/// The lines of each client of a group, until all wait for each other.
pub(in crate::truth) type Episode = Vec<Vec<Line>>;

/// So many groups with so many episodes; each episode has packages of its own.
pub(in crate::truth) fn contention(groups: u32, episodes: u32, seed: u64) -> Vec<Vec<Episode>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = |group, episode| draw_episode(&format!("g{group}e{episode}"), &mut random);
    (0..groups).map(|group| (0..episodes).map(|episode| draw(group, episode)).collect()).collect()
}

/// The part of a line's package that all packages of its episode begin with.
pub(in crate::truth) fn component_of(line: &[u8]) -> &[u8] {
    let package = line.split(|&byte| byte == b'|').nth(1).unwrap();
    package.split(|&byte| byte == b'.').next().unwrap()
}

fn draw_episode(component: &str, random: &mut ChaCha8Rng) -> Episode {
    let size = random.random_range(8..=10);
    let lists: Vec<[String; 3]> = (0..size)
        .map(|package| std::array::from_fn(|_| draw_list(component, package, size, random)))
        .collect();
    let draw_line = |random: &mut ChaCha8Rng| {
        let package = random.random_range(0..size);
        let line = match random.random_range(0..100) {
            0..40 => format!("INDEX|{component}.{package}|{}", lists[package][random.random_range(0..3)]),
            40..70 => format!("REMOVE|{component}.{package}|"),
            _ => format!("QUERY|{component}.{package}|"),
        };
        line.into_bytes()
    };
    let mut draw_script = || (0..random.random_range(60..=100)).map(|_| draw_line(random)).collect();
    (0..CLIENTS).map(|_| draw_script()).collect()
}

/// Up to three dependencies, among the packages before this one; a few in a hundred among all, which may make cycles.
fn draw_list(component: &str, package: usize, size: usize, random: &mut ChaCha8Rng) -> String {
    let mut list: Vec<String> = Vec::new();
    for _ in 0..random.random_range(0..=3) {
        let below = if random.random_ratio(4, 100) { size } else { package };
        if below > 0 {
            list.push(format!("{component}.{}", random.random_range(0..below)));
        }
    }
    list.sort_unstable();
    list.dedup();
    list.join(",")
}
