//! Errors of the command line, and their exit codes.

use std::io;
use std::path::PathBuf;

use verdict::exit::{CommandEnd, exit_code};
use verdict::selection::NoMatch;

use crate::{proxy_command, schedule};

/// The reason why a command did not complete.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line cannot be parsed, or it requests the help or the version.
    #[error("{0}")]
    Flags(clap::Error),
    /// The flags are incomplete or contradict each other.
    #[error("{0}")]
    Usage(&'static str),
    /// The proxy cannot be started.
    #[error("{0}")]
    Proxy(#[from] proxy_command::Error),
    /// A pattern matches no fault.
    #[error("{0}; `chaos faults` lists all faults with their clauses, levels and states")]
    Pattern(#[from] NoMatch),
    /// The target is unusable.
    #[error("{0}")]
    Target(#[from] target::Error),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file is not a schedule.
    #[error("{}: {source}", path.display())]
    Schedule {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: schedule::Error,
    },
    /// A service that the target uses is named, but the target cannot be told the address of its relay.
    #[error(
        "--through {name}=… needs --exec with {{{name}}} in the command, which represents the address of the service"
    )]
    Through {
        /// The name of the service.
        name: String,
    },
    /// The target flags contradict each other.
    #[error("{0}")]
    TargetFlags(#[from] target::FlagsError),
    /// A report cannot be read, or nothing failed in it.
    #[error(transparent)]
    Report(#[from] report::read::ReadError),
    /// A report cannot be written.
    #[error("{0}")]
    Write(#[from] report::WriteError),
    /// A system call failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Error {
    /// Returns the exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        exit_code(match self {
            Self::Flags(error) if error.exit_code() == 0 => CommandEnd::Printed,
            Self::Target(target::Error::Taken(_)) => CommandEnd::UsageError,
            Self::Target(error) if error.is_shortage() => CommandEnd::Shortage,
            Self::Target(_) => CommandEnd::Unreachable,
            _ => CommandEnd::UsageError,
        })
    }
}
