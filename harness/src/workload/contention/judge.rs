//! The judge of concurrent clients.

use conformance::collect::Operations;
use conformance::linearizable::{FromEmptyIndex, Linearizability};
use conformance::request_script::LeadingRequests;
use conformance::workload::{Judge, Judgement, Progress};
use driver::exchanges::{Exchange, Observation};
use driver::history::Ending;
use protocol::index::clauses::F3;
use protocol::index::wire::Reply;
use verdict::Finding;

use crate::workload::contention::phases::{CLEANUP, CONTENTION, phase_name};
use crate::workload::contention::request_clauses::clause_of;
use conformance::exchange_checks::ExchangeChecks;

/// The valid replies to the requests of this workload.
const OK_OR_FAIL: &[Reply] = &[Reply::Ok, Reply::Fail];

/// The judge of one run.
#[derive(Debug)]
pub(crate) struct ContentionJudge {
    /// The id of the workload.
    id: &'static str,
    checks: ExchangeChecks,
    /// Whether clients send several requests in one write. Every violation is then attributed to F3.
    is_pipelined: bool,
    /// Whether the requests of the cleanup phases are judged too, because they change lists.
    judges_cleanup: bool,
    phase: u32,
    /// The number of answered requests of the contention phase.
    answered: u64,
    /// The number of planned requests of the contention phase.
    planned: u64,
    /// All judged requests with their replies.
    operations: Operations,
    /// The index of the first operation of the contention phase.
    contention_start: usize,
    /// The index of the operation with an incorrect reply.
    violation: Option<usize>,
    /// The number of components that were found linearizable.
    components: usize,
    /// Whether a package was indexed before the run and could not be removed.
    has_failed_cleanup: bool,
}

impl ContentionJudge {
    /// Returns the judge of a workload with `planned` requests in the contention phase.
    #[must_use]
    pub(crate) fn new(id: &'static str, planned: u64, is_pipelined: bool, judges_cleanup: bool) -> Self {
        Self {
            id,
            checks: ExchangeChecks::default(),
            is_pipelined,
            judges_cleanup,
            phase: 0,
            answered: 0,
            planned,
            operations: Operations::default(),
            contention_start: 0,
            violation: None,
            components: 0,
            has_failed_cleanup: false,
        }
    }

    fn begin_phase(&mut self, phase: u32) {
        if self.phase == phase {
            return;
        }
        self.phase = phase;
        if phase == CONTENTION {
            self.contention_start = self.operations.all().map_or(0, <[_]>::len);
        }
        self.checks.begin_phase(phase_name(phase));
    }

    fn judge_reply(&mut self, exchange: &Exchange<'_>, reply: Reply) {
        if reply == Reply::Error {
            let clause = clause_of(exchange.request);
            return self.checks.note_incorrect_reply(exchange, reply, clause, OK_OR_FAIL);
        }
        self.has_failed_cleanup |= self.phase == CLEANUP && reply == Reply::Fail;
        self.answered += u64::from(self.phase == CONTENTION);
        if self.judges_cleanup || self.phase == CONTENTION {
            self.operations.add(exchange, Some(reply));
        }
    }

    fn judge_linearizability(&mut self, is_over: &(dyn Fn() -> bool + Sync)) {
        let Some(all) = self.operations.all() else {
            return self.checks.find_too_many_operations(self.operations.count_max());
        };
        // After a failed cleanup, the initial state of the index is unknown.
        let from = if self.has_failed_cleanup { all.len() } else { self.contention_start };
        match (FromEmptyIndex { all, from }).judge(is_over) {
            Linearizability::Violated(operation, finding) => {
                self.violation = Some(operation);
                self.checks.add(*finding);
            }
            Linearizability::Unknown(finding) => self.checks.add(*finding),
            Linearizability::Linearizable(_) if self.has_failed_cleanup => self.checks.find_failed_cleanup(),
            Linearizability::Linearizable(statistics) => self.components = statistics.components,
        }
    }
}

impl Judge for ContentionJudge {
    fn observe(&mut self, observation: &Observation<'_>) {
        if let Observation::Phase { phase, .. } = observation {
            self.begin_phase(*phase);
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

    fn finish(&mut self, ending: Option<Ending>, is_over: &(dyn Fn() -> bool + Sync)) -> Judgement {
        self.checks.end();
        if self.findings().is_empty() {
            match ending.unwrap_or(Ending::Stopped) {
                Ending::Finished => self.judge_linearizability(is_over),
                ending => self.checks.find_incomplete_run(ending, self.answered, self.planned, "requests"),
            }
        }
        if self.is_pipelined {
            self.checks.attribute_violations_to(F3);
        }
        let components = self.components;
        let observed = || format!("{components} groups of packages are linearizable");
        Judgement {
            observed: self.findings().is_empty().then(observed),
            leading_requests: self.leading_requests(),
            ..Judgement::new(self.checks.verdict(), self.id, self.findings())
        }
    }
}

impl ContentionJudge {
    /// Returns the requests that led to the incorrect reply.
    fn leading_requests(&self) -> Option<LeadingRequests> {
        let violation = self.violation?.checked_sub(self.contention_start)?;
        Some(LeadingRequests::to(self.operations.all()?.get(self.contention_start..)?, &[], violation))
    }
}

#[cfg(test)]
mod tests {
    use driver::exchanges::Place;
    use verdict::Verdict;

    use super::*;

    #[test]
    fn too_many_operations_are_not_judged_and_do_not_pass() {
        let mut judge = ContentionJudge::new("index/contention", 2, false, false);
        judge.operations = Operations::at_most(1);
        let place =
            Place { client: 0, connection: 1, replies: 0, has_sent: true, is_mid_request: false, idle_ns: 0 };
        let exchange = Exchange { place, request: b"QUERY|a|", reply: b"OK", sent_ns: 1, replied_ns: 2 };
        for reply in [Reply::Fail, Reply::Ok] {
            judge.operations.add(&exchange, Some(reply));
        }
        assert_eq!(judge.finish(Some(Ending::Finished), &|| false).verdict, Verdict::Unknown);
    }
}
