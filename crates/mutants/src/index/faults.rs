//! State of defects that show only under faults of clients, of the network or of the process.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::catalogue::{Defect, Defects};
use crate::lifecycle::{ClientNumber, Lifecycle};

const WORKERS: usize = 4;
const WRITERS: usize = 4;

/// The age at which an incomplete line delays new clients, and the delay. It is longer than clients should wait.
const LINE_STALLS_AFTER: Duration = Duration::from_secs(1);
const NEWCOMERS_DELAY: Duration = Duration::from_secs(12);

/// The time that a line of the log may take before a watchdog ends the server.
const LOG_TIME_MAX: Duration = Duration::from_secs(1);

/// The time limit of a line that a defect does not cancel when the connection ends.
const TIMER: Duration = Duration::from_secs(10);

/// The time for which a defective server serves its clients after SIGTERM.
const DRAIN_TIME: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub(super) struct Faults {
    defects: Defects,
    /// The incomplete line of a reset connection.
    left_line: Mutex<Vec<u8>>,
    is_spinning: AtomicBool,
    ended_workers: [AtomicBool; WORKERS],
    /// Whether a reset connection was closed twice, so that the second call closes the next connection.
    is_next_closed: AtomicBool,
    /// When the timers of reset connections expire, in that order. Each concerns the next connection.
    timers: Mutex<VecDeque<Instant>>,
    writing_count: AtomicUsize,
    /// Whether the thread that continues blocked writes sleeps for ever.
    is_waker_lost: Arc<AtomicBool>,
    /// Whether the process has received SIGTERM, and whether it ends for that reason.
    is_terminated: Arc<AtomicBool>,
    is_ending: AtomicBool,
    /// The clients that are within a line, and the times of the first bytes.
    begun_lines: Mutex<BTreeMap<ClientNumber, Instant>>,
}

