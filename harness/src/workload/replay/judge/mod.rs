//! Judges a replay: follows the plan through the history, and finds every reply that it does not allow.

mod findings;

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::rc::Rc;

use fixtures::PackageNumber;
use protocol::Clause;
use protocol::index::clauses::{R1, R2, S1, S3, S5};
use protocol::index::wire::{Command, Reply};

use super::walk::Ask;
use super::{BROKEN_LINES, BrokenBy, Plan, Step, Walk};
use crate::drive::Ending;
use crate::pairing::{Place, Replied, Seen};
use crate::truth::Operations;
use crate::verdict::{Finding, Verdict};
use crate::workload::{Judge, Progress};

/// The judge of one replay.
#[derive(Debug)]
pub struct ReplayJudge {
    plan: Rc<Plan>,
    clients: Vec<Client>,
    step: Option<Step>,
    /// Which packages have had their `OK` in this step; each is a change of the index.
    is_done: Vec<bool>,
    done_count: u32,
    /// Which packages got `FAIL` when they were last asked for in this step.
    is_refused: Vec<bool>,
    /// How many clients are not done with this step.
    unfinished_count: u32,
    /// How many of them have gone through all of their packages since the last change.
    settled_count: u32,
    /// How many requests were answered in this step.
    answered_count: u64,
    has_connected: bool,
    /// The connections that are open.
    open: BTreeSet<u32>,
    /// Whether a request was ever answered with anything but `ERROR`.
    has_served: bool,
    /// Whether the target speaks another protocol; then nothing more is looked at.
    is_foreign: bool,
    /// By connection, bytes that answer nothing, and could become the `ERROR` that a target may say as it closes.
    surplus: BTreeMap<u32, Surplus>,
    /// By connection, an `ERROR` that had not to come, as the first reply of all: wrong, or how a target refuses a
    /// client, which what follows tells.
    refusals: BTreeMap<u32, Refusal>,
    dependents: OnceCell<Vec<Vec<PackageNumber>>>,
    /// All that was asked and answered, to be held against the rules of one index.
    operations: Operations,
    findings: Vec<Finding>,
    /// The clients that something was found of: what follows it on their side proves nothing more.
    is_found: BTreeSet<u32>,
}

#[derive(Debug)]
struct Client {
    walk: Walk,
    /// How many packages were done when the pass that is under way began.
    done_at_pass_begin: u32,
    /// How many were done when this client last went through all of its packages without a change.
    settled_at: Option<u32>,
}

/// Bytes that answer nothing.
#[derive(Debug)]
struct Surplus {
    place: Place,
    step: Option<Step>,
    /// The request that was answered last.
    after: Vec<u8>,
    bytes: Vec<u8>,
}

/// An `ERROR` as the first reply on a connection.
#[derive(Debug)]
struct Refusal {
    client: u32,
    /// Whether it followed a while in which the client had nothing to ask.
    was_idle: bool,
    request: Vec<u8>,
    clause: Clause,
    allowed: &'static [Reply],
}

impl ReplayJudge {
    pub(super) fn new(plan: Rc<Plan>) -> Self {
        let clients = (0..plan.options.concurrency)
            .map(|client| Client { walk: Walk::new(client), done_at_pass_begin: 0, settled_at: None })
            .collect();
        Self {
            is_done: vec![false; plan.graph.packages().len()],
            is_refused: vec![false; plan.graph.packages().len()],
            plan,
            clients,
            step: None,
            done_count: 0,
            unfinished_count: 0,
            settled_count: 0,
            answered_count: 0,
            has_connected: false,
            open: BTreeSet::new(),
            has_served: false,
            is_foreign: false,
            surplus: BTreeMap::new(),
            refusals: BTreeMap::new(),
            dependents: OnceCell::new(),
            operations: Operations::default(),
            findings: Vec::new(),
            is_found: BTreeSet::new(),
        }
    }

