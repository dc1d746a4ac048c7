//! Clients and a server in a time of their own: histories that are right, or wrong for a moment now and then.
//!
//! Of a right one an order is known, since it is the one in which the requests took effect. All is drawn from a seed.

mod index;
pub(super) mod scripts;
mod tests;

use std::collections::BTreeMap;

use protocol::index::wire::{Command, Reply, Request};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use self::index::Index;
use self::scripts::{CLIENTS, Episode};
use super::Operation;

/// How a server is wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// INDEX looks at its list, and is carried out so much later.
    IndexInTwoSteps { apart_ns: u64 },
    /// The same of REMOVE.
    RemoveInTwoSteps { apart_ns: u64 },
    /// QUERY tells what was so much earlier.
    StaleReads { old_ns: u64 },
    /// An INDEX that fails is in for so long.
    FailedIndexSeen { for_ns: u64 },
    /// A package is out for so long when it is updated.
    UpdateLeavesAGap { for_ns: u64 },
}

/// The operations of groups that work on the same packages, each on its own, in the order of the groups, and of each
/// in that in which they took effect.
pub(super) fn simulate(groups: &[Vec<Episode>], fault: Option<Fault>, seed: u64) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (group, number) in groups.iter().zip(0..) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::from(number));
        // A group's clients wait for each other after each episode.
        let mut now_ns = 1;
        for episode in group {
            let meeting = Meeting::new(episode, number * CLIENTS, fault, random);
            random = meeting.hold(now_ns, &mut operations);
            now_ns = operations
                .iter()
                .filter_map(|one| one.replied)
                .map(|(_, at_ns)| at_ns)
                .max()
                .unwrap_or(now_ns);
        }
    }
    operations
}

/// What happens at a moment.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A client's request has come to the server.
    Arrive,
    /// The server is done with a request that takes two steps.
    Finish,
}

/// A group in an episode, with an index that is empty at first.
struct Meeting<'a> {
    episode: &'a Episode,
    first_client: u32,
    fault: Option<Fault>,
    random: ChaCha8Rng,
    index: Index,
    /// What comes next, by its moment; of one moment, in the order in which it was set down.
    due: BTreeMap<(u64, u64), (usize, Step)>,
    due_count: u64,
    /// Of each client, how many requests it has sent, and when the latest.
    sent: Vec<(usize, u64)>,
}

impl<'a> Meeting<'a> {
    fn new(episode: &'a Episode, first_client: u32, fault: Option<Fault>, random: ChaCha8Rng) -> Self {
        let sent = vec![(0, 0); episode.len()];
        Self {
            episode,
            first_client,
            fault,
            random,
            index: Index::default(),
            due: BTreeMap::new(),
            due_count: 0,
            sent,
        }
    }

    fn hold(mut self, begun_ns: u64, operations: &mut Vec<Operation>) -> ChaCha8Rng {
        for client in 0..self.episode.len() {
            self.send_next(client, begun_ns);
        }
        while let Some(((now_ns, _), (client, step))) = self.due.pop_first() {
            let reply = match step {
                Step::Arrive => self.arrive(client, now_ns),
                Step::Finish => Some(self.finish(client, now_ns)),
            };
            if let Some(reply) = reply {
                let (count, sent_ns) = self.sent[client];
                let replied_ns = now_ns + self.latency_ns();
                operations.push(Operation {
                    client: self.first_client + u32::try_from(client).unwrap(),
                    line: self.episode[client][count - 1].clone(),
                    sent_ns,
                    replied: Some((reply, replied_ns)),
                });
                self.send_next(client, replied_ns);
            }
        }
        self.random
    }

    fn send_next(&mut self, client: usize, after_ns: u64) {
        if self.sent[client].0 == self.episode[client].len() {
            return;
        }
        let sent_ns = after_ns + self.random.random_range(1..20_000);
        self.sent[client] = (self.sent[client].0 + 1, sent_ns);
        let arrives_ns = sent_ns + self.latency_ns();
        self.set_down(arrives_ns, client, Step::Arrive);
    }

    /// How long a request, or a reply, is on its way: a millisecond, in the mean.
    fn latency_ns(&mut self) -> u64 {
        self.random.random_range(100_000..1_900_000)
    }

    fn set_down(&mut self, at_ns: u64, client: usize, step: Step) {
        self.due_count += 1;
        self.due.insert((at_ns, self.due_count), (client, step));
    }

    fn request(&self, client: usize) -> Request<'a> {
        Request::decode(&self.episode[client][self.sent[client].0 - 1]).unwrap()
    }

    /// The reply, unless it takes a second step.
    fn arrive(&mut self, client: usize, now_ns: u64) -> Option<Reply> {
        let request = self.request(client);
        let may = self.index.may(&request);
        let is_update = request.command == Command::Index && self.index.is_in(request.package);
        let apart_ns = match (self.fault, request.command) {
            (Some(Fault::IndexInTwoSteps { apart_ns }), Command::Index)
            | (Some(Fault::RemoveInTwoSteps { apart_ns }), Command::Remove)
                if may =>
            {
                apart_ns
            }
            (Some(Fault::FailedIndexSeen { for_ns }), Command::Index) if !may && !is_update => {
                self.index.let_in(request.package, &[], now_ns);
                for_ns
            }
            (Some(Fault::UpdateLeavesAGap { for_ns }), Command::Index) if may && is_update => {
                self.index.let_out(request.package, now_ns);
                for_ns
            }
            (Some(Fault::StaleReads { old_ns }), Command::Query) => {
                let was_in = self.index.was_in(request.package, now_ns.saturating_sub(old_ns));
                return Some(reply_if(was_in));
            }
            _ => {
                if may {
                    self.index.carry_out(&request, now_ns);
                }
                return Some(reply_if(may));
            }
        };
        self.set_down(now_ns + apart_ns, client, Step::Finish);
        None
    }

    fn finish(&mut self, client: usize, now_ns: u64) -> Reply {
        let request = self.request(client);
        if let Some(Fault::FailedIndexSeen { .. }) = self.fault {
            self.index.let_out(request.package, now_ns);
            return Reply::Fail;
        }
        self.index.carry_out(&request, now_ns);
        Reply::Ok
    }
}

fn reply_if(is_done: bool) -> Reply {
    if is_done { Reply::Ok } else { Reply::Fail }
}
