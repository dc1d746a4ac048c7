//! Exit codes, on which CI pipelines branch, and the one function that decides them.

use crate::verdict::Verdict;

/// Everything that was decided conforms to the protocol.
pub const PASS: u8 = 0;
/// A MUST of the protocol is violated.
pub const VIOLATION: u8 = 1;
/// The command line, or a file that it names, is invalid; nothing was sent.
pub const USAGE: u8 = 2;
/// Something that should have been decided was not, and nothing is violated.
pub const UNKNOWN: u8 = 3;
/// The target refuses connections, cannot be started, or speaks another protocol.
pub const UNREACHABLE: u8 = 4;

/// The end of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandEnd {
    /// The command printed what it was asked for; it judged nothing.
    Printed,
    /// The command judged a target or a history.
    Judged {
        /// The worst verdict.
        verdict: Verdict,
        /// Whether a file that the command names could not be read or written completely.
        has_file_error: bool,
    },
    /// The command line, or a file that it names, is invalid.
    UsageError,
    /// This machine lacks something that the command needs.
    Shortage,
    /// There is no target.
    Unreachable,
}

/// The result of a command that was executed.
#[derive(Debug)]
pub struct CommandResult<E> {
    /// The exit code.
    pub exit_code: u8,
    /// The errors of files that could not be written, or not be read completely.
    pub file_errors: Vec<E>,
}

impl<E> CommandResult<E> {
    /// Returns the result of a command that printed what it was asked for.
    #[must_use]
    pub const fn printed() -> Self {
        Self { exit_code: exit_code(CommandEnd::Printed), file_errors: Vec::new() }
    }

    /// Returns the result of a command whose worst verdict is this one.
    #[must_use]
    pub fn judged(verdict: Verdict, file_errors: Vec<E>) -> Self {
        let end = CommandEnd::Judged { verdict, has_file_error: !file_errors.is_empty() };
        Self { exit_code: exit_code(end), file_errors }
    }
}

/// Decides the exit code of a command.
#[must_use]
pub const fn exit_code(end: CommandEnd) -> u8 {
    match end {
        CommandEnd::Printed => PASS,
        CommandEnd::Judged { verdict, has_file_error } => match verdict {
            Verdict::Fail => VIOLATION,
            // Nothing was decided.
            Verdict::Unknown | Verdict::NotRun => UNKNOWN,
            Verdict::Unreachable => UNREACHABLE,
            // A file error outweighs only a pass.
            Verdict::Pass | Verdict::Expected | Verdict::Warn if has_file_error => USAGE,
            Verdict::Pass | Verdict::Expected | Verdict::Warn => PASS,
        },
        CommandEnd::UsageError => USAGE,
        CommandEnd::Shortage => UNKNOWN,
        CommandEnd::Unreachable => UNREACHABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(verdict: Verdict, has_file_error: bool) -> u8 {
        exit_code(CommandEnd::Judged { verdict, has_file_error })
    }

    #[test]
    fn every_verdict_has_its_exit_code() {
        let codes = Verdict::ALL.map(|verdict| (verdict, judged(verdict, false)));
        let expected = [
            (Verdict::Pass, 0),
            (Verdict::Fail, 1),
            (Verdict::Warn, 0),
            (Verdict::Unknown, 3),
            (Verdict::Unreachable, 4),
            (Verdict::Expected, 0),
            (Verdict::NotRun, 3),
        ];
        assert_eq!(codes, expected);
    }

    #[test]
    fn a_file_error_outweighs_only_a_pass() {
        for verdict in [Verdict::Fail, Verdict::Unknown, Verdict::Unreachable] {
            assert_eq!(judged(verdict, true), judged(verdict, false));
        }
        for verdict in [Verdict::Pass, Verdict::Warn, Verdict::Expected] {
            assert_eq!(judged(verdict, true), USAGE);
        }
        assert_eq!(exit_code(CommandEnd::Shortage), UNKNOWN);
        assert_eq!(exit_code(CommandEnd::Unreachable), UNREACHABLE);
    }
}
