//! The five steps of a replay, and its malformed lines.

use protocol::index::wire::{Command, Reply};

/// The names of the steps.
pub(super) const PHASES: &[&str] =
    &["1 remove", "2 index", "3 verify indexed", "4 remove again", "5 verify removed"];

/// The malformed lines of the challenge's own harness, each with the clause that it violates.
pub(super) const MALFORMED_LINES: [(&str, Malformation); 8] = [
    ("INDEX|emacs=elisp\n", Malformation::Fields),
    ("INDEX|emacs\u{2603}elisp\n", Malformation::Fields),
    ("INDEX|emacs elisp\n", Malformation::Fields),
    ("BLINDEX|a|b\n", Malformation::Command),
    ("REMOVES|a|b\n", Malformation::Command),
    ("QUER|a|b\n", Malformation::Command),
    ("LIZARD|a|b\n", Malformation::Command),
    ("I|a|b\n", Malformation::Command),
];

/// The reason for which a line is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformation {
    /// The number of fields is wrong (R1).
    Fields,
    /// The command is unknown (R2).
    Command,
}

/// The five steps, in order. Each step is a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ReplayStep {
    Remove,
    Index,
    VerifyIndexed,
    RemoveAgain,
    VerifyRemoved,
}

impl ReplayStep {
    pub(super) const ALL: [Self; 5] =
        [Self::Remove, Self::Index, Self::VerifyIndexed, Self::RemoveAgain, Self::VerifyRemoved];

    /// Returns the phase number of this step; phases count from 1.
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

    /// Returns the only valid reply to the requests of this step, if there is only one.
    pub(super) fn only_reply(self) -> Option<Reply> {
        match self {
            Self::VerifyIndexed => Some(Reply::Ok),
            Self::VerifyRemoved => Some(Reply::Fail),
            _ => None,
        }
    }

    /// Whether a client repeats its pass until all of its packages are answered `OK`.
    pub(super) fn is_repeated(self) -> bool {
        self.only_reply().is_none()
    }
}
