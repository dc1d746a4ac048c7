//! Workloads: a plan for a number of clients and the judge of what they observe, for live and recorded runs alike.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use driver::drive::Limits;
use driver::exchanges::Observation;
use driver::history::{Ending, Event, Params};
use driver::moves::Script;
use protocol::{Clause, Framing, Level};
use verdict::{Finding, Verdict};

use crate::request_script::LeadingRequests;

/// The behaviour of the clients of a workload, and a judge of what they observe.
///
/// A run and the re-judging of its history derive the same plan from the same parameters.
pub trait Workload: Sync {
    /// Returns the id, such as `index/replay`.
    fn id(&self) -> &'static str;

    /// Returns the level of what the workload tests.
    fn level(&self) -> Level {
        Level::Must
    }

    /// Returns the clause that the workload tests, if it tests a single one.
    fn clause(&self) -> Option<Clause> {
        None
    }

    /// Returns what a server must do, as a sentence; `clients` is a phrase such as "100 clients".
    fn requirement(&self, clients: &str) -> String;

    /// Returns an explanation for users: the actions of the workload and the usual cause of a failure.
    fn explanation(&self) -> &'static str;

    /// Returns whether the size of the plan depends on the pace of the target.
    fn depends_on_pace(&self, _: &Params) -> bool {
        false
    }

    /// Returns the number of clients for which the pace of the target must be measured again before this workload, if it
    /// needs a pace of its own.
    fn pace_clients(&self, _: &Params) -> Option<u32> {
        None
    }

    /// Returns whether the workload replays a package graph, so that its report names the graph and the phases.
    fn replays_fixture(&self) -> bool {
        false
    }

    /// Returns the limits of a run for replies that may take `reply_timeout`.
    fn limits(&self, reply_timeout: Duration) -> Limits {
        Limits::gentle(reply_timeout)
    }

    /// Returns whether the requests of a run are operations on one package index, which can be checked together.
    fn has_index_operations(&self) -> bool {
        true
    }

    /// Returns the flags that reproduce a run beside its seed and its number of clients, each with a space before it.
    fn reproduction_flags(&self, _: &Params) -> String {
        String::new()
    }

    /// Returns the reason for which the workload is not run, given the results before it.
    fn skip_reason(&self, _: &Params, _: &[Earlier]) -> Option<String> {
        None
    }

    /// Returns the parameters in view of the results before it, so that no violation that they show is reported again as
    /// another one.
    fn adapted(&self, params: &Params, _: &[Earlier]) -> Params {
        params.clone()
    }

    /// Decides the size of the next run from the conditions of the target and, after a pilot run, from its result.
    fn size(&self, params: &Params, conditions: &Conditions, pilot: Option<&Pilot>) -> Size;

    /// Makes the plan of these parameters.
    ///
    /// # Errors
    /// A parameter is missing or invalid, or names a file that cannot be read.
    fn plan(&self, params: &Params) -> Result<Plan, PlanError>;
}

impl fmt::Debug for dyn Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workload").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// The reason for which a plan cannot be made.
pub type PlanError = Box<dyn Error + Send + Sync>;

/// The result of a case or workload that ended earlier in the same run.
#[derive(Clone, Copy, Debug)]
pub struct Earlier {
    /// The id of the case or workload.
    pub id: &'static str,
    /// The id of its clause; empty for a workload.
    pub clause: &'static str,
    /// Its verdict.
    pub verdict: Verdict,
}

/// The conditions that decide how much of a workload is run.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// The requests per second that the target answered when it was measured; 0 if it was not measured.
    pub pace_per_second: u64,
    /// The fewest requests per second that an earlier workload reached.
    pub slowest_pace_per_second: Option<u64>,
    /// The time until the deadline of the run.
    pub remaining: Duration,
    /// Whether clients can connect from addresses of their own.
    pub has_client_addresses: bool,
}

/// The result of a pilot run.
#[derive(Clone, Copy, Debug)]
pub struct Pilot {
    /// Its verdict.
    pub verdict: Verdict,
    /// The time from its first event to its last.
    pub duration: Duration,
}

