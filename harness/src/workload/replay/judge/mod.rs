//! Judges a replay: follows the plan through the history, and finds every reply that it does not allow.

mod findings;

use std::cell::OnceCell;
use std::rc::Rc;

use fixtures::PackageNumber;
use protocol::Clause;
use protocol::index::clauses::{R1, R2, S1, S3, S5};
use protocol::index::wire::{Command, Reply};

use super::plan::Plan;
use super::steps::{BROKEN_LINES, BrokenBy, ID, Step};
use super::walk::Walk;
use super::walk_ask::Ask;
use crate::workload::conversations::Conversations;
use conformance::collect::Operations;
use conformance::request_script::LeadingRequests;
use conformance::workload::{Judge, Judgement, Progress};
use driver::exchanges::Exchange;
use driver::exchanges::Observation;
use driver::history::Ending;
use verdict::Finding;

/// The judge of one replay.
#[derive(Debug)]
pub(super) struct ReplayJudge {
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
    conversations: Conversations,
    dependents: OnceCell<Vec<Vec<PackageNumber>>>,
    /// All that was asked and answered, to be held against the rules of one index.
    operations: Operations,
    /// With which of them each step began, and which has a wrong reply.
    begins: Vec<usize>,
    wrong: Option<usize>,
}

#[derive(Debug)]
struct Client {
    walk: Walk,
    /// How many packages were done when the pass that is under way began.
    done_at_pass_begin: u32,
    /// How many were done when this client last went through all of its packages without a change.
    settled_at: Option<u32>,
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
            conversations: Conversations::default(),
            dependents: OnceCell::new(),
            operations: Operations::default(),
            begins: Vec::new(),
            wrong: None,
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
            self.conversations.begin_phase(step.name());
            self.begins.extend(self.operations.all().map(<[_]>::len));
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

    fn replied(&mut self, replied: &Exchange<'_>, reply: Reply) {
        let client = replied.place.client;
        let Some((step, ask)) = self.planned(client) else {
            return self.find_foreign_history(client);
        };
        if self.plan.line(step, ask).strip_suffix(b"\n") != Some(replied.request) {
            return self.find_foreign_history(client);
        }
        if let Ask::Package(_) = ask {
            self.operations.add(replied, Some(reply));
        }
        let (clause, allowed) = allowed(step, ask);
        if !allowed.contains(&reply) {
            let last = self.operations.all().and_then(|operations| operations.len().checked_sub(1));
            self.wrong = last.filter(|_| matches!(ask, Ask::Package(_)));
            self.conversations.wrong_reply(replied, reply, clause, allowed);
        }
        self.follow(client, step, ask, reply);
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
    fn observe(&mut self, seen: &Observation<'_>) {
        if let Observation::Phase { client, phase } = seen
            && !self.conversations.is_closed(*client)
        {
            self.begin_phase(*client, *phase);
        }
        if let Some((replied, reply)) = self.conversations.observe(seen) {
            self.replied(&replied, reply);
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
        self.conversations.findings()
    }

    fn finish(&mut self, ending: Option<Ending>, _: &(dyn Fn() -> bool + Sync)) -> Judgement {
        self.conversations.end();
        if self.findings().is_empty() {
            self.find_how_it_ended(ending.unwrap_or(Ending::Stopped));
        }
        if self.findings().is_empty() {
            self.find_contradiction();
        }
        let leading = || Some(LeadingRequests::to(self.operations.all()?, &self.begins, self.wrong?));
        Judgement {
            leading_requests: leading(),
            ..Judgement::new(self.conversations.verdict(), ID, self.findings())
        }
    }
}

/// The replies that a request may have, and the clause that says so.
fn allowed(step: Step, ask: Ask) -> (Clause, &'static [Reply]) {
    match ask {
        Ask::ViolationKind(which) if BROKEN_LINES[which].1 == BrokenBy::Fields => (R1, &[Reply::Error]),
        Ask::ViolationKind(_) => (R2, &[Reply::Error]),
        Ask::Package(_) => match (step.command(), step.only_reply()) {
            (Command::Query, Some(Reply::Ok)) => (S5, &[Reply::Ok]),
            (Command::Query, _) => (S5, &[Reply::Fail]),
            (Command::Index, _) => (S1, &[Reply::Ok, Reply::Fail]),
            (Command::Remove, _) => (S3, &[Reply::Ok, Reply::Fail]),
        },
    }
}
