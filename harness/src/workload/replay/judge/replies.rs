//! Decides which reply of the replay is a violation: compares each reply with those that the plan allows, and detects
//! steps without progress.

use conformance::request_script::LeadingRequests;
use conformance::workload::{Judge, Judgement, Progress};
use driver::exchanges::{Exchange, Observation};
use driver::history::Ending;
use protocol::Clause;
use protocol::index::clauses::{C6, R1, R2, S1, S3, S5};
use protocol::index::wire::{Command, Reply};
use verdict::Finding;

use crate::workload::replay::form::Form;
use crate::workload::replay::judge::state::ReplayJudge;
use crate::workload::replay::next_request::NextRequest;
use crate::workload::replay::steps::{MALFORMED_LINES, Malformation, ReplayStep};

impl ReplayJudge {
    fn form(&self) -> Form {
        self.plan.options.form
    }

    fn begin_phase(&mut self, client: u32, phase: u32) {
        let Some(step) = ReplayStep::of_phase(phase) else { return };
        if self.step != Some(step) {
            self.step = Some(step);
            self.is_done.fill(false);
            self.is_refused.fill(false);
            self.done_count = 0;
            self.settled_count = 0;
            self.checks.begin_phase(step.name());
            self.step_starts.extend(self.operations.all().map(<[_]>::len));
            self.unfinished_count = (0..)
                .zip(&self.clients)
                .filter(|&(client, _)| !self.plan.packages_of(client).is_empty())
                .count()
                .try_into()
                .unwrap_or(u32::MAX);
        }
        let Some(state) = self.clients.get_mut(client as usize) else { return };
        state.walk.begin(step, &self.plan);
        state.done_at_pass_begin = 0;
        state.settled_at = None;
    }

    fn judge_reply(&mut self, exchange: &Exchange<'_>, reply: Reply) {
        let client = exchange.place.client;
        let Some((step, request)) = self.planned(client) else {
            return self.find_unplanned_request(client);
        };
        if self.plan.line(step, request).strip_suffix(b"\n") != Some(exchange.request) {
            return self.find_unplanned_request(client);
        }
        if let NextRequest::Package(_) = request
            && self.form() == Form::Gradual
        {
            self.operations.add(exchange, Some(reply));
        }
        let (clause, allowed) = allowed(step, request);
        if !allowed.contains(&reply) {
            let last = self.operations.all().and_then(|operations| operations.len().checked_sub(1));
            self.violation = last.filter(|_| matches!(request, NextRequest::Package(_)));
            self.checks.note_incorrect_reply(exchange, reply, clause, allowed);
        }
        self.advance(client, step, request, reply);
    }

    /// Returns the step of a client and its next request in the plan.
    fn planned(&self, client: u32) -> Option<(ReplayStep, NextRequest)> {
        let walk = &self.clients.get(client as usize)?.walk;
        Some((walk.step(), walk.next_request(&self.plan)?))
    }

    /// Advances a client in the plan after a reply.
    fn advance(&mut self, client: u32, step: ReplayStep, request: NextRequest, reply: Reply) {
        if let NextRequest::Package(package) = request {
            self.note_reply(step, package as usize, reply);
        }
        let state = &mut self.clients[client as usize];
        let passes_before = state.walk.passes();
        state.walk.advance(reply, &self.plan);
        if state.walk.passes() != passes_before {
            self.end_pass(client, step);
        }
    }

    fn note_reply(&mut self, step: ReplayStep, package: usize, reply: Reply) {
        self.is_refused[package] = reply != Reply::Ok;
        let is_done = reply == Reply::Ok || !step.is_repeated();
        if is_done && !self.is_done[package] {
            self.is_done[package] = true;
            self.done_count += 1;
            self.settled_count = 0;
        }
    }

    /// Ends a pass of a client. A step makes no progress if every unfinished client has begun and completed a pass since the
    /// last change.
    fn end_pass(&mut self, client: u32, step: ReplayStep) {
        let state = &mut self.clients[client as usize];
        let passes = state.walk.passes();
        let was_settled = state.settled_at == Some(self.done_count);
        if state.walk.next_request(&self.plan).is_none() {
            // In a forged history, a client may end a step twice.
            self.unfinished_count = self.unfinished_count.saturating_sub(1);
            self.settled_count = self.settled_count.saturating_sub(u32::from(was_settled));
        } else if state.done_at_pass_begin == self.done_count && !was_settled {
            state.settled_at = Some(self.done_count);
            self.settled_count += 1;
        }
        state.done_at_pass_begin = self.done_count;
        if self.unfinished_count > 0 && self.settled_count == self.unfinished_count {
            self.find_no_progress(step);
        } else if passes >= self.plan.options.rounds_max && state.walk.next_request(&self.plan).is_some() {
            self.find_too_many_rounds(client, passes);
        }
    }
}

impl Judge for ReplayJudge {
    fn observe(&mut self, observation: &Observation<'_>) {
        if let Observation::Phase { client, phase } = observation
            && !self.checks.is_decided(*client)
        {
            self.begin_phase(*client, *phase);
        }
        if let Some((exchange, reply)) = self.checks.observe(observation) {
            self.judge_reply(&exchange, reply);
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            phase: self.step.map_or(0, ReplayStep::phase),
            done: self.done_count.into(),
            of: self.is_done.len() as u64,
        }
    }

    fn findings(&self) -> &[Finding] {
        self.checks.findings()
    }

    fn finish(&mut self, ending: Option<Ending>, _: &(dyn Fn() -> bool + Sync)) -> Judgement {
        self.checks.end();
        if self.form() == Form::Official
            && ending == Some(Ending::TimeOver)
            && let Some(cause) = self.incomplete_cause()
        {
            return Judgement::not_run(cause);
        }
        if self.findings().is_empty() {
            self.find_incomplete(ending.unwrap_or(Ending::Stopped));
        }
        match self.form() {
            Form::Gradual if self.findings().is_empty() => self.find_contradiction(),
            Form::Gradual => {}
            Form::Official => {
                self.checks.explain_first_violation("the challenge's own harness would fail this server");
                self.checks.attribute_violations_to(C6);
            }
        }
        let leading =
            || Some(LeadingRequests::to(self.operations.all()?, &self.step_starts, self.violation?));
        Judgement {
            leading_requests: leading(),
            ..Judgement::new(self.checks.verdict(), self.form().id(), self.findings())
        }
    }
}

/// Returns the replies that a request may have, and the clause that defines them.
fn allowed(step: ReplayStep, request: NextRequest) -> (Clause, &'static [Reply]) {
    match request {
        NextRequest::Malformed(index) if MALFORMED_LINES[index].1 == Malformation::Fields => {
            (R1, &[Reply::Error])
        }
        NextRequest::Malformed(_) => (R2, &[Reply::Error]),
        NextRequest::Package(_) => match (step.command(), step.only_reply()) {
            (Command::Query, Some(Reply::Ok)) => (S5, &[Reply::Ok]),
            (Command::Query, _) => (S5, &[Reply::Fail]),
            (Command::Index, _) => (S1, &[Reply::Ok, Reply::Fail]),
            (Command::Remove, _) => (S3, &[Reply::Ok, Reply::Fail]),
        },
    }
}
