//! The number of replies over time, in equal slices whose length grows with the run.

use serde::Serialize;

/// Replies over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pace {
    /// The length of a slice, in nanoseconds.
    pub slice_ns: u64,
    /// The number of replies in each slice, from the first reply on.
    pub replies: Vec<u64>,
    #[serde(skip)]
    begun_ns: Option<u64>,
}

/// The length of a slice at first.
const SLICE_NS_MIN: u64 = 1_000_000;

/// The number of slices at which two become one. It bounds the memory, and suffices for a plot.
const SLICES_MAX: u64 = 240;

impl Default for Pace {
    fn default() -> Self {
        Self { slice_ns: SLICE_NS_MIN, replies: Vec::new(), begun_ns: None }
    }
}

impl Pace {
    /// Records a reply.
    pub(super) fn add(&mut self, at_ns: u64) {
        let since_ns = at_ns.saturating_sub(*self.begun_ns.get_or_insert(at_ns));
        while since_ns / self.slice_ns >= SLICES_MAX {
            self.slice_ns *= 2;
            self.replies = self.replies.chunks(2).map(|pair| pair.iter().sum()).collect();
        }
        let Ok(number) = usize::try_from(since_ns / self.slice_ns) else { return };
        if self.replies.len() <= number {
            self.replies.resize(number + 1, 0);
        }
        self.replies[number] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slices_grow_and_lose_no_reply() {
        let mut pace = Pace::default();
        for at_ms in 0..10_000 {
            pace.add(5_000_000_000 + at_ms * 1_000_000);
        }
        assert_eq!((pace.replies.iter().sum::<u64>(), pace.slice_ns), (10_000, 64_000_000));
        assert!(pace.replies.len() <= 240 && pace.replies[0] == 64, "{pace:?}");
        // Replies of several connections are not in the order of their times.
        pace.add(4_000_000_000);
        assert_eq!(pace.replies[0], 65);
    }
}
