//! How a run ended.

use serde::{Deserialize, Serialize};

/// How driving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every client made its last move.
    Finished,
    /// The observer had seen enough.
    Stopped,
    /// The time for the run was over.
    TimeOver,
    /// The user broke it off.
    Interrupted,
}
