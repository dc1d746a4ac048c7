//! Why a command cannot be carried out, and the exit code that says so.

use std::io;
use std::path::PathBuf;

use fixtures::ParseError;

use crate::expected::ExpectedError;
use crate::history::ReadError;
use crate::select::NoMatch;
use crate::workload::literal;
use crate::{exit, targets};

/// Why a command cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line is wrong, or asks for help.
    #[error(transparent)]
    Flags(#[from] clap::Error),
    /// Flags that do not go together.
    #[error("{0}")]
    Usage(&'static str),
    /// The fixture cannot be read.
    #[error("cannot read the fixture {}: {source}", path.display())]
    FixtureFile {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The fixture breaks the form.
    #[error("the fixture {}, {source}", path.display())]
    Fixture {
        /// As it was given.
        path: PathBuf,
        /// Where and how.
        source: ParseError,
    },
    /// A pattern of --only or --skip.
    #[error("{0}; `harness cases` prints the cases, with their clauses and levels")]
    Pattern(#[from] NoMatch),
    /// No case has this id.
    #[error("there is no case '{id}'{hint}; `harness cases` prints them")]
    NoCase {
        /// As it was given.
        id: String,
        /// What is nearest, in words.
        hint: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that holds no requests.
    #[error("{}: {source}", path.display())]
    Literal {
        /// As it was given.
        path: PathBuf,
        /// What is wrong with it.
        source: literal::Error,
    },
    /// The list of expected failures.
    #[error("the expected failures {}, {source}", path.display())]
    Expected {
        /// As it was given.
        path: PathBuf,
        /// Where and how.
        source: ExpectedError,
    },
    /// The configuration file is wrong.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// A report that was to be compared.
    #[error("{} is no report of this kit: {problem}", path.display())]
    Report {
        /// As it was given.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A history that was to be judged.
    #[error("the history {} {source}", path.display())]
    History {
        /// As it was given.
        path: PathBuf,
        /// What is wrong with it.
        source: ReadError,
    },
    /// A report cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What the flags say of the target cannot be right.
    #[error(transparent)]
    Target(#[from] targets::Error),
    /// The system refused something that the harness needs.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

impl Error {
    /// The exit code that says it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Flags(error) if error.exit_code() == 0 => exit::PASS,
            Self::Flags(_)
            | Self::Usage(_)
            | Self::FixtureFile { .. }
            | Self::Fixture { .. }
            | Self::Pattern(_)
            | Self::NoCase { .. }
            | Self::Read { .. }
            | Self::Literal { .. }
            | Self::Expected { .. }
            | Self::Settings(_)
            | Self::Report { .. }
            | Self::History { .. }
            | Self::Write { .. }
            | Self::Target(_) => exit::USAGE,
            Self::Start(_) => exit::UNKNOWN,
        }
    }
}
