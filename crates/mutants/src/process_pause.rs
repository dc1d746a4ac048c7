//! Recognizes pauses of the process, such as one between `SIGSTOP` and `SIGCONT`. Only defects need this.

use std::time::{Duration, Instant};

use crate::lifecycle::Lifecycle;

const TICK: Duration = Duration::from_millis(100);

/// The shortest pause that a busy machine does not cause.
pub(crate) const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Calls `note` after each pause that is longer than `pause_min`, until the server ends.
pub(crate) fn watch(lifecycle: &Lifecycle, pause_min: Duration, note: impl Fn(Duration)) {
    let mut ticked_at = Instant::now();
    while !lifecycle.ends_within(TICK) {
        if ticked_at.elapsed() > TICK + pause_min {
            note(ticked_at.elapsed());
        }
        ticked_at = Instant::now();
    }
}