impl Faults {
    pub(super) fn new(defects: Defects) -> Self {
        let is_terminated = Arc::<AtomicBool>::default();
        if defects.has(Defect::IndexReleasedBeforeTheDrain) {
            // If the system refuses, the server is correct, and its test notices.
            let _ = signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&is_terminated));
        }
        Self {
            is_terminated,
            is_ending: AtomicBool::new(false),
            defects,
            left_line: Mutex::default(),
            is_spinning: AtomicBool::new(false),
            ended_workers: Default::default(),
            is_next_closed: AtomicBool::new(false),
            timers: Mutex::default(),
            writing_count: AtomicUsize::new(0),
            is_waker_lost: Arc::default(),
            begun_lines: Mutex::default(),
        }
    }

    /// Records that a connection was reset.
    pub(super) fn note_lost(&self, client: ClientNumber) {
        match self.defects.get() {
            Some(Defect::ResetEndsAWorker) => self.worker(client).store(true, Ordering::SeqCst),
            Some(Defect::ResetClosesTheNextClient) => self.is_next_closed.store(true, Ordering::SeqCst),
            _ => {}
        }
    }

    /// Returns whether the process has received SIGTERM, after which it ends soon.
    pub(super) fn has_released_index(&self, lifecycle: &Arc<Lifecycle>) -> bool {
        let is_terminated = self.is_terminated.load(Ordering::SeqCst);
        if is_terminated && !self.is_ending.swap(true, Ordering::SeqCst) {
            let lifecycle = Arc::clone(lifecycle);
            // If the system refuses a thread, the server continues, and its test notices.
            let _ = thread::Builder::new().name("drain".into()).spawn(move || {
                thread::sleep(DRAIN_TIME);
                lifecycle.crash();
            });
        }
        is_terminated
    }

    /// Calls `log` if a defect logs each client. Returns whether that took too long.
    pub(super) fn has_slow_log(&self, log: impl FnOnce()) -> bool {
        if !self.defects.has(Defect::EndsAfterASlowLogLine) {
            return false;
        }
        let begun = Instant::now();
        log();
        begun.elapsed() > LOG_TIME_MAX
    }

    /// Returns whether the worker that serves this client is running.
    pub(super) fn has_worker(&self, client: ClientNumber) -> bool {
        !self.worker(client).load(Ordering::SeqCst)
    }

    fn worker(&self, client: ClientNumber) -> &AtomicBool {
        let [first, second, third, fourth] = &self.ended_workers;
        match client % 4 {
            0 => first,
            1 => second,
            2 => third,
            _ => fourth,
        }
    }

    /// Returns whether a connection that was just accepted is closed in place of a reset one.
    pub(super) fn closes_by_mistake(&self) -> bool {
        self.is_next_closed.swap(false, Ordering::SeqCst)
    }

    /// Leaves the timer of a reset connection's incomplete line running.
    pub(super) fn leave_timer(&self) {
        lock(&self.timers).push_back(Instant::now() + TIMER);
    }

    /// Lets the timer of a reset connection, if one is running, shut down this one.
    pub(super) fn take_timer(&self, stream: &Arc<TcpStream>, lifecycle: &Arc<Lifecycle>) {
        let now = Instant::now();
        let mut timers = lock(&self.timers);
        timers.retain(|expires_at| *expires_at > now);
        let Some(expires_at) = timers.pop_front() else { return };
        let (stream, lifecycle) = (Arc::downgrade(stream), Arc::clone(lifecycle));
        // If the system refuses a thread, the server is correct, and its test notices.
        let _ = thread::Builder::new().name("timer".into()).spawn(move || {
            if !lifecycle.ends_within(expires_at - now) {
                stream.upgrade().map(|stream| stream.shutdown(Shutdown::Both));
            }
        });
    }

    /// Keeps the incomplete line of a reset connection in a buffer that the next connection takes.
    pub(super) fn leave_line(&self, line: Vec<u8>) {
        *lock(&self.left_line) = line;
    }

    /// Removes and returns the line that a reset connection has left; empty if no connection has left one.
    pub(super) fn take_line(&self) -> Vec<u8> {
        mem::take(&mut *lock(&self.left_line))
    }

    /// Reads after the end of the stream until the server ends. One thread is enough to show the defect.
    pub(super) fn spin(&self, mut stream: &TcpStream, lifecycle: &Lifecycle) {
        if self.is_spinning.swap(true, Ordering::SeqCst) {
            return;
        }
        while !lifecycle.has_ended() {
            let _ = stream.read(&mut [0]);
        }
    }

    /// Returns the flag that a lost connection sets, after which blocked writes are not continued.
    pub(super) fn waker(&self) -> &Arc<AtomicBool> {
        &self.is_waker_lost
    }

    /// Calls `write`. A defect first waits until one of four writers is free.
    pub(super) fn write_in_turn<T>(&self, lifecycle: &Lifecycle, write: impl FnOnce() -> T) -> T {
        if !self.defects.has(Defect::FourStalledReadersBlockAll) {
            return write();
        }
        lifecycle.wait_until(|_| {
            let is_free = self.writing_count.fetch_add(1, Ordering::SeqCst) < WRITERS;
            if !is_free {
                self.writing_count.fetch_sub(1, Ordering::SeqCst);
            }
            is_free
        });
        let written = write();
        self.writing_count.fetch_sub(1, Ordering::SeqCst);
        lifecycle.wake();
        written
    }

    /// Records whether a client is within a line after a read.
    pub(super) fn note_read(&self, client: ClientNumber, is_mid_line: bool) {
        if !self.defects.has(Defect::HalfLineDelaysNewcomers) {
            return;
        }
        let mut begun_lines = lock(&self.begun_lines);
        if is_mid_line {
            begun_lines.entry(client).or_insert_with(Instant::now);
        } else {
            begun_lines.remove(&client);
        }
    }

    /// Delays a new client if a defect requires it.
    pub(super) fn delay_newcomer(&self, lifecycle: &Lifecycle) {
        let is_stalled = |begun_at: &Instant| begun_at.elapsed() > LINE_STALLS_AFTER;
        let has_stalled = lock(&self.begun_lines).values().any(is_stalled);
        if has_stalled {
            lifecycle.ends_within(NEWCOMERS_DELAY);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::index::find;

    fn with(mutant: Option<&str>) -> Faults {
        Faults::new(Defects::of(mutant.map(|name| find(name).unwrap())))
    }

    #[test]
    fn a_reset_ends_one_of_four_workers() {
        let (correct, defective) = (with(None), with(Some("reset-ends-a-worker")));
        correct.note_lost(5);
        defective.note_lost(5);
        assert!((0..8).all(|client| correct.has_worker(client)));
        let served: Vec<ClientNumber> = (0..8).filter(|&client| defective.has_worker(client)).collect();
        assert_eq!(served, [0, 2, 3, 4, 6, 7]);
    }

    #[test]
    fn a_reset_closes_one_later_connection() {
        let (correct, defective) = (with(None), with(Some("reset-closes-the-next-client")));
        correct.note_lost(1);
        defective.note_lost(1);
        assert!(!correct.closes_by_mistake());
        assert!(defective.closes_by_mistake() && !defective.closes_by_mistake());
    }

    /// Returns whether a fifth client can be written to while four writes wait.
    fn fifth_is_written(mutant: Option<&str>) -> bool {
        let lifecycle = Lifecycle::new(([127, 0, 0, 1], 0).into());
        let faults = with(mutant);
        let (started, starts) = mpsc::channel();
        let (stalled, stall) = (AtomicBool::new(true), Duration::from_millis(1));
        thread::scope(|scope| {
            for client in 0..5 {
                let (lifecycle, faults, stalled, started) = (&lifecycle, &faults, &stalled, started.clone());
                scope.spawn(move || {
                    faults.write_in_turn(lifecycle, || {
                        started.send(client).unwrap();
                        while stalled.load(Ordering::SeqCst) {
                            thread::sleep(stall);
                        }
                    });
                });
            }
            let count = (0..5).map_while(|_| starts.recv_timeout(Duration::from_millis(300)).ok()).count();
            stalled.store(false, Ordering::SeqCst);
            assert!(count >= 4);
            count == 5
        })
    }

    #[test]
    fn four_writes_that_wait_block_no_other_except_with_a_mutant() {
        assert!(fifth_is_written(None));
        assert!(!fifth_is_written(Some("four-stalled-readers-block-all")));
    }

    #[test]
    fn a_log_that_blocks_is_slow() {
        let (correct, defective) = (with(None), with(Some("ends-after-a-slow-log-line")));
        let blocked = || thread::sleep(LOG_TIME_MAX + Duration::from_millis(1));
        assert!(!correct.has_slow_log(|| unreachable!("the correct server logs nothing")));
        assert!(!defective.has_slow_log(|| ()));
        assert!(defective.has_slow_log(blocked));
    }
}