    fn begin_phase(&mut self, client: u32, phase: u32) {
        let Some(step) = Step::of_phase(phase) else { return };
        if self.step != Some(step) {
            self.step = Some(step);
            self.is_done.fill(false);
            self.is_refused.fill(false);
            self.done_count = 0;
            self.settled_count = 0;
            self.answered_count = 0;
            self.unfinished_count = (0..)
                .zip(&self.clients)
                .filter(|&(client, _)| !self.plan.packages_of(client).is_empty())
                .count()
                .try_into()
                .unwrap_or(u32::MAX);
        }
        let Some(walker) = self.clients.get_mut(client as usize) else { return };
        walker.walk.begin(step, &self.plan);
        walker.done_at_pass_begin = 0;
        walker.settled_at = None;
    }

    fn replied(&mut self, replied: &Replied<'_>) {
        let Place { client, connection, .. } = replied.place;
        self.find_held_surplus(connection);
        if let Some(refusal) = self.refusals.remove(&connection) {
            return self.find_error(&refusal, false);
        }
        self.answered_count += 1;
        let Some((step, ask)) = self.planned(client) else {
            return self.find_foreign_history(client);
        };
        if self.plan.line(step, ask).strip_suffix(b"\n") != Some(replied.request) {
            return self.find_foreign_history(client);
        }
        let Ok(reply) = Reply::decode(replied.reply) else {
            return self.find_no_reply(replied);
        };
        if let Ask::Package(_) = ask {
            self.operations.add(replied, Some(reply));
        }
        let (clause, allowed) = allowed(step, ask);
        if !allowed.contains(&reply) {
            if reply == Reply::Error && may_end(&replied.place) {
                let was_idle = replied.place.idle_ns > IDLE_NS_MAX;
                let request = replied.request.to_vec();
                let refusal = Refusal { client, was_idle, request, clause, allowed };
                self.refusals.insert(connection, refusal);
            } else {
                self.find_wrong_reply(client, replied.request, reply, clause, allowed);
            }
        }
        self.has_served |= reply != Reply::Error;
        self.follow(client, step, ask, reply);
    }

    /// Surplus is looked at when it can be no last word any more.
    fn surplus(&mut self, place: &Place, after: &[u8], bytes: &[u8]) {
        let step = self.step;
        let surplus = self.surplus.entry(place.connection).or_insert_with(|| Surplus {
            place: *place,
            step,
            after: after.to_vec(),
            bytes: Vec::new(),
        });
        surplus.bytes.extend_from_slice(bytes);
        if !Reply::Error.line().starts_with(&surplus.bytes) {
            self.find_held_surplus(place.connection);
        }
    }

    fn find_held_surplus(&mut self, connection: u32) {
        if let Some(surplus) = self.surplus.remove(&connection) {
            self.find_surplus(&surplus);
        }
    }

    /// A connection is over: what is held of its surplus was a last word, so far as it was waited for.
    fn ended_at_rest(&mut self, place: &Place) {
        self.open.remove(&place.connection);
        self.surplus.remove(&place.connection);
        if let Some(refusal) = self.refusals.remove(&place.connection) {
            let is_refusal = self.is_beyond_promise();
            self.find_error(&refusal, is_refusal);
        }
    }

    /// What the plan lets a client ask now.
    fn planned(&self, client: u32) -> Option<(Step, Ask)> {
        let walk = &self.clients.get(client as usize)?.walk;
        Some((walk.step(), walk.ask(&self.plan)?))
    }

    /// Goes on in the plan, and looks whether the step still does.
    fn follow(&mut self, client: u32, step: Step, ask: Ask, reply: Reply) {
        if let Ask::Package(package) = ask {
            self.note_reply(step, package as usize, reply);
        }
        let walker = &mut self.clients[client as usize];
        let passes_before = walker.walk.passes();
        walker.walk.answered(reply, &self.plan);
        if walker.walk.passes() != passes_before {
            self.end_pass(client, step);
        }
    }

    fn note_reply(&mut self, step: Step, package: usize, reply: Reply) {
        self.is_refused[package] = reply != Reply::Ok;
        let is_done = reply == Reply::Ok || !step.is_repeated();
        if is_done && !self.is_done[package] {
            self.is_done[package] = true;
            self.done_count += 1;
            self.settled_count = 0;
        }
    }

