//! Pauses between the steps of a race.

use std::thread;
use std::time::Duration;

/// Simulates the work of a real server at this point, such as a journal write or a context switch. It makes
/// concurrent requests more likely to meet.
pub(super) fn pause() {
    const WORK: Duration = Duration::from_micros(300);
    thread::sleep(WORK);
}

/// A longer pause: several clients must be able to send requests during it.
pub(super) fn pause_long() {
    const WORK: Duration = Duration::from_millis(3);
    thread::sleep(WORK);
}

/// A shorter pause, during which other clients wait.
pub(super) fn pause_briefly() {
    const WORK: Duration = Duration::from_micros(50);
    thread::sleep(WORK);
}
