//! Work next to all connections: adapting the difficulty, removing expired state, and watching the secret file.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use server::clock::Clock;
use smol::future;
use tracing::info;

use super::difficulty::{Difficulty, Load, SPENT_FILL_MAX};
use super::key_file;
use super::state::State;

/// Interval at which the delay of tasks is measured.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// Interval at which the difficulty is adapted.
const STEP_INTERVAL: Duration = Duration::from_secs(1);

/// Interval at which the secret file is read.
const FILE_INTERVAL: Duration = Duration::from_millis(250);

/// Runs all background work; never completes.
pub(super) async fn run<C: Clock>(state: &State<C>, clock: &impl Clock) {
    future::or(adapt_difficulty(state, clock), watch_keys(state, clock)).await;
}

async fn adapt_difficulty<C: Clock>(state: &State<C>, clock: &impl Clock) {
    let mut difficulty = Difficulty::new(state.settings.difficulty);
    let (mut challenges_before, mut refused_before) = (0, 0);
    loop {
        let begun = clock.now();
        let mut wait = Duration::ZERO;
        while clock.now().saturating_duration_since(begun) < STEP_INTERVAL {
            wait = wait.max(task_delay(clock).await);
        }
        let seconds = clock.now().saturating_duration_since(begun).as_secs_f64();
        let now_ms = state.time.now_ms();
        state.spent.remove_expired(now_ms);
        state.recent_requests().remove_inactive(now_ms);

        let settings = &state.settings;
        let connections = state.sessions.load(Ordering::Relaxed) as u64
            + increase(&state.counts.refused_connections, &mut refused_before);
        let challenges = increase(&state.pressing_challenges, &mut challenges_before);
        let load = Load {
            connections: number(connections) / number(settings.connections_target as u64),
            challenges: number(challenges) / seconds / f64::from(settings.challenge_rate_target),
            wait: wait.as_secs_f64() / settings.wait_target.as_secs_f64(),
            spent: number(state.spent.count() as u64)
                / (number(state.spent.nonces_max() as u64) * SPENT_FILL_MAX),
        };
        let before = state.difficulty();
        let bits = difficulty.after_second(load.pressure());
        if bits != before {
            state.difficulty.store(bits, Ordering::Relaxed);
            info!(bits, ?load, "the difficulty has changed");
        }
    }
}

/// Returns the increase of a counter since the last call.
fn increase(counter: &AtomicU64, before: &mut u64) -> u64 {
    let now = counter.load(Ordering::Relaxed);
    now - mem::replace(before, now)
}

#[expect(clippy::cast_precision_loss, reason = "the counts of one second are far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

/// Measures how late a task runs. A received solution waits as long for its thread.
async fn task_delay(clock: &impl Clock) -> Duration {
    let begun = clock.now();
    clock.sleep(PROBE_INTERVAL).await;
    clock.now().saturating_duration_since(begun).saturating_sub(PROBE_INTERVAL)
}

async fn watch_keys<C: Clock>(state: &State<C>, clock: &impl Clock) {
    let Some(path) = state.keys.file() else { return future::pending().await };
    loop {
        clock.sleep(FILE_INTERVAL).await;
        let path = path.clone();
        // Reading a file may block, and this thread serves connections.
        let content = smol::unblock(move || key_file::read(&path)).await;
        state.keys.observe_file(content, state.time.now_ms());
    }
}
