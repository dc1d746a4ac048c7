//! The phases of the workload.

/// The names of the phases, in the order of their numbers from 1.
pub const PHASES: &[&str] = &["1 sweep", "2 contend", "3 sweep again"];

/// The phases that are judged in other ways than the last one.
pub(super) const SWEEP: u32 = 1;
pub(super) const CONTEND: u32 = 2;

/// The name of a phase; phases count from 1.
pub(super) fn phase_name(phase: u32) -> &'static str {
    let place = (phase as usize).checked_sub(1);
    place.and_then(|place| PHASES.get(place)).copied().unwrap_or_default()
}
