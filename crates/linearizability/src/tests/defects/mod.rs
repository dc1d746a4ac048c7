//! A simulated server that is defective for some microseconds now and then, with its clients, in simulated time.
//!
//! For a correct server the linearization is known: the order in which the requests took effect. All draws are
//! seeded.

mod found;
mod index;

use std::collections::BTreeMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use protocol::index::wire::{Command, Reply, Request};

use self::index::Index;
use crate::Operation;
use crate::tests::simulated::{Episode, Size};

/// A defect of the simulated server.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// INDEX checks its list and takes effect only after this delay.
    IndexInTwoSteps { apart_ns: u64 },
    /// REMOVE checks its dependents and takes effect only after this delay.
    RemoveInTwoSteps { apart_ns: u64 },
    /// QUERY answers from the state before this delay.
    StaleReads { old_ns: u64 },
    /// A package whose INDEX fails is indexed for this time.
    FailedIndexSeen { for_ns: u64 },
    /// A package is not indexed for this time during its update.
    UpdateLeavesAGap { for_ns: u64 },
}

/// Returns at least the requested number of operations, for each episode in the order in which they took effect.
pub(super) fn simulate(size: Size, fault: Option<Fault>, random: &mut ChaCha8Rng) -> Vec<Operation> {
    let mut operations = Vec::new();
    // The clients of a group wait for each other after each episode.
    let mut begin_ns = vec![1; size.groups as usize];
    for episode in 0.. {
        for (group, begin_ns) in (0..).zip(&mut begin_ns) {
            if operations.len() >= size.operations {
                return operations;
            }
            let episode = Episode::draw(group, episode, random);
            let first_client = group * size.clients_per_group;
            let meeting = Meeting::new(&episode, first_client, size.clients_per_group, fault, random);
            *begin_ns = meeting.run(*begin_ns, &mut operations);
        }
    }
    operations
}

/// An event of the simulation.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A request arrives at the server.
    Arrive,
    /// The server completes a request of two steps.
    Finish,
}

/// A group in an episode, with an index that is empty at first.
struct Meeting<'a> {
    episode: &'a Episode,
    fault: Option<Fault>,
    random: &'a mut ChaCha8Rng,
    index: Index,
    clients: Vec<Client>,
    /// The scheduled events, by time and then by order of insertion.
    due: BTreeMap<(u64, u64), (usize, Step)>,
    due_count: u64,
}

struct Client {
    number: u32,
    /// The number of requests that each client has still to send.
    left: u32,
    /// The last request of each client, with its time.
    line: Vec<u8>,
    sent_ns: u64,
}

impl<'a> Meeting<'a> {
    fn new(
        episode: &'a Episode,
        first_client: u32,
        client_count: u32,
        fault: Option<Fault>,
        random: &'a mut ChaCha8Rng,
    ) -> Self {
        let mut client = |number| {
            let left = random.random_range(60..=100);
            Client { number: first_client + number, left, line: Vec::new(), sent_ns: 0 }
        };
        let clients = (0..client_count).map(&mut client).collect();
        Self { episode, fault, random, index: Index::default(), clients, due: BTreeMap::new(), due_count: 0 }
    }

    /// Runs the episode and returns the time of its end.
    fn run(mut self, begin_ns: u64, operations: &mut Vec<Operation>) -> u64 {
        let mut end_ns = begin_ns;
        for client in 0..self.clients.len() {
            self.send_next(client, begin_ns);
        }
        while let Some(((now_ns, _), (client, step))) = self.due.pop_first() {
            let line = self.clients[client].line.clone();
            let request = Request::decode(&line).unwrap();
            let reply = match step {
                Step::Arrive => self.arrive(client, &request, now_ns),
                Step::Finish => Some(self.finish(&request, now_ns)),
            };
            let Some(reply) = reply else { continue };
            let replied_ns = now_ns + self.latency_ns();
            end_ns = end_ns.max(replied_ns);
            let Client { number, sent_ns, .. } = self.clients[client];
            operations.push(Operation { client: number, line, sent_ns, replied: Some((reply, replied_ns)) });
            self.send_next(client, replied_ns);
        }
        end_ns
    }

    fn send_next(&mut self, client: usize, after_ns: u64) {
        if self.clients[client].left == 0 {
            return;
        }
        let sent_ns = after_ns + self.random.random_range(1..20_000);
        let arrives_ns = sent_ns + self.latency_ns();
        let line = self.episode.line(self.random).into_bytes();
        let Client { number, left, .. } = self.clients[client];
        self.clients[client] = Client { number, left: left - 1, line, sent_ns };
        self.schedule(arrives_ns, client, Step::Arrive);
    }

    /// Draws the latency of a request or a reply: one millisecond on average.
    fn latency_ns(&mut self) -> u64 {
        self.random.random_range(100_000..1_900_000)
    }

    fn schedule(&mut self, at_ns: u64, client: usize, step: Step) {
        self.due_count += 1;
        self.due.insert((at_ns, self.due_count), (client, step));
    }

    /// Returns the reply, unless the request takes a second step.
    fn arrive(&mut self, client: usize, request: &Request<'_>, now_ns: u64) -> Option<Reply> {
        let may = self.index.would_accept(request);
        let is_update = request.command == Command::Index && self.index.is_indexed(request.package);
        let apart_ns = match (self.fault, request.command) {
            (Some(Fault::IndexInTwoSteps { apart_ns }), Command::Index)
            | (Some(Fault::RemoveInTwoSteps { apart_ns }), Command::Remove)
                if may =>
            {
                apart_ns
            }
            (Some(Fault::FailedIndexSeen { for_ns }), Command::Index) if !may && !is_update => {
                self.index.add(request.package, &[], now_ns);
                for_ns
            }
            (Some(Fault::UpdateLeavesAGap { for_ns }), Command::Index) if may && is_update => {
                self.index.remove(request.package, now_ns);
                for_ns
            }
            (Some(Fault::StaleReads { old_ns }), Command::Query) => {
                let was_in = self.index.was_indexed(request.package, now_ns.saturating_sub(old_ns));
                return Some(reply_if(was_in));
            }
            _ => {
                if may {
                    self.index.execute(request, now_ns);
                }
                return Some(reply_if(may));
            }
        };
        self.schedule(now_ns + apart_ns, client, Step::Finish);
        None
    }

    fn finish(&mut self, request: &Request<'_>, now_ns: u64) -> Reply {
        if let Some(Fault::FailedIndexSeen { .. }) = self.fault {
            self.index.remove(request.package, now_ns);
            return Reply::Fail;
        }
        self.index.execute(request, now_ns);
        Reply::Ok
    }
}

fn reply_if(is_done: bool) -> Reply {
    if is_done { Reply::Ok } else { Reply::Fail }
}
