//! What goes on beside all connections: the difficulty follows the pressure, what has expired is forgotten, the file of
//! secrets is looked at.

use std::mem;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use smol::future;
use tracing::info;

use super::WisdomService;
use super::difficulty::{Difficulty, Load, SPENT_FILL_MAX};
use super::key_file;
use crate::clock::Clock;

/// How often it is measured how late a task is that is to run.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// How often the difficulty is set.
const STEP_INTERVAL: Duration = Duration::from_secs(1);

/// How often the file of secrets is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Never ends.
pub(super) async fn run<C: Clock>(service: &WisdomService<C>, clock: &impl Clock) {
    future::or(press(service, clock), watch_keys(service, clock)).await;
}

async fn press<C: Clock>(service: &WisdomService<C>, clock: &impl Clock) {
    let mut difficulty = Difficulty::new(service.settings.difficulty);
    let (mut challenges, mut turned_away) = (0, 0);
    loop {
        let begun = clock.now();
        let mut wait = Duration::ZERO;
        while clock.now().saturating_duration_since(begun) < STEP_INTERVAL {
            wait = wait.max(lateness(clock).await);
        }
        let seconds = clock.now().saturating_duration_since(begun).as_secs_f64();
        let now_ms = service.time.now_ms();
        service.spent.forget_expired(now_ms);
        service.askers.lock().unwrap_or_else(PoisonError::into_inner).forget_absent(now_ms);

        let settings = &service.settings;
        let connections = service.sessions.load(Ordering::Relaxed) as u64
            + passed(&service.counts.turned_away, &mut turned_away);
        let challenges_now = passed(&service.counts.challenges, &mut challenges);
        let load = Load {
            connections: number(connections) / number(settings.connections_target as u64),
            challenges: number(challenges_now) / seconds / f64::from(settings.challenge_rate_target),
            wait: wait.as_secs_f64() / settings.wait_target.as_secs_f64(),
            spent: number(service.spent.count() as u64)
                / (number(service.spent.nonces_max() as u64) * SPENT_FILL_MAX),
        };
        let before = service.difficulty();
        let bits = difficulty.after_second(load.pressure());
        if bits != before {
            service.difficulty.store(bits, Ordering::Relaxed);
            info!(bits, ?load, "the difficulty has changed");
        }
    }
}

/// What was added to a counter since it was read last.
fn passed(counter: &AtomicU64, read_last: &mut u64) -> u64 {
    let now = counter.load(Ordering::Relaxed);
    now - mem::replace(read_last, now)
}

#[expect(clippy::cast_precision_loss, reason = "what is counted within a second is far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

/// How late a task is that was to run now. A solution that has arrived waits as long.
async fn lateness(clock: &impl Clock) -> Duration {
    let begun = clock.now();
    clock.sleep(PROBE_INTERVAL).await;
    clock.now().saturating_duration_since(begun).saturating_sub(PROBE_INTERVAL)
}

async fn watch_keys<C: Clock>(service: &WisdomService<C>, clock: &impl Clock) {
    let Some(path) = service.keys.file() else { return future::pending().await };
    loop {
        clock.sleep(LOOK_INTERVAL).await;
        let path = path.clone();
        // A file may be slow, and this is a thread that serves.
        let looked = smol::unblock(move || key_file::read(&path)).await;
        service.keys.see(looked, service.time.now_ms());
    }
}
