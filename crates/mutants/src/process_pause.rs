//! Recognizes pauses of the process, such as one between `SIGSTOP` and `SIGCONT`. Only defects need this.

use std::time::{Duration, Instant};

use crate::lifecycle::Lifecycle;

const TICK: Duration = Duration::from_millis(100);

/// The lateness of a tick that counts as a pause. A busy machine delays a tick by less.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Calls `note` after each pause, until the server ends.
pub(crate) fn watch(lifecycle: &Lifecycle, note: impl Fn()) {
    let mut ticked_at = Instant::now();
    while !lifecycle.ends_within(TICK) {
        if ticked_at.elapsed() > TICK + PAUSE_MIN {
            note();
        }
        ticked_at = Instant::now();
    }
}
