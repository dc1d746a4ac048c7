//! The clients of a run by number, and the times at which they act.

use std::time::Duration;

/// The number of bystanders: well-behaved clients that must not notice a fault.
pub(crate) const BYSTANDERS: u32 = 32;

/// The client that makes the faults.
pub(crate) const CONDUCTOR: u32 = BYSTANDERS;

/// The client that measures the lateness of the harness and samples the target's process.
pub(crate) const TIMEKEEPER: u32 = BYSTANDERS + 1;

/// The pause before the first fault, in which the reference latencies are measured.
pub(crate) const QUIET: Duration = Duration::from_secs(2);

/// The same pause in all later sessions, with the same process or another one.
pub(crate) const QUIET_LATER: Duration = Duration::from_secs(1);

/// The same pause before scenes that are repeated: a target that pauses now and then by itself does so in this time too.
pub(crate) const QUIET_AGAIN: Duration = Duration::from_secs(8);

/// The pause after each fault.
pub(crate) const GAP: Duration = Duration::from_millis(100);

/// The pause after the last fault, in which the target finishes what it still does for the clients at fault.
pub(crate) const LAST_GAP: Duration = Duration::from_secs(2);

/// The interval of the timekeeper.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// The parts of a scene, as the conductor marks them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The fault begins.
    Fault,
    /// The fault is over, and the newcomer connects.
    Newcomer,
    /// The scene is over.
    Over,
}

const PARTS: u32 = 3;

/// Returns the number that marks a part of a scene.
#[must_use]
pub(crate) const fn mark(scene: u32, part: Part) -> u32 {
    scene * PARTS + part as u32
}

/// Returns the scene and the part that a number marks.
#[must_use]
pub(crate) const fn marked(number: u32) -> (usize, Part) {
    let part = match number % PARTS {
        0 => Part::Fault,
        1 => Part::Newcomer,
        _ => Part::Over,
    };
    ((number / PARTS) as usize, part)
}

/// Returns the offset of the times at which a bystander's requests are due: whole intervals after it, since the beginning of the
/// run. The bystanders take turns evenly.
///
/// A bystander waits for each reply. Times that pass meanwhile are left out, so that a slow target does not get ever more work;
/// the evidence counts the waiting time since each of them.
#[must_use]
pub(crate) fn turn(ask_interval: Duration, bystander: u32) -> Duration {
    ask_interval * bystander / BYSTANDERS
}