    /// A step stands still when every unfinished client has begun and ended a whole pass since the last change.
    fn end_pass(&mut self, client: u32, step: Step) {
        let walker = &mut self.clients[client as usize];
        let passes = walker.walk.passes();
        let was_settled = walker.settled_at == Some(self.done_count);
        if walker.walk.ask(&self.plan).is_none() {
            // A history that somebody made up may have a client end a step twice.
            self.unfinished_count = self.unfinished_count.saturating_sub(1);
            self.settled_count = self.settled_count.saturating_sub(u32::from(was_settled));
        } else if walker.done_at_pass_begin == self.done_count && !was_settled {
            walker.settled_at = Some(self.done_count);
            self.settled_count += 1;
        }
        walker.done_at_pass_begin = self.done_count;
        if self.unfinished_count > 0 && self.settled_count == self.unfinished_count {
            self.find_no_progress(step);
        } else if passes >= self.plan.options.rounds_max && walker.walk.ask(&self.plan).is_some() {
            self.find_too_many_rounds(client, passes);
        }
    }
}

impl Judge for ReplayJudge {
    fn observe(&mut self, seen: &Seen<'_>) {
        if self.is_foreign || self.is_found.contains(&seen.client()) {
            return;
        }
        match seen {
            Seen::Phase { client, phase } => self.begin_phase(*client, *phase),
            Seen::Replied(replied) => self.replied(replied),
            Seen::Surplus { place, after, bytes } => self.surplus(place, after, bytes),
            Seen::Unanswered { place, request, partial, end, .. } => {
                self.find_unanswered(place, request, partial, end);
            }
            Seen::EndedAtRest { place } | Seen::StayedOpen { place, .. } => self.ended_at_rest(place),
            Seen::Opened { connection, .. } => {
                self.has_connected = true;
                self.open.insert(*connection);
            }
            Seen::NotOpened { client, failure } => self.find_not_opened(*client, failure),
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            phase: self.step.map_or(0, Step::phase),
            done: self.done_count.into(),
            of: self.is_done.len() as u64,
        }
    }

    fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn finish(&mut self, ending: Ending) -> Verdict {
        if self.findings.is_empty() {
            // What would have told what these are did not come any more.
            for refusal in mem::take(&mut self.refusals).into_values() {
                let is_refusal = self.is_beyond_promise();
                self.find_error(&refusal, is_refusal);
            }
        }
        if self.findings.is_empty() {
            self.find_how_it_ended(ending);
        }
        if self.findings.is_empty() {
            self.find_contradiction();
        }
        self.findings.sort_by_key(|finding| Reverse(finding.verdict));
        self.findings.first().map_or(Verdict::Pass, |worst| worst.verdict)
    }
}

/// Whether a target may have ended a connection, and say so now, by its own rules: it takes no more clients, or it
/// keeps none that ask for nothing.
fn may_end(place: &Place) -> bool {
    place.replies == 0 || place.idle_ns > IDLE_NS_MAX
}

/// A connection that was idle for longer than this, while its client waited for others, may be ended.
const IDLE_NS_MAX: u64 = 1_000_000_000;

/// The replies that a request may have, and the clause that says so.
fn allowed(step: Step, ask: Ask) -> (Clause, &'static [Reply]) {
    match ask {
        Ask::Broken(which) if BROKEN_LINES[which].1 == BrokenBy::Fields => (R1, &[Reply::Error]),
        Ask::Broken(_) => (R2, &[Reply::Error]),
        Ask::Package(_) => match (step.command(), step.only_reply()) {
            (Command::Query, Some(Reply::Ok)) => (S5, &[Reply::Ok]),
            (Command::Query, _) => (S5, &[Reply::Fail]),
            (Command::Index, _) => (S1, &[Reply::Ok, Reply::Fail]),
            (Command::Remove, _) => (S3, &[Reply::Ok, Reply::Fail]),
        },
    }
}
