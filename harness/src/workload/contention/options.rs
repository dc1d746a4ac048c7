//! The options of the workload.

/// What is asked for when the workload is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Decides every draw.
    pub seed: u64,
    /// How many clients there are.
    pub concurrency: u32,
    /// How often each group begins with packages that nobody has used.
    pub episodes: u32,
    /// Which edition of the protocol: in the first an update does not have to change anything, and none is made that
    /// does.
    pub edition: Edition,
}

/// The editions of the protocol, which differ in S2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Edition {
    /// `INDEX` of a package that is in says `OK`, and the list need not change.
    #[value(name = "1")]
    First,
    /// The list of a package that is in is replaced, or the request refused.
    #[default]
    #[value(name = "2")]
    Second,
}

/// What is under way at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Schedule {
    /// A request of each client.
    #[default]
    Concurrent,
    /// One request in all, of the client that the seed names next.
    Lockstep,
}

impl Schedule {
    /// The flag that asks for it, if it is not the default.
    #[must_use]
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Concurrent => "",
            Self::Lockstep => " --schedule lockstep",
        }
    }
}

impl Edition {
    /// The flag that asks for it, if it is not the default.
    #[must_use]
    pub const fn flag(self) -> &'static str {
        match self {
            Self::First => " --edition 1",
            Self::Second => "",
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }
}
