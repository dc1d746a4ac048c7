//! The search for a counter on several cores.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use protocol::wisdom::proof::Search;
use protocol::wisdom::token::TOKEN_BYTES;

/// Counters that a thread tries between two checks of the deadline: less than a millisecond of work.
const CHUNK: u64 = 4096;

/// The value of a counter that was not found. No search reaches it.
const NONE: u64 = u64::MAX;

/// The result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The lowest counter that solves the token; none if the deadline passed before.
    pub counter: Option<u64>,
    /// The number of tried counters.
    pub hashes: u64,
    /// The duration of the search.
    pub duration: Duration,
}

impl Outcome {
    /// Tried counters per second.
    #[must_use]
    pub fn hashes_per_s(&self) -> u64 {
        let nanos = self.duration.as_nanos().max(1);
        u64::try_from(u128::from(self.hashes) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
    }
}

/// Tries counters from zero on until one solves the token or the deadline passes.
///
/// Each thread takes the next free range, so all threads end at about the same time and the result is that of a search
/// on one thread. `progress` receives the number of tried counters from time to time, first zero.
#[must_use]
pub fn solve(
    token: &[u8; TOKEN_BYTES],
    difficulty: u8,
    threads: NonZeroUsize,
    deadline: Instant,
    progress: &(dyn Fn(u64) + Sync),
) -> Outcome {
    let work = Work {
        token,
        difficulty,
        deadline,
        progress,
        next_chunk: AtomicU64::new(0),
        found: AtomicU64::new(NONE),
        hashes: AtomicU64::new(0),
    };
    let begun = Instant::now();
    progress(0);
    thread::scope(|scope| {
        for number in 1..threads.get() {
            let thread = thread::Builder::new().name(format!("solver-{number}"));
            // If the system refuses a thread, the others do its work.
            let _ = thread.spawn_scoped(scope, || work.search());
        }
        work.search();
    });
    let counter = Some(work.found.into_inner()).filter(|&found| found != NONE);
    Outcome { counter, hashes: work.hashes.into_inner(), duration: begun.elapsed() }
}

/// The number of cores that this process may use.
#[must_use]
pub fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

struct Work<'a> {
    token: &'a [u8; TOKEN_BYTES],
    difficulty: u8,
    deadline: Instant,
    progress: &'a (dyn Fn(u64) + Sync),
    /// The first free range.
    next_chunk: AtomicU64,
    /// The lowest counter found so far.
    found: AtomicU64,
    hashes: AtomicU64,
}

impl Work<'_> {
    fn search(&self) {
        let mut search = Search::new(self.token);
        while let Some(first) = self.next_chunk.fetch_add(1, Ordering::Relaxed).checked_mul(CHUNK) {
            // All lower ranges have been taken, and their threads complete them.
            if first > self.found.load(Ordering::Relaxed) || self.deadline <= Instant::now() {
                break;
            }
            let found = search.find(self.difficulty, first..first.saturating_add(CHUNK));
            let tried = found.map_or(CHUNK, |counter| counter - first + 1);
            (self.progress)(self.hashes.fetch_add(tried, Ordering::Relaxed) + tried);
            if let Some(counter) = found {
                self.found.fetch_min(counter, Ordering::Relaxed);
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Barrier, Mutex};

    use protocol::wisdom::proof::zero_bits;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    fn threads(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).unwrap()
    }

    #[test]
    fn any_number_of_threads_finds_the_lowest_counter() {
        for seed in 0..20 {
            let token = [seed; TOKEN_BYTES];
            let naive = (0..1 << 20).find(|&counter| zero_bits(&token, counter) >= 12).unwrap();
            for number in [1, 2, 3, 8] {
                let outcome = solve(&token, 12, threads(number), soon(), &|_| ());
                assert_eq!(outcome.counter, Some(naive), "seed {seed}, {number} threads");
                assert!(outcome.hashes > naive, "all lower counters were tried");
                if number == 1 {
                    assert_eq!(outcome.hashes, naive + 1, "no higher counter was tried");
                }
            }
        }
    }

    /// A thread that was paused may be far behind the others, so the work of several threads has no upper bound. A thread
    /// that looks for its next range stops, however.
    #[test]
    fn no_thread_takes_a_range_above_a_known_solution() {
        let token = [1; TOKEN_BYTES];
        let work = Work {
            token: &token,
            difficulty: 0,
            deadline: soon(),
            progress: &|_| (),
            next_chunk: AtomicU64::new(1),
            found: AtomicU64::new(5),
            hashes: AtomicU64::new(0),
        };
        work.search();
        assert_eq!((work.hashes.into_inner(), work.found.into_inner()), (0, 5));
    }

    #[test]
    fn a_difficulty_of_zero_needs_one_hash() {
        let outcome = solve(&[1; TOKEN_BYTES], 0, threads(1), soon(), &|_| ());
        assert_eq!((outcome.counter, outcome.hashes), (Some(0), 1));
    }

    #[test]
    fn the_work_is_shared_by_all_threads() {
        // The first three ranges contain no solution, and no thread takes a second range before each has taken one.
        let is_far = |token: &[u8; TOKEN_BYTES]| Search::new(token).find(14, 0..3 * CHUNK).is_none();
        let token = (0..u8::MAX).map(|seed| [seed; TOKEN_BYTES]).find(is_far).unwrap();
        let workers = Mutex::new(BTreeSet::new());
        let all_started = Barrier::new(3);
        let progress = |hashes: u64| {
            let name = thread::current().name().unwrap_or_default().to_owned();
            if hashes > 0 && workers.lock().unwrap().insert(name) {
                all_started.wait();
            }
        };
        let outcome = solve(&token, 14, threads(3), soon(), &progress);
        assert_eq!(workers.into_inner().unwrap().len(), 3);
        assert!(outcome.counter.unwrap() >= 3 * CHUNK);
    }

    #[test]
    fn the_search_stops_at_the_deadline() {
        let reported = AtomicU64::new(0);
        let progress = |hashes: u64| {
            reported.fetch_max(hashes, Ordering::Relaxed);
        };
        let deadline = Instant::now() + Duration::from_millis(50);
        let outcome = solve(&[3; TOKEN_BYTES], u8::MAX, threads(2), deadline, &progress);
        assert_eq!(outcome.counter, None);
        assert_eq!(outcome.hashes, reported.into_inner());
        assert!(outcome.hashes.is_multiple_of(CHUNK));
        let never = solve(&[3; TOKEN_BYTES], 0, threads(2), Instant::now(), &|_| ());
        assert_eq!((never.counter, never.hashes), (None, 0));
    }

    #[test]
    fn the_rate_is_per_second() {
        let outcome = Outcome { counter: None, hashes: 3_000, duration: Duration::from_millis(500) };
        assert_eq!(outcome.hashes_per_s(), 6_000);
        assert_eq!(Outcome { duration: Duration::ZERO, hashes: 0, ..outcome }.hashes_per_s(), 0);
    }
}
