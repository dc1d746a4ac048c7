//! The reasons for which a command cannot be executed, and their exit codes.

use std::io;
use std::path::PathBuf;

use conformance::request_script;
use driver::history::ReadError;
use fixtures::ParseError;
use verdict::exit::{CommandEnd, exit_code};
use verdict::listed::ListError;
use verdict::selection::NoMatch;

pub use crate::matrix::TargetsError;

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
    /// A list of known failures or flaky items is invalid.
    #[error("the list {}: {source}", path.display())]
    List {
        /// The path as given.
        path: PathBuf,
        /// The position and the error.
        source: ListError,
    },
    /// A list of targets is invalid.
    #[error("{}: {source}", path.display())]
    Targets {
        /// The path as given.
        path: PathBuf,
        /// The error in the file.
        source: TargetsError,
    },
    /// A list contains no target with this name.
    #[error("{} has no target '{name}'", path.display())]
    NoTarget {
        /// The name.
        name: String,
        /// The list.
        path: PathBuf,
    },
    /// The directory of a matrix contains results of another run.
    #[error("{} contains results; keep them with --resume, or name another directory with --out", .0.display())]
    HasResults(PathBuf),
    /// `init` has nothing to write.
    #[error("{0} exist already; remove one to write it again, or ask for a job with --github or --gitlab")]
    NothingToWrite(String),
    /// The program chaos is missing.
    #[error(
        "there is no program chaos beside harness or in PATH; install it, or set chaos = false in the list"
    )]
    NoChaos,
    /// The configuration file is invalid.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// A report cannot be read, or nothing failed in it.
    #[error(transparent)]
    Report(#[from] report::read::ReadError),
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
