//! The difficulty of a server over time, read from its metrics.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::http;

const POLL: Duration = Duration::from_millis(100);

/// Reads the difficulty ten times a second until it is dropped.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    readings: Mutex<Vec<(Instant, u32)>>,
}

impl Watch {
    /// Starts with one reading, so that the difficulty before any load is known.
    pub(crate) fn start(admin: String) -> Self {
        let shared = Arc::new(Shared::default());
        shared.read(&admin);
        let of_thread = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            while !of_thread.is_over.load(Ordering::Relaxed) {
                thread::sleep(POLL);
                of_thread.read(&admin);
            }
        });
        Self { shared, thread: Some(thread) }
    }

    /// Returns the readings so far.
    pub(crate) fn readings(&self) -> Vec<(Instant, u32)> {
        self.shared.readings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was printed when it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// A reading that fails is left out: a machine that drops packets drops those of everybody.
    fn read(&self, admin: &str) {
        let Ok(response) = http::get(admin, "/metrics") else { return };
        if let Some(bits) = difficulty(&response.body) {
            let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
            readings.push((Instant::now(), bits));
        }
    }
}

fn difficulty(metrics: &str) -> Option<u32> {
    metrics.lines().find_map(|line| line.strip_prefix("wisdom_difficulty_bits "))?.trim().parse().ok()
}

/// Returns the time of the first reading at or after `begun` whose difficulty meets the condition.
pub(crate) fn first(
    readings: &[(Instant, u32)],
    begun: Instant,
    is_wanted: impl Fn(u32) -> bool,
) -> Option<Instant> {
    readings.iter().find(|(time, bits)| *time >= begun && is_wanted(*bits)).map(|(time, _)| *time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difficulty_is_read_from_the_metrics() {
        assert_eq!(difficulty("# HELP x\nwisdom_difficulty_bits 17\n"), Some(17));
        assert_eq!(difficulty("wisdom_difficulty_bits_total 17\n"), None);
    }

    #[test]
    fn readings_before_the_beginning_do_not_count() {
        let begun = Instant::now();
        let after = |millis| begun + Duration::from_millis(millis);
        let readings = [(after(0), 17), (after(10), 16), (after(20), 17)];
        assert_eq!(first(&readings, after(5), |bits| bits > 16), Some(after(20)));
        assert_eq!(first(&readings, after(5), |bits| bits > 17), None);
    }
}
