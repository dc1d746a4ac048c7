//! The kinds of rounds.

/// The number of connections that send the same solution at the same time.
pub(super) const SIMULTANEOUS_CONNECTIONS: u16 = 4;

/// The use that a client makes of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// Sends the solution on the connection of the challenge.
    SameConnection,
    /// Sends the solution on another connection.
    OtherConnection,
    /// Sends the solution a second time after the quotation.
    Replay,
    /// Sends the solution on several connections at the same time.
    Simultaneous,
    /// Sends a solution with insufficient work first.
    InsufficientWork,
}

impl Round {
    pub(super) const ALL: [Self; 5] = [
        Self::SameConnection,
        Self::OtherConnection,
        Self::Replay,
        Self::Simultaneous,
        Self::InsufficientWork,
    ];

    /// Returns the name of the round in the hash of a plan. A change of these names changes the hashes of all plans.
    pub(super) const fn hash_name(self) -> &'static str {
        match self {
            Self::SameConnection => "Plain",
            Self::OtherConnection => "Elsewhere",
            Self::Replay => "Again",
            Self::Simultaneous => "AtOnce",
            Self::InsufficientWork => "TooLittle",
        }
    }
}
