//! The five steps of a replay, and its malformed lines.

use protocol::index::wire::{Command, Reply};

/// The id of the workload.
pub(super) const ID: &str = "index/replay";

/// The names of the steps.
pub(super) const PHASES: &[&str] =
    &["1 remove", "2 index", "3 verify indexed", "4 remove again", "5 verify removed"];

/// The broken lines of the challenge's own harness, each with the clause that makes it one.
pub(super) const BROKEN_LINES: [(&str, BrokenBy); 8] = [
    ("INDEX|emacs=elisp\n", BrokenBy::Fields),
    ("INDEX|emacs\u{2603}elisp\n", BrokenBy::Fields),
    ("INDEX|emacs elisp\n", BrokenBy::Fields),
    ("BLINDEX|a|b\n", BrokenBy::Command),
    ("REMOVES|a|b\n", BrokenBy::Command),
    ("QUER|a|b\n", BrokenBy::Command),
    ("LIZARD|a|b\n", BrokenBy::Command),
    ("I|a|b\n", BrokenBy::Command),
];

/// What makes a line no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BrokenBy {
    /// R1.
    Fields,
    /// R2.
    Command,
}

/// The five steps, in order. A phase is a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Remove,
    Index,
    VerifyIndexed,
    RemoveAgain,
    VerifyRemoved,
}

impl Step {
    pub(super) const ALL: [Self; 5] =
        [Self::Remove, Self::Index, Self::VerifyIndexed, Self::RemoveAgain, Self::VerifyRemoved];

    /// The phase of this step; phases count from 1.
    pub(super) fn phase(self) -> u32 {
        self as u32 + 1
    }

    pub(super) fn of_phase(phase: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.phase() == phase)
    }

    pub(super) fn name(self) -> &'static str {
        PHASES[self as usize]
    }

    pub(super) fn command(self) -> Command {
        match self {
            Self::Remove | Self::RemoveAgain => Command::Remove,
            Self::Index => Command::Index,
            Self::VerifyIndexed | Self::VerifyRemoved => Command::Query,
        }
    }

    /// The reply that a request must have, where only one will do.
    pub(super) fn only_reply(self) -> Option<Reply> {
        match self {
            Self::VerifyIndexed => Some(Reply::Ok),
            Self::VerifyRemoved => Some(Reply::Fail),
            _ => None,
        }
    }

    /// Whether a client goes through its packages until all are answered `OK`.
    pub(super) fn is_repeated(self) -> bool {
        self.only_reply().is_none()
    }
}
