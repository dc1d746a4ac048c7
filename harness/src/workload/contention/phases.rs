//! The phases of the workload.

/// The names of the phases, in the order of their numbers from 1.
pub(crate) const PHASES: &[&str] = &["1 clean up", "2 contend", "3 clean up again"];

/// The number of the first cleanup phase.
pub(super) const CLEANUP: u32 = 1;

/// The number of the contention phase.
pub(super) const CONTENTION: u32 = 2;

/// Returns the name of a phase; phases count from 1.
pub(super) fn phase_name(phase: u32) -> &'static str {
    let index = (phase as usize).checked_sub(1);
    index.and_then(|index| PHASES.get(index)).copied().unwrap_or_default()
}
