//! Workloads: what is sent to a target, and how the history of that is judged.

pub mod contention;
pub mod conversations;
pub mod literal;
pub mod pace;
pub mod replay;
pub mod wisdom;

use protocol::Protocol;

use crate::drive::Ending;
use crate::moves::Script;
use crate::pairing::Seen;
use crate::verdict::{Finding, Verdict};
use crate::workload::literal::Led;

/// A plan for a number of clients, and its judge. Both are pure: the same plan brings the same moves for the same
/// answers, and the same history the same findings.
pub trait Workload {
    /// What is spoken.
    type Protocol: Protocol;
    /// The rule of one client's moves.
    type Script: Script + 'static;
    /// The judge of one run.
    type Judge: Judge + 'static;

    /// Its id, such as `index/replay`.
    const ID: &'static str;
    /// The names of its phases, in the order of their numbers from 1.
    const PHASES: &'static [&'static str];

    /// The script of each client.
    fn scripts(&self) -> Vec<Self::Script>;

    /// A judge for a history of this plan.
    fn judge(&self) -> Self::Judge;

    /// Under which name a request is counted.
    fn label(request: &[u8]) -> &'static str;

    /// The SHA-256 of the plan in hex digits: equal plans send equal bytes for equal answers.
    fn plan_sha256(&self) -> String;
}

/// Reads a history as it grows, and finds what is wrong with it.
pub trait Judge {
    /// Takes in what is seen next.
    fn observe(&mut self, seen: &Seen<'_>);

    /// How much of the phase that is under way is done.
    fn progress(&self) -> Progress;

    /// What was found so far, the first first.
    fn findings(&self) -> &[Finding];

    /// Takes in how the run ended, and says what it all comes to. What takes long is left unknown when `is_over` says that
    /// the time for it is over.
    fn finish(&mut self, ending: Ending, is_over: &(dyn Fn() -> bool + Sync)) -> Verdict;

    /// The requests that led to what was found, if that can be seen again by making them again.
    fn led(&self) -> Option<Led> {
        None
    }

    /// What is to be told of a run beside its verdict, if anything is.
    fn observed(&self) -> Option<String> {
        None
    }
}

/// How much of a phase is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which phase, from 1; 0 before the first.
    pub phase: u32,
    /// How many things are done.
    pub done: u64,
    /// How many there are.
    pub of: u64,
}
