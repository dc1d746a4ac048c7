//! The number of challenges without a solution, by time of issue: outstanding, and expired. Pure.

/// Parts of a lifetime that are counted: those of two lifetimes, and the current one. Challenges of one part expire
/// together, when the last of them does; expired challenges are forgotten after one more lifetime.
const COUNTED: usize = 9;

/// Parts of one lifetime.
const PARTS: u64 = COUNTED as u64 / 2;

/// Parts after which all challenges of a part have expired: a whole lifetime after the end of the part.
const EXPIRED_AFTER: u64 = PARTS + 1;

/// The lifetime of challenges, from which the parts follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    part_ms: u64,
}

/// Unanswered challenges of one address, or of all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unanswered {
    /// The number of challenges issued in each of the last parts, at the index of the part modulo their number.
    by_part: [u32; COUNTED],
    /// The current part.
    last: u64,
}

impl Lifetime {
    pub(super) fn new(ttl_ms: u64) -> Self {
        Self { part_ms: ttl_ms.div_ceil(PARTS).max(1) }
    }

    fn part(self, time_ms: u64) -> u64 {
        time_ms / self.part_ms
    }
}

impl Unanswered {
    /// Counts a challenge issued now.
    pub(super) fn note_issued(&mut self, lifetime: Lifetime, now_ms: u64) {
        self.advance(lifetime, now_ms);
        let last = self.last;
        *self.at(last) += 1;
    }

    /// Counts the solution of a challenge that was issued at this time. A challenge of another server, which shares the
    /// secret, may not be among them.
    pub(super) fn note_solved(&mut self, lifetime: Lifetime, issued_ms: u64) {
        let part = lifetime.part(issued_ms);
        if part <= self.last && self.last - part < COUNTED as u64 {
            let count = self.at(part);
            *count = count.saturating_sub(1);
        }
    }

    /// Moves to the current time, and returns the number of challenges that have expired since the last call.
    pub(super) fn advance(&mut self, lifetime: Lifetime, now_ms: u64) -> u64 {
        let part = lifetime.part(now_ms);
        let mut expired = 0;
        for passed in (self.last + 1..=part).take(COUNTED) {
            *self.at(passed) = 0;
            if let Some(part) = passed.checked_sub(EXPIRED_AFTER) {
                expired += u64::from(*self.at(part));
            }
        }
        self.last = self.last.max(part);
        expired
    }

    /// The number of expired challenges that are still counted.
    pub(super) fn expired(&mut self) -> u32 {
        let oldest = self.last.saturating_sub(COUNTED as u64 - 1);
        let expired = oldest..(self.last + 1).saturating_sub(EXPIRED_AFTER);
        expired.map(|part| *self.at(part)).sum()
    }

    /// Reports whether no challenge is counted.
    pub(super) fn is_empty(&self) -> bool {
        self.by_part.iter().all(|count| *count == 0)
    }

    fn at(&mut self, part: u64) -> &mut u32 {
        let index = usize::try_from(part % COUNTED as u64);
        &mut self.by_part[index.expect("a remainder of nine fits")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGUN_MS: u64 = 1_700_000_010_000;
    const TTL_MS: u64 = 60_000;

    fn issued(count: u32) -> (Lifetime, Unanswered) {
        let (lifetime, mut unanswered) = (Lifetime::new(TTL_MS), Unanswered::default());
        (0..count).for_each(|_| unanswered.note_issued(lifetime, BEGUN_MS));
        (lifetime, unanswered)
    }

    #[test]
    fn an_unanswered_challenge_counts_as_expired_for_one_lifetime() {
        let (lifetime, mut unanswered) = issued(3);
        // The part of a lifetime of 60 s has 15 s, and begins at the time of issue.
        for (after_ms, newly_expired, expired) in
            [(0, 0, 0), (74_999, 0, 0), (75_000, 3, 3), (80_000, 0, 3), (134_999, 0, 3), (135_000, 0, 0)]
        {
            assert_eq!(unanswered.advance(lifetime, BEGUN_MS + after_ms), newly_expired, "{after_ms}");
            assert_eq!(unanswered.expired(), expired, "{after_ms}");
        }
        assert!(unanswered.is_empty());
    }

    #[test]
    fn a_solved_challenge_does_not_expire() {
        let (lifetime, mut unanswered) = issued(3);
        unanswered.advance(lifetime, BEGUN_MS + 59_999);
        unanswered.note_solved(lifetime, BEGUN_MS);
        assert_eq!(unanswered.advance(lifetime, BEGUN_MS + 75_000), 2);
        // Challenges of another server are not among them.
        for issued_ms in [0, BEGUN_MS + 30_000, BEGUN_MS + 1_000_000] {
            unanswered.note_solved(lifetime, issued_ms);
        }
        assert_eq!(unanswered.expired(), 2);
    }

    #[test]
    fn a_long_pause_expires_everything_once() {
        let (lifetime, mut unanswered) = issued(5);
        assert_eq!(unanswered.advance(lifetime, BEGUN_MS + 100 * TTL_MS), 5);
        assert_eq!((unanswered.expired(), unanswered.is_empty()), (0, true));
        assert_eq!(unanswered.advance(lifetime, BEGUN_MS + 200 * TTL_MS), 0);
    }

    #[test]
    fn the_shortest_lifetime_has_parts_of_one_millisecond() {
        let (lifetime, mut unanswered) = (Lifetime::new(0), Unanswered::default());
        unanswered.note_issued(lifetime, 0);
        assert_eq!(unanswered.advance(lifetime, 5), 1);
    }
}