/// The size of the next run of a workload.
#[derive(Clone, Debug)]
pub enum Size {
    /// A small run whose duration decides the size of the next one.
    Pilot(Params),
    /// The run that is judged.
    Run(Params),
    /// The pilot run is the result: a larger run does not fit.
    KeepPilot,
    /// The workload does not fit, for this reason.
    Skip(String),
}

/// The plan of one run: a script for each client, and the judge of what they observe.
pub struct Plan {
    /// The SHA-256 of the plan in hexadecimal digits. Equal plans send equal bytes for equal replies.
    pub sha256: String,
    /// The names of the phases, in the order of their numbers from 1.
    pub phases: &'static [&'static str],
    /// Makes the framing of the protocol, for frames up to a length in bytes.
    pub framing: fn(usize) -> Box<dyn Framing>,
    /// Returns the name under which a request is counted.
    pub label: fn(&[u8]) -> &'static str,
    /// The script of each client.
    pub scripts: Vec<Box<dyn Script>>,
    /// The judge of the run.
    pub judge: Box<dyn Judge>,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

/// Reads the events of a run, live or recorded, and finds violations.
pub trait Judge {
    /// Observes an event, before the observations that it completes.
    fn observe_event(&mut self, _: &Event<'_>) {}

    /// Observes what the events of one connection mean.
    fn observe(&mut self, observation: &Observation<'_>);

    /// Returns the progress within the current phase.
    fn progress(&self) -> Progress;

    /// Returns the findings so far, in the order in which they were made.
    fn findings(&self) -> &[Finding];

    /// Ends the run and returns its judgement. `ending` is `None` if the history does not contain the end of the run.
    /// Long computations stop, with an unknown verdict, when `is_expired` returns true.
    fn finish(&mut self, ending: Option<Ending>, is_expired: &(dyn Fn() -> bool + Sync)) -> Judgement;
}

/// The progress within a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The number of the phase, from 1; 0 before the first.
    pub phase: u32,
    /// The number of units done.
    pub done: u64,
    /// The number of units in all.
    pub of: u64,
}

/// The judgement of a run.
#[derive(Debug)]
pub struct Judgement {
    /// The verdict of the run.
    pub verdict: Verdict,
    /// The findings, each with the case or workload that it belongs to.
    pub found: Vec<Found>,
    /// The inconclusive parts.
    pub inconclusive: Vec<Inconclusive>,
    /// The number of cases that were decided, if the run consists of cases.
    pub cases: Option<usize>,
    /// An observation beside the verdict, as a sentence.
    pub observed: Option<String>,
    /// The requests that led to the first finding, if sending them again can show it.
    pub leading_requests: Option<LeadingRequests>,
}

impl Judgement {
    /// Returns the judgement of a workload with these findings.
    #[must_use]
    pub fn new(verdict: Verdict, id: &'static str, findings: &[Finding]) -> Self {
        let found = findings.iter().map(|finding| Found { id, finding: finding.clone() }).collect();
        Self { verdict, found, inconclusive: Vec::new(), cases: None, observed: None, leading_requests: None }
    }

    /// Returns the judgement of a workload that was given up before it could be decided.
    #[must_use]
    pub fn not_run(cause: String) -> Self {
        let part = Inconclusive { cause, id: None, verdict: Verdict::NotRun };
        Self { inconclusive: vec![part], ..Self::new(Verdict::NotRun, "", &[]) }
    }
}

/// A finding with the id of its case or workload.
#[derive(Clone, Debug)]
pub struct Found {
    /// The id of the case or workload.
    pub id: &'static str,
    /// The finding.
    pub finding: Finding,
}

/// A case or part of a run without a conclusive verdict.
#[derive(Clone, Debug)]
pub struct Inconclusive {
    /// The cause.
    pub cause: String,
    /// The id of the case; `None` for the whole part.
    pub id: Option<&'static str>,
    /// The verdict: unknown, or not run.
    pub verdict: Verdict,
}
