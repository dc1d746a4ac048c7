//! The errors of `cargo ci`.

use std::io;
use std::path::PathBuf;

/// The reason why a command or a step of `cargo ci` failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A program could not be started.
    #[error("cannot start `{command}`: {source}")]
    Start { command: String, source: io::Error },
    /// A program ended with a status other than 0.
    #[error("`{command}` ended with {status}{output}")]
    Status { command: String, status: String, output: String },
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    /// A connection or a pipe failed.
    #[error("{action}: {source}")]
    Io { action: String, source: io::Error },
    /// A report does not have the expected form.
    #[error("{what} is not the JSON that `cargo ci` expects: {source}")]
    Json { what: String, source: serde_json::Error },
    /// Anything else, in one sentence.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// Returns a failure with this message.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::Other(message.into())
    }

    /// Returns a function that adds the action that failed to an I/O error.
    pub(crate) fn during(action: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action: action.to_owned(), source }
    }

    /// Returns a function that adds the path of the file to an I/O error.
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
