//! The reasons for which there is no target, and the start timeout that they mention.

use std::io;
use std::time::Duration;

use driver::is_shortage;

/// The time that a started target has until it listens.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(30);

/// The reason for which there is no target.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process already listens at the address of the command.
    #[error(
        "another process already listens on {0} and would be tested instead of the command; end it or choose another --addr"
    )]
    Taken(String),
    /// The host name cannot be resolved, or the address is invalid.
    #[error("cannot resolve the address {addr}: {source}")]
    Resolve {
        /// The address as given.
        addr: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Nothing accepts connections at the address.
    #[error("cannot connect to {addr}: {source}; check that the server is running")]
    NotReachable {
        /// The address as given.
        addr: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The command ended before it listened.
    #[error("the target ended before it listened on {addr} ({ended}){output}")]
    EndedEarly {
        /// The address at which it was to listen.
        addr: String,
        /// The exit status or signal.
        ended: String,
        /// Its last output.
        output: String,
    },
    /// The command runs and does not listen.
    #[error("the target did not listen on {addr} within {} s{output}", START_TIMEOUT.as_secs())]
    NeverListens {
        /// The address at which it was to listen.
        addr: String,
        /// Its last output.
        output: String,
    },
    /// The container runs and does not answer a request.
    #[error("the target did not answer on {place} within {} s{output}", START_TIMEOUT.as_secs())]
    NeverAnswers {
        /// The port at which it was to answer.
        place: String,
        /// Its last output.
        output: String,
    },
    /// The container cannot be started.
    #[error("cannot start the image {name}: {problem}")]
    Image {
        /// The name as given.
        name: String,
        /// The error of Docker.
        problem: String,
    },
    /// An image was selected, and this build has no container support.
    #[error("this build has no container support; build it with `cargo build --release --features docker`")]
    NoDocker,
    /// The settings file of the target cannot be written.
    #[error("cannot write the settings file of the target: {0}; set TMPDIR to a writable directory")]
    Settings(io::Error),
    /// The operating system reported an error.
    #[error("cannot start the target: {0}")]
    Start(#[from] io::Error),
}

impl Error {
    /// Returns whether this machine lacks a resource. The target is not responsible.
    #[must_use]
    pub fn is_shortage(&self) -> bool {
        match self {
            Self::Start(_) | Self::Settings(_) => true,
            Self::NotReachable { source, .. } => is_shortage(source),
            _ => false,
        }
    }

    /// Converts the error for a target that has to answer a request and not only to listen.
    pub(crate) fn into_never_answers(self) -> Self {
        match self {
            Self::NeverListens { addr: place, output } => Self::NeverAnswers { place, output },
            other => other,
        }
    }
}
