//! The reason for which a run ended.

use serde::{Deserialize, Serialize};

/// The reason for which a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// All clients completed their scripts.
    Finished,
    /// The observer stopped the run.
    Stopped,
    /// The time limit of the run was reached.
    TimeOver,
    /// The user interrupted the run.
    Interrupted,
}
