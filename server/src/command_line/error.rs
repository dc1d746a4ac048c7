//! The errors of a program that runs a service, and its exit codes.

use std::io::{self, Write};
use std::process::ExitCode;

/// The reason why the program failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is wrong, or the user requested the help text.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// Two settings contradict each other.
    #[error("{0}")]
    Conflict(&'static str),
    /// The configuration of the service is wrong.
    #[error("cannot start: {0}")]
    Configuration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The program cannot listen on an address.
    #[error("cannot listen on {addr}: {source}; choose another address with {flag}")]
    Listen {
        /// The address as it was given.
        addr: String,
        /// The flag that sets the address.
        flag: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The service cannot start.
    #[error("cannot start: {0}")]
    Service(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The operating system refused a resource.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// This number of connections did not end within the shutdown timeout.
    #[error("{0} connections did not end before the shutdown and were closed")]
    Aborted(usize),
    /// This part of the server panicked. The message of the panic precedes this error.
    #[error("the {0} panicked, which is a defect of the program; restart it, and report the messages above")]
    Panicked(&'static str),
    /// The server that was checked is not healthy.
    #[error("not healthy: {0}")]
    NotHealthy(String),
}

/// The exit code of a Rust program that panicked.
const PANICKED: u8 = 101;

impl Error {
    /// The exit code: 2 for wrong settings, 101 for a defect of the program, 1 for all other errors.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::Conflict(_) | Self::Configuration(_) => 2,
            Self::Panicked(_) => PANICKED,
            _ => 1,
        }
    }
}

/// Reports the outcome of a program and returns its exit code. A requested help text goes to standard output, an error
/// to standard error as one line.
#[must_use]
pub fn exit(program: &str, outcome: Result<(), Error>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    // If the message cannot be written, the exit code remains.
    if let Error::Settings(settings::Error::HelpRequested(text)) = &error {
        let _ = write!(io::stdout(), "{}", text.render());
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(io::stderr(), "{program}: {error}");
    ExitCode::from(error.exit_code())
}
