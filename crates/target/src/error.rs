//! The reasons for which there is no target.

use std::io;

use driver::is_shortage;

use crate::started::START_TIMEOUT;

/// Why there is no target.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something listens already where the command was to listen.
    #[error(
        "something listens on {0} already, and would be judged in place of the command; end it or choose another --addr"
    )]
    Taken(String),
    /// The host's name is not known, or the address is none.
    #[error("{addr} is no address that can be reached: {source}")]
    Resolve {
        /// As it was given.
        addr: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing takes connections there.
    #[error("nothing takes connections on {addr}: {source}; is the server started?")]
    NotReachable {
        /// As it was given.
        addr: String,
        /// What the system said.
        source: io::Error,
    },
    /// The command ended before it listened.
    #[error("the target ended before it listened on {addr} ({ended}){output}")]
    EndedEarly {
        /// Where it was to listen.
        addr: String,
        /// How it ended.
        ended: String,
        /// The last it said.
        output: String,
    },
    /// The command runs and does not listen.
    #[error("the target did not listen on {addr} within {} s{output}", START_TIMEOUT.as_secs())]
    NeverListens {
        /// Where it was to listen.
        addr: String,
        /// The last it said.
        output: String,
    },
    /// The container runs and does not answer a request.
    #[error("the target did not answer on {place} within {} s{output}", START_TIMEOUT.as_secs())]
    NeverAnswers {
        /// Where it was to answer.
        place: String,
        /// The last it said.
        output: String,
    },
    /// There is no container.
    #[error("cannot start the image {name}: {problem}")]
    Image {
        /// As it was given.
        name: String,
        /// What Docker said.
        problem: String,
    },
    /// An image was asked for, and this build cannot start any.
    #[error("this build has no container support; build it with `cargo build --release --features docker`")]
    NoDocker,
    /// What the target is to be told cannot be written.
    #[error("cannot write the settings of the target: {0}; TMPDIR may name another directory for them")]
    Settings(io::Error),
    /// The system refused something.
    #[error("cannot start the target: {0}")]
    Start(#[from] io::Error),
}

impl Error {
    /// Whether this machine is short of something, which is not the target's fault.
    #[must_use]
    pub fn is_shortage(&self) -> bool {
        match self {
            Self::Start(_) | Self::Settings(_) => true,
            Self::NotReachable { source, .. } => is_shortage(source),
            _ => false,
        }
    }

    /// The same, of a target that has to answer and not only to listen.
    pub(crate) fn never_answers(self) -> Self {
        match self {
            Self::NeverListens { addr: place, output } => Self::NeverAnswers { place, output },
            other => other,
        }
    }
}
