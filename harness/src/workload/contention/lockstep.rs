//! The requests of the contention workload in lockstep: all connections are open, and one request at a time is in flight.
//! The seed determines the next client, and the model predicts every reply. A server that passes in lockstep and fails
//! under contention has a race.

use std::rc::Rc;

use rand::RngExt;
use sha2::{Digest, Sha256};

use conformance::workload;
use conformance::workload::{Judge, Judgement, Progress};
use driver::exchanges::{Exchange, Observation};
use driver::history::Ending;
use driver::moves::{Move, MoveResult, Script, Slot};
use protocol::Protocol;
use protocol::index::Index;
use protocol::index::model::Model;
use protocol::index::wire::{Command, Reply};
use protocol::text::hex;
use verdict::Finding;

use crate::workload::contention::component;
use crate::workload::contention::options::ContentionOptions;
use crate::workload::contention::phases::{CLEANUP, CONTENTION, PHASES, phase_name};
use crate::workload::contention::plan::ContentionPlan;
use crate::workload::contention::request_clauses::{clause_of, label};
use crate::workload::contention::script::Requests;
use conformance::exchange_checks::ExchangeChecks;

/// The connection of a client, and its request including the line end.
type Turn = (Slot, Vec<u8>);

/// The workload in lockstep.
#[derive(Clone, Debug)]
pub(super) struct Lockstep {
    clients: u32,
    /// The turns of each phase, in order.
    phases: Rc<[Vec<Turn>; 3]>,
}

impl Lockstep {
    /// Plans the workload.
    #[must_use]
    pub(super) fn new(options: ContentionOptions) -> Self {
        let plan = ContentionPlan::new(options, 1);
        let cleanup = cleanup_turns(&plan);
        let contention = contention_turns(&plan);
        Self { clients: options.concurrency, phases: Rc::new([cleanup.clone(), contention, cleanup]) }
    }
}

/// Returns the turns that clear the list of each package and then remove it.
fn cleanup_turns(plan: &ContentionPlan) -> Vec<Turn> {
    let of_command = |command: Command| {
        let line = move |name: &Vec<u8>| [command.word().as_bytes(), b"|", name, b"|\n"].concat();
        (0..plan.options.concurrency).flat_map(move |client| {
            let names = plan.cleanup_packages(client);
            names.iter().map(|name| (slot(client), line(name))).collect::<Vec<Turn>>()
        })
    };
    of_command(Command::Index).chain(of_command(Command::Remove)).collect()
}

/// Returns the requests of all clients. Within an episode, the seed determines their order.
fn contention_turns(plan: &ContentionPlan) -> Vec<Turn> {
    let ContentionOptions { seed, concurrency, episodes, .. } = plan.options;
    let mut turns = Vec::new();
    for episode in 0..episodes {
        let mut order = component::turns(seed, episode);
        let of_client = |client| plan.requests(client, episode).into_iter();
        let mut remaining: Vec<_> = (0..concurrency).map(|client| (client, of_client(client))).collect();
        while !remaining.is_empty() {
            let drawn = order.random_range(0..remaining.len());
            let (client, requests) = &mut remaining[drawn];
            match requests.next() {
                Some(mut line) => {
                    line.push(b'\n');
                    turns.push((slot(*client), line));
                }
                None => _ = remaining.swap_remove(drawn),
            }
        }
    }
    turns
}

impl Lockstep {
    /// Returns the plan as the runner executes it; `id` is the id of the workload.
    pub(super) fn into_plan(self, id: &'static str) -> workload::Plan {
        let judge = LockstepJudge {
            id,
            planned: self.phases[CONTENTION as usize - 1].len() as u64,
            checks: ExchangeChecks::default(),
            model: Model::default(),
            transcript: Sha256::new(),
            phase: 0,
            answered: 0,
        };
        let script = LockstepScript {
            phases: Rc::clone(&self.phases),
            clients: self.clients,
            opened: 0,
            phase: 0,
            turn: 0,
            state: State::Ready,
        };
        workload::Plan {
            sha256: self.sha256(),
            phases: PHASES,
            framing: |bytes_max| Box::new(Index::framing(bytes_max)),
            label,
            scripts: vec![Box::new(script)],
            judge: Box::new(judge),
        }
    }

    fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for (slot, line) in self.phases.iter().flatten() {
            hash.update(slot.to_be_bytes());
            hash.update(line);
        }
        hex(&hash.finalize())
    }
}

/// Opens all connections and sends the requests in turn, each on the connection of its client.
#[derive(Debug)]
pub(super) struct LockstepScript {
    phases: Rc<[Vec<Turn>; 3]>,
    clients: u32,
    opened: u32,
    /// The number of phases that have begun.
    phase: usize,
    /// The index of the next turn of the phase.
    turn: usize,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Ready,
    Sent(Slot),
    Closed,
}

