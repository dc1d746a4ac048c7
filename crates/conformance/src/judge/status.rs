//! The progress of a case, and what it reveals about the target.

use crate::messages;

/// The progress of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseState {
    /// Nothing has happened yet.
    NotStarted,
    /// The case has begun and not ended.
    Running,
    /// Its client has completed the script.
    Done,
}

/// What a connection reveals about the state of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetStatus {
    /// It accepted connections before and refuses them now.
    RefusesConnections,
    /// A plain request of a new client received no reply in time.
    Silent,
    /// It closed the connection of a new client with a plain request.
    ClosesConnections,
    /// It speaks another protocol.
    OtherProtocol(&'static str),
    /// It served a client.
    Serving,
}

impl TargetStatus {
    /// Returns the evidence that the target was lost.
    pub(crate) fn evidence_of_loss(&self) -> &'static str {
        match self {
            Self::RefusesConnections => messages::REFUSES_CONNECTIONS,
            Self::Silent => messages::SILENT,
            _ => messages::CLOSES_CONNECTIONS,
        }
    }
}
