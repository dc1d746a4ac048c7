//! Judges what many clients saw at once.

use protocol::Clause;
use protocol::index::clauses::{F3, S1, S3, S5};
use protocol::index::wire::{Command, Reply, Request};

use super::phases::{CONTEND, SWEEP, phase_name};
use crate::workload::conversations::Conversations;
use conformance::collect::Operations;
use conformance::linearizable::FromEmptyIndex;
use conformance::linearizable::Linearizability;
use conformance::request_script::LeadingRequests;
use conformance::workload::{Judge, Judgement, Progress};
use driver::exchanges::Exchange;
use driver::exchanges::Observation;
use driver::history::Ending;
use verdict::Finding;

/// What any request of this workload may be answered with.
const OK_OR_FAIL: &[Reply] = &[Reply::Ok, Reply::Fail];

/// The judge of one run.
#[derive(Debug)]
pub struct ContentionJudge {
    /// The id of the workload.
    id: &'static str,
    conversations: Conversations,
    /// Whether clients send several requests at once: one who breaks then breaks F3, and perhaps nothing else.
    is_pipelined: bool,
    /// Whether what is asked for to sweep packages out is held against the rules too: it changes lists.
    judges_sweeps: bool,
    phase: u32,
    /// How many requests of the phase in which clients contend were answered, and how many there are.
    answered: u64,
    planned: u64,
    /// All that was asked and answered.
    operations: Operations,
    /// Where the first operation of the clients that contend is among them.
    contended_from: usize,
    /// The operation whose reply is wrong.
    wrong: Option<usize>,
    /// How many groups of packages had an order.
    components: usize,
    /// Whether a package was in at the beginning that could not be taken out.
    is_unswept: bool,
}

impl ContentionJudge {
    /// A judge of so many requests.
    #[must_use]
    pub fn new(id: &'static str, planned: u64, is_pipelined: bool, judges_sweeps: bool) -> Self {
        Self {
            id,
            conversations: Conversations::default(),
            is_pipelined,
            judges_sweeps,
            phase: 0,
            answered: 0,
            planned,
            operations: Operations::default(),
            contended_from: 0,
            wrong: None,
            components: 0,
            is_unswept: false,
        }
    }

    fn begin_phase(&mut self, phase: u32) {
        if self.phase == phase {
            return;
        }
        self.phase = phase;
        if phase == CONTEND {
            self.contended_from = self.operations.all().map_or(0, <[_]>::len);
        }
        self.conversations.begin_phase(phase_name(phase));
    }

    fn replied(&mut self, replied: &Exchange<'_>, reply: Reply) {
        if reply == Reply::Error {
            return self.conversations.wrong_reply(replied, reply, clause_of(replied.request), OK_OR_FAIL);
        }
        self.is_unswept |= self.phase == SWEEP && reply == Reply::Fail;
        self.answered += u64::from(self.phase == CONTEND);
        if self.judges_sweeps || self.phase == CONTEND {
            self.operations.add(replied, Some(reply));
        }
    }

    fn find_contradiction(&mut self, is_over: &(dyn Fn() -> bool + Sync)) {
        let Some(all) = self.operations.all() else { return };
        // Where something could not be swept out nothing is known of the beginning.
        let from = if self.is_unswept { all.len() } else { self.contended_from };
        match (FromEmptyIndex { all, from }).judge(is_over) {
            Linearizability::Violated(wrong, finding) => {
                self.wrong = Some(wrong);
                self.conversations.add(*finding);
            }
            Linearizability::Unknown(finding) => self.conversations.add(*finding),
            Linearizability::Linearizable(_) if self.is_unswept => self.conversations.find_unswept(),
            Linearizability::Linearizable(statistics) => self.components = statistics.components,
        }
    }
}

impl Judge for ContentionJudge {
    fn observe(&mut self, seen: &Observation<'_>) {
        if let Observation::Phase { phase, .. } = seen {
            self.begin_phase(*phase);
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

    fn finish(&mut self, ending: Option<Ending>, is_over: &(dyn Fn() -> bool + Sync)) -> Judgement {
        self.conversations.end();
        if self.findings().is_empty() {
            match ending.unwrap_or(Ending::Stopped) {
                Ending::Finished => self.find_contradiction(is_over),
                ending => self.conversations.find_cut_short(ending, self.answered, self.planned, "requests"),
            }
        }
        if self.is_pipelined {
            self.conversations.blame(F3);
        }
        let components = self.components;
        let observed = || format!("{components} groups of packages, each with an order of its requests");
        Judgement {
            observed: self.findings().is_empty().then(observed),
            leading_requests: self.leading_requests(),
            ..Judgement::new(self.conversations.verdict(), self.id, self.findings())
        }
    }
}

impl ContentionJudge {
    /// Returns the requests that led to the wrong reply.
    fn leading_requests(&self) -> Option<LeadingRequests> {
        let wrong = self.wrong?.checked_sub(self.contended_from)?;
        Some(LeadingRequests::to(self.operations.all()?.get(self.contended_from..)?, &[], wrong))
    }
}

/// The clause that says which replies a request can have.
pub(super) fn clause_of(request: &[u8]) -> Clause {
    match Request::decode(request).map(|request| request.command) {
        Ok(Command::Remove) => S3,
        Ok(Command::Query) => S5,
        _ => S1,
    }
}
