//! The options of the workload.

/// The options of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentionOptions {
    /// The seed of every draw.
    pub(super) seed: u64,
    /// The number of clients.
    pub(super) concurrency: u32,
    /// The number of episodes. In each, every group works on new packages.
    pub(super) episodes: u32,
    /// The edition of the protocol. A plan for the first edition contains no update that changes a list.
    pub(super) edition: Edition,
}

/// The editions of the protocol, which differ in S2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Edition {
    /// `INDEX` of an indexed package is answered `OK`, and the list need not change.
    #[value(name = "1")]
    First,
    /// `INDEX` of an indexed package replaces the list, or is answered `FAIL`.
    #[default]
    #[value(name = "2")]
    Second,
}

impl Edition {
    /// Returns the number of the edition.
    #[must_use]
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }
}
