//! What many clients saw at once, held against the rules of one index (C2).
//!
//! A history becomes [`Operation`]s: each took effect at one moment between its sending and its reply, or, if its reply
//! was lost, at some moment after its sending, or not at all. Judges are pure, and read nothing else.

mod bounds;
#[cfg(test)]
mod frontiers;
#[cfg(test)]
mod race_histories;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod tests;

pub use bounds::{Violation, bounds};

use protocol::index::wire::Reply;

/// A request of one client, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Which client.
    pub client: u32,
    /// The line, without its end.
    pub line: Vec<u8>,
    /// Taken before it was sent.
    pub sent_ns: u64,
    /// The reply, and when it had come; nothing if it was lost.
    pub replied: Option<(Reply, u64)>,
}
