//! Why a command cannot be carried out, and the exit code that says so.

use std::io;
use std::path::PathBuf;

use conformance::request_script;
use driver::history::ReadError;
use fixtures::ParseError;
use target;
use verdict::exit::{CommandEnd, exit_code};
use verdict::known_failures::KnownFailuresError;
use verdict::selection::NoMatch;

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
    RequestScript {
        /// As it was given.
        path: PathBuf,
        /// What is wrong with it.
        source: request_script::Error,
    },
    /// The list of expected failures.
    #[error("the expected failures {}, {source}", path.display())]
    Expected {
        /// As it was given.
        path: PathBuf,
        /// Where and how.
        source: KnownFailuresError,
    },
    /// The configuration file.
    #[error("{}: {problem}", path.display())]
    Config {
        /// As it was given.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A report that is to be compared.
    #[error(transparent)]
    Report(#[from] report::compare::ReadError),
    /// A history that was to be judged.
    #[error("the history {} {source}", path.display())]
    History {
        /// As it was given.
        path: PathBuf,
        /// What is wrong with it.
        source: ReadError,
    },
    /// A report cannot be written.
    #[error(transparent)]
    Write(#[from] report::WriteError),
    /// Target flags that contradict each other.
    #[error(transparent)]
    TargetFlags(#[from] target::FlagsError),
    /// What the flags say of the target cannot be right.
    #[error(transparent)]
    Target(#[from] target::Error),
    /// The system refused something that the harness needs.
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
