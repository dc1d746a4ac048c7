//! The reasons for which a command cannot be executed, and their exit codes.

use std::io;
use std::path::PathBuf;

use conformance::request_script;
use driver::history::ReadError;
use fixtures::ParseError;
use verdict::exit::{CommandEnd, exit_code};
use verdict::known_failures::KnownFailuresError;
use verdict::selection::NoMatch;

/// The reason for which a command cannot be executed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line is invalid, or asks for help.
    #[error(transparent)]
    Flags(#[from] clap::Error),
    /// Flags contradict each other.
    #[error("{0}")]
    Usage(&'static str),
    /// The fixture cannot be read.
    #[error("cannot read the fixture {}: {source}", path.display())]
    FixtureFile {
        /// The path as given.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The fixture is malformed.
    #[error("the fixture {} is malformed: {source}", path.display())]
    Fixture {
        /// The path as given.
        path: PathBuf,
        /// The position and the error.
        source: ParseError,
    },
    /// A pattern of --only or --skip matches nothing.
    #[error("{0}; `harness cases` lists the cases with their clauses and levels")]
    Pattern(#[from] NoMatch),
    /// No case has this id.
    #[error("there is no case '{id}'{hint}; `harness cases` lists all cases")]
    NoCase {
        /// The id as given.
        id: String,
        /// A suggestion, as the end of a sentence.
        hint: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The path as given.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file contains no valid request script.
    #[error("{}: {source}", path.display())]
    RequestScript {
        /// The path as given.
        path: PathBuf,
        /// The error in the file.
        source: request_script::Error,
    },
    /// The list of known failures is invalid.
    #[error("the list of known failures {}: {source}", path.display())]
    Expected {
        /// The path as given.
        path: PathBuf,
        /// The position and the error.
        source: KnownFailuresError,
    },
    /// The configuration file is invalid.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// A report for the comparison cannot be read.
    #[error(transparent)]
    Report(#[from] report::compare::ReadError),
    /// A history cannot be read.
    #[error("the history {} {source}", path.display())]
    History {
        /// The path as given.
        path: PathBuf,
        /// The error in the file.
        source: ReadError,
    },
    /// A report cannot be written.
    #[error(transparent)]
    Write(#[from] report::WriteError),
    /// Target flags that contradict each other.
    #[error(transparent)]
    TargetFlags(#[from] target::FlagsError),
    /// The target cannot be started as the flags describe it.
    #[error(transparent)]
    Target(#[from] target::Error),
    /// The operating system refused a resource that the harness needs.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

impl Error {
    /// Returns the exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        exit_code(match self {
            Self::Flags(error) if error.exit_code() == 0 => CommandEnd::Printed,
            Self::Start(_) => CommandEnd::Shortage,
            _ => CommandEnd::UsageError,
        })
    }
}
