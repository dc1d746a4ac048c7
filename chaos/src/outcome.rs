//! The outcome of scenes and of runs.

use std::collections::BTreeMap;

use conformance::wire::WireLog;
use driver::history::Sample;
use driver::moves::Slot;

use verdict::Verdict;

use crate::fault::Scene;
use crate::harm::{Harm, strict};

/// Replies with the slots on which they were received.
pub(crate) type Replies = Vec<(Slot, Vec<u8>)>;

/// The outcome of a scene.
#[derive(Debug)]
pub(crate) struct SceneOutcome {
    /// The scene.
    pub(crate) scene: Scene,
    /// The verdict with its reasons.
    pub(crate) harm: Harm,
    /// The measurements, for display.
    pub(crate) figure: String,
    /// How often it was repeated because its verdict was undecided, or because of slow replies only.
    pub(crate) repetitions: u32,
    /// The replies of the clients at fault, if a sequel needs them.
    pub(crate) replies: Replies,
    /// The bytes sent and received.
    pub(crate) wire: WireLog,
    /// The duration, in nanoseconds.
    pub(crate) duration_ns: u64,
}

impl SceneOutcome {
    /// Returns whether the fault did harm, be it a MUST or a SHOULD that is violated.
    #[must_use]
    pub(crate) fn is_harmed(&self) -> bool {
        matches!(self.harm.verdict, Verdict::Fail | Verdict::Warn)
    }

    /// Returns whether it fails the run.
    pub(crate) fn is_failed(&self, is_strict: bool) -> bool {
        strict(&self.harm, is_strict) == Verdict::Fail
    }

    /// Returns the outcome of a scene that was not run.
    #[must_use]
    pub(crate) fn not_run(scene: Scene, cause: &str) -> Self {
        Self::without(scene, Harm::not_run(cause))
    }

    /// Returns the outcome of a scene that was not run and has this verdict.
    #[must_use]
    pub(crate) fn without(scene: Scene, harm: Harm) -> Self {
        Self {
            scene,
            harm,
            figure: String::new(),
            repetitions: 0,
            replies: Replies::new(),
            wire: WireLog::default(),
            duration_ns: 0,
        }
    }

    /// Combines the outcome of a sequel with that of the scene before it.
    #[must_use]
    pub(crate) fn after(mut self, before: Self) -> Self {
        self.harm = self.harm.after(before.harm);
        self.duration_ns += before.duration_ns;
        self
    }
}

/// The outcome of a run.
#[derive(Debug, Default)]
pub(crate) struct RunOutcome {
    /// The scenes in the order in which they ended, then those that were not run.
    pub(crate) outcomes: Vec<SceneOutcome>,
    /// The measurements, one part for each start of the target.
    pub(crate) timelines: Vec<Timeline>,
    /// How often the target was lost.
    pub(crate) losses: u32,
}

/// Measurements over time. All times are in nanoseconds since the beginning of the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    /// When each request of a bystander was due, and its latency from then on.
    pub(crate) requests: BTreeMap<u64, u64>,
    /// Samples of the target's process.
    pub(crate) samples: Vec<(u64, Sample)>,
    /// The beginning and the end of each scene.
    pub(crate) spans: Vec<(u64, u64)>,
}
