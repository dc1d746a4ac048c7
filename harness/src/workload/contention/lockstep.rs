//! The same requests in lockstep: all connections are open, and one request at a time is under way, of the client that the
//! seed names next. The model then predicts every reply. A server that is right here and wrong where clients contend has a
//! race.

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
use protocol::index::wire::{Command, Reply, Request};
use protocol::text::hex;
use verdict::Finding;

use crate::workload::contention::component;
use crate::workload::contention::judge::clause_of;
use crate::workload::contention::options::Options;
use crate::workload::contention::phases::{CONTEND, PHASES, SWEEP, phase_name};
use crate::workload::contention::plan::Plan;
use crate::workload::contention::script::Requests;
use crate::workload::conversations::Conversations;

/// A request, line end included, and the connection of the client that makes it.
type Turn = (Slot, Vec<u8>);

/// The workload in lockstep.
#[derive(Clone, Debug)]
pub(super) struct Lockstep {
    clients: u32,
    /// The turns of each phase.
    phases: Rc<[Vec<Turn>; 3]>,
}

impl Lockstep {
    /// Plans it.
    #[must_use]
    pub(super) fn new(options: Options) -> Self {
        let plan = Plan::new(options, 1);
        let sweep = swept(&plan);
        let contended = contended(&plan);
        Self { clients: options.concurrency, phases: Rc::new([sweep.clone(), contended, sweep]) }
    }
}

/// Each package is loosened, and then taken out.
fn swept(plan: &Plan) -> Vec<Turn> {
    let of_command = |command: Command| {
        let line = move |name: &Vec<u8>| [command.word().as_bytes(), b"|", name, b"|\n"].concat();
        (0..plan.options.concurrency).flat_map(move |client| {
            let names = plan.swept(client);
            names.iter().map(|name| (slot(client), line(name))).collect::<Vec<Turn>>()
        })
    };
    of_command(Command::Index).chain(of_command(Command::Remove)).collect()
}

/// The requests of all clients, those of an episode mixed.
fn contended(plan: &Plan) -> Vec<Turn> {
    let Options { seed, concurrency, episodes, .. } = plan.options;
    let mut turns = Vec::new();
    for episode in 0..episodes {
        let mut order = component::turns(seed, episode);
        let of_client = |client| plan.requests(client, episode).into_iter();
        let mut left: Vec<_> = (0..concurrency).map(|client| (client, of_client(client))).collect();
        while !left.is_empty() {
            let drawn = order.random_range(0..left.len());
            let (client, requests) = &mut left[drawn];
            match requests.next() {
                Some(mut line) => {
                    line.push(b'\n');
                    turns.push((slot(*client), line));
                }
                None => _ = left.swap_remove(drawn),
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
            planned: self.phases[CONTEND as usize - 1].len() as u64,
            conversations: Conversations::default(),
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
            state: State::Asking,
        };
        workload::Plan {
            sha256: self.sha256(),
            phases: PHASES,
            framing: |bytes_max| Box::new(Index::framing(bytes_max)),
            label: |request| Request::decode(request).map_or("broken", |request| request.command.word()),
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

/// Opens all connections, and makes all requests in turn, each on the connection of its client.
#[derive(Debug)]
pub(super) struct LockstepScript {
    phases: Rc<[Vec<Turn>; 3]>,
    clients: u32,
    opened: u32,
    /// How many phases have begun.
    phase: usize,
    /// Which turn of the phase is next.
    turn: usize,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Asking,
    Sent(Slot),
    Closed,
}

/// The connection of a client: a run has 10,000 of them at the most.
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

    fn ask(&mut self) -> Move<'_> {
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
    fn next(&mut self, came: MoveResult<'_>) -> Move<'_> {
        if came == MoveResult::Failed {
            return Move::Done; // what the trouble was is for the judge to say
        }
        match self.state {
            State::Asking if self.opened < self.clients => {
                self.opened += 1;
                Move::Open(slot(self.opened - 1))
            }
            State::Asking => self.ask(),
            State::Sent(slot) => {
                self.state = State::Asking;
                Move::Await(slot, 1)
            }
            State::Closed => Move::Done,
        }
    }
}

/// Holds every reply against the model.
#[derive(Debug)]
pub(super) struct LockstepJudge {
    id: &'static str,
    conversations: Conversations,
    model: Model,
    /// Of all requests and replies, in order.
    transcript: Sha256,
    phase: u32,
    answered: u64,
    planned: u64,
}

impl LockstepJudge {
    fn replied(&mut self, replied: &Exchange<'_>, reply: Reply) {
        self.answered += u64::from(self.phase == CONTEND);
        for part in [replied.request, b"\n", reply.line()] {
            self.transcript.update(part);
        }
        let predicted = self.model.answer(replied.request);
        if self.phase == SWEEP && reply == Reply::Fail {
            self.conversations.find_unswept();
        } else if reply != predicted {
            let allowed = if predicted == Reply::Ok { &[Reply::Ok] } else { &[Reply::Fail] };
            self.conversations.wrong_reply(replied, reply, clause_of(replied.request), allowed);
        }
    }
}

impl Judge for LockstepJudge {
    fn observe(&mut self, seen: &Observation<'_>) {
        if let Observation::Phase { phase, .. } = seen {
            self.phase = *phase;
            self.conversations.begin_phase(phase_name(*phase));
        }
        if let Some((replied, reply)) = self.conversations.observe(seen) {
            self.replied(&replied, reply);
        }
    }

    fn progress(&self) -> Progress {
        Progress { phase: self.phase, done: self.answered, of: self.planned }
    }

    fn findings(&self) -> &[Finding] {
        self.conversations.findings()
    }

    fn finish(&mut self, ending: Option<Ending>, _: &(dyn Fn() -> bool + Sync)) -> Judgement {
        self.conversations.end();
        let ending = ending.unwrap_or(Ending::Stopped);
        if self.findings().is_empty() && ending != Ending::Finished {
            self.conversations.find_cut_short(ending, self.answered, self.planned, "requests");
        }
        Judgement {
            observed: Some(format!("transcript sha256 {}", hex(&self.transcript.clone().finalize()))),
            ..Judgement::new(self.conversations.verdict(), self.id, self.findings())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::contention::Edition;

    fn plan(seed: u64) -> Lockstep {
        Lockstep::new(Options { seed, concurrency: 20, episodes: 2, edition: Edition::Second })
    }

    #[test]
    fn the_seed_names_every_turn() {
        assert_eq!(plan(7).sha256(), plan(7).sha256());
        assert_ne!(plan(7).sha256(), plan(8).sha256());
    }

    #[test]
    fn every_request_of_every_client_has_its_turn_in_its_order() {
        let options = Options { seed: 7, concurrency: 20, episodes: 2, edition: Edition::Second };
        let (plan, lockstep) = (Plan::new(options, 1), plan(7));
        for client in 0..20 {
            let of_client = lockstep.phases[1].iter().filter(|(other, _)| *other == slot(client));
            let lines: Vec<u8> = of_client.flat_map(|(_, line)| line.clone()).collect();
            let planned = (0..2).flat_map(|episode| plan.requests(client, episode));
            let planned: Vec<u8> = planned.flat_map(|line| [line, b"\n".to_vec()].concat()).collect();
            assert_eq!(lines, planned);
        }
    }
}
