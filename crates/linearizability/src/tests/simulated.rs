//! Histories as many clients of a right server would have them, in a time that is only counted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use protocol::index::model::Model;
use protocol::index::wire::Reply;

use crate::Operation;

/// The size of a history.
#[derive(Clone, Copy)]
pub(super) struct Size {
    /// The minimum number of operations.
    pub(super) operations: usize,
    pub(super) groups: u32,
    pub(super) clients_per_group: u32,
}

/// A simulated server: executes a line at one time and returns its reply.
pub(super) trait Server: FnMut(&mut Model, &[u8], &mut ChaCha8Rng) -> Reply {}

impl<F: FnMut(&mut Model, &[u8], &mut ChaCha8Rng) -> Reply> Server for F {}

/// Simulates groups of clients that contend for a few packages, episode by episode. Each group has its own packages.
pub(super) fn simulate(size: Size, random: &mut ChaCha8Rng) -> Vec<Operation> {
    simulate_with(size, random, &mut |model: &mut Model, line: &[u8], _: &mut ChaCha8Rng| model.answer(line))
}

/// Like [`simulate`], with a server that may be defective. Each episode begins with a new index.
pub(super) fn simulate_with(size: Size, random: &mut ChaCha8Rng, server: &mut impl Server) -> Vec<Operation> {
    let mut operations = Vec::with_capacity(size.operations + size.operations / 8);
    let mut begins_ns: Vec<u64> = (0..u64::from(size.groups)).map(|group| 1_000 + 37 * group).collect();
    for episode in 0.. {
        for group in 0..size.groups {
            if operations.len() >= size.operations {
                return operations;
            }
            let begin = &mut begins_ns[group as usize];
            *begin =
                play(&Episode::draw(group, episode, random), size, *begin, random, server, &mut operations);
        }
    }
    operations
}

/// The requests of the clients of a group, and the lists from which they choose.
pub(super) struct Episode {
    group: u32,
    names: Vec<String>,
    /// The lists of each package.
    lists: Vec<[String; 3]>,
}

impl Episode {
    pub(super) fn draw(group: u32, episode: u32, random: &mut ChaCha8Rng) -> Self {
        let names: Vec<String> = (0..random.random_range(8..=10))
            .map(|number| format!("fresh-{group}-{episode}-{number}"))
            .collect();
        let list = |package: usize, random: &mut ChaCha8Rng| {
            let mut list: Vec<&str> = vec![];
            for _ in 0..random.random_range(0..=3) {
                // A small percentage of lists form cycles.
                let is_any = random.random_range(0..100) < 3;
                let among = if is_any { names.len() } else { package };
                if among > 0 {
                    list.push(&names[random.random_range(0..among)]);
                }
            }
            list.sort_unstable();
            list.dedup();
            list.join(",")
        };
        let lists = (0..names.len()).map(|package| [(); 3].map(|()| list(package, random))).collect();
        Self { group, names, lists }
    }

    pub(super) fn line(&self, random: &mut ChaCha8Rng) -> String {
        let package = random.random_range(0..self.names.len());
        let name = &self.names[package];
        match random.random_range(0..10) {
            0..4 => format!("INDEX|{name}|{}", self.lists[package][random.random_range(0..3)]),
            4..7 => format!("REMOVE|{name}|"),
            _ => format!("QUERY|{name}|"),
        }
    }
}

/// Simulates an episode and returns the time of its end.
fn play(
    episode: &Episode,
    size: Size,
    begin_ns: u64,
    random: &mut ChaCha8Rng,
    server: &mut impl Server,
    operations: &mut Vec<Operation>,
) -> u64 {
    let mut model = Model::default();
    let first = operations.len();
    // The operations that take effect next.
    let mut effects: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut left: Vec<u32> = vec![];
    let send = |client: u32, sent_ns: u64, operations: &mut Vec<Operation>, random: &mut ChaCha8Rng| {
        let line = episode.line(random).into_bytes();
        operations.push(Operation { client, line, sent_ns, replied: None });
        Reverse((sent_ns + latency_ns(random), operations.len() - 1))
    };
    for client in 0..size.clients_per_group {
        left.push(random.random_range(60..=100));
        effects.push(send(client, begin_ns + latency_ns(random), operations, random));
    }
    while let Some(Reverse((now_ns, number))) = effects.pop() {
        let reply = server(&mut model, &operations[number].line, random);
        let replied_ns = now_ns + latency_ns(random);
        operations[number].replied = Some((reply, replied_ns));
        let client = operations[number].client;
        let left = &mut left[client as usize];
        *left -= 1;
        if *left > 0 {
            effects.push(send(client, replied_ns + 1, operations, random));
        }
    }
    let played = &mut operations[first..];
    for operation in &mut *played {
        operation.client += episode.group * size.clients_per_group;
    }
    played.iter().filter_map(|operation| operation.replied).map(|(_, at_ns)| at_ns).max().unwrap_or(begin_ns)
        + 1
}

/// Draws a latency: usually short, sometimes long.
fn latency_ns(random: &mut ChaCha8Rng) -> u64 {
    let most = if random.random_range(0..50) == 0 { 500_000 } else { 50_000 };
    random.random_range(1_000..most)
}