/// Returns the connection of a client. A run has at most 10,000 clients.
fn slot(client: u32) -> Slot {
    Slot::try_from(client).unwrap_or(Slot::MAX)
}

impl LockstepScript {
    fn begin_phase(&mut self) -> Move<'_> {
        if self.phase == self.phases.len() {
            self.state = State::Closed;
            return Move::CloseAll;
        }
        self.phase += 1;
        self.turn = 0;
        Move::BeginPhase(u32::try_from(self.phase).unwrap_or(u32::MAX))
    }

    fn send_next(&mut self) -> Move<'_> {
        let turns = self.phase.checked_sub(1).map_or(&[][..], |phase| &self.phases[phase]);
        if self.turn == turns.len() {
            return self.begin_phase();
        }
        let (slot, line) = &self.phases[self.phase - 1][self.turn];
        self.turn += 1;
        self.state = State::Sent(*slot);
        Move::Send(*slot, line)
    }
}

impl Script for LockstepScript {
    fn next(&mut self, result: MoveResult<'_>) -> Move<'_> {
        if result.has_failed() {
            return Move::Done; // the judge reports the failure
        }
        match self.state {
            State::Ready if self.opened < self.clients => {
                self.opened += 1;
                Move::Open(slot(self.opened - 1))
            }
            State::Ready => self.send_next(),
            State::Sent(slot) => {
                self.state = State::Ready;
                Move::Await(slot, 1)
            }
            State::Closed => Move::Done,
        }
    }
}

/// Compares every reply with the model.
#[derive(Debug)]
pub(super) struct LockstepJudge {
    id: &'static str,
    checks: ExchangeChecks,
    model: Model,
    /// The hash of all requests and replies, in order.
    transcript: Sha256,
    phase: u32,
    answered: u64,
    planned: u64,
}

impl LockstepJudge {
    fn judge_reply(&mut self, exchange: &Exchange<'_>, reply: Reply) {
        self.answered += u64::from(self.phase == CONTENTION);
        for part in [exchange.request, b"\n", reply.line()] {
            self.transcript.update(part);
        }
        let predicted = self.model.answer(exchange.request);
        if self.phase == CLEANUP && reply == Reply::Fail {
            self.checks.find_failed_cleanup();
        } else if reply != predicted {
            let allowed = if predicted == Reply::Ok { &[Reply::Ok] } else { &[Reply::Fail] };
            self.checks.note_incorrect_reply(exchange, reply, clause_of(exchange.request), allowed);
        }
    }
}

impl Judge for LockstepJudge {
    fn observe(&mut self, observation: &Observation<'_>) {
        if let Observation::Phase { phase, .. } = observation {
            self.phase = *phase;
            self.checks.begin_phase(phase_name(*phase));
        }
        if let Some((exchange, reply)) = self.checks.observe(observation) {
            self.judge_reply(&exchange, reply);
        }
    }

    fn progress(&self) -> Progress {
        Progress { phase: self.phase, done: self.answered, of: self.planned }
    }

    fn findings(&self) -> &[Finding] {
        self.checks.findings()
    }

    fn finish(&mut self, ending: Option<Ending>, _: &(dyn Fn() -> bool + Sync)) -> Judgement {
        self.checks.end();
        let ending = ending.unwrap_or(Ending::Stopped);
        if self.findings().is_empty() && ending != Ending::Finished {
            self.checks.find_incomplete_run(ending, self.answered, self.planned, "requests");
        }
        Judgement {
            observed: Some(format!("transcript sha256 {}", hex(&self.transcript.clone().finalize()))),
            ..Judgement::new(self.checks.verdict(), self.id, self.findings())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::contention::options::Edition;

    fn plan(seed: u64) -> Lockstep {
        Lockstep::new(ContentionOptions { seed, concurrency: 20, episodes: 2, edition: Edition::Second })
    }

    #[test]
    fn the_seed_determines_every_turn() {
        assert_eq!(plan(7).sha256(), plan(7).sha256());
        assert_ne!(plan(7).sha256(), plan(8).sha256());
    }

    #[test]
    fn the_requests_of_a_client_keep_their_order() {
        let options = ContentionOptions { seed: 7, concurrency: 20, episodes: 2, edition: Edition::Second };
        let (plan, lockstep) = (ContentionPlan::new(options, 1), plan(7));
        for client in 0..20 {
            let of_client = lockstep.phases[1].iter().filter(|(other, _)| *other == slot(client));
            let lines: Vec<u8> = of_client.flat_map(|(_, line)| line.clone()).collect();
            let planned = (0..2).flat_map(|episode| plan.requests(client, episode));
            let planned: Vec<u8> = planned.flat_map(|line| [line, b"\n".to_vec()].concat()).collect();
            assert_eq!(lines, planned);
        }
    }
}
