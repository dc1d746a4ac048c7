//! What a client does with a challenge.

/// How many connections bring the same solution at the same time.
pub(super) const TWINS: u16 = 4;

/// What a client does with a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// Brings the solution where it got the challenge.
    Plain,
    /// Brings it on another connection.
    Elsewhere,
    /// Brings it once more when it has its quotation.
    Again,
    /// Brings it on several connections at the same time.
    AtOnce,
    /// Brings too little work first.
    TooLittle,
}

impl Round {
    pub(super) const ALL: [Self; 5] =
        [Self::Plain, Self::Elsewhere, Self::Again, Self::AtOnce, Self::TooLittle];
}
