//! The trend of a target's memory over equal rounds of visits: whether it grows without bound (C4).
//!
//! A runtime with garbage collection lets its heap grow for a while, so growth alone proves nothing. The first rounds are left
//! out; they fill any heap. A leak then shows as a straight line that does not end: in two windows of rounds, between which
//! the target had time to release late what it kept, the lower end of the confidence interval of the slope (ordinary least
//! squares) exceeds what a visit may cost.

use driver::history::Sample;

/// The memory, in bytes, that a visit may cost permanently: allocators are not exact.
const BYTES_PER_VISIT_MAX: f64 = 1024.0;

/// The number of rounds in a window.
const WINDOW: usize = 10;

/// The quantile of Student's t distribution for a two-sided interval of 99 %, with `WINDOW - 2` degrees of freedom.
const STUDENT_T: f64 = 3.355;

/// The growth, in bytes, that needs no further rounds: the visits leave less garbage than this.
const OBVIOUS_BYTES: u64 = 2 << 30;

/// The time after which no further round is made, in nanoseconds: before the end of the first window, and once there are two
/// windows that show no clear trend; …
const TIME_NS_MAX: u64 = 30_000_000_000;

/// … and before there are two, when the first one has shown that a trend is likely.
const TREND_TIME_NS_MAX: u64 = 90_000_000_000;

/// What the samples show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trend {
    /// More rounds are needed.
    Open,
    /// The memory does not grow with each visit.
    Bounded,
    /// The memory grows by at least this number of bytes per visit.
    Grows(f64),
    /// The target was too slow for the rounds that are needed.
    TooSlow,
}

impl Trend {
    /// Returns the trend after these samples, each with its time in nanoseconds. A sample follows each round of `visits` visits,
    /// and `left_out` rounds came first. Further rounds follow a pause after the first window.
    pub(crate) fn of(samples: &[(u64, Sample)], visits: u16, left_out: usize) -> Self {
        if let [(_, first), .., (_, last)] = samples
            && last.memory_bytes.saturating_sub(first.memory_bytes) >= OBVIOUS_BYTES
        {
            let all_visits = f64::from(visits) * as_float(samples.len() as u64 - 1);
            return Self::Grows(as_float(last.memory_bytes - first.memory_bytes) / all_visits);
        }
        let memory: Vec<f64> =
            samples.iter().skip(left_out).map(|(_, sample)| as_float(sample.memory_bytes)).collect();
        let windows =
            memory.split_at_checked(WINDOW).map(|(first, later)| (first, later.last_chunk::<WINDOW>()));
        let slopes = windows.map(|(first, last)| (Slope::of(first), last.map(|last| Slope::of(last))));
        let bytes_max = BYTES_PER_VISIT_MAX * f64::from(visits);
        match slopes {
            Some((first, None)) if first.upper() < bytes_max => Self::Bounded,
            Some((_, Some(last))) if last.upper() < bytes_max => Self::Bounded,
            Some((first, Some(last)))
                if first.lower().min(last.lower()) > bytes_max && has_kept(&memory, last) =>
            {
                Self::Grows(first.lower().min(last.lower()) / f64::from(visits))
            }
            Some((_, last)) if duration_ns(samples) > last.map_or(TREND_TIME_NS_MAX, |_| TIME_NS_MAX) => {
                Self::TooSlow
            }
            None if expected_ns(samples, left_out + WINDOW) > TIME_NS_MAX => Self::TooSlow,
            _ => Self::Open,
        }
    }
}

/// Returns whether the memory of the first window is still in use after the later ones, which `last` describes. A target that
/// releases it late, and then fills as much again, has a second slope but is not higher.
fn has_kept(memory: &[f64], last: Slope) -> bool {
    let Some((first, later)) = memory.split_at_checked(WINDOW) else { return false };
    let (Some(before), Some(now)) = (first.last(), later.last()) else { return false };
    now - before > last.per_round * as_float(later.len() as u64) / 2.0
}

/// The slope of a line through equidistant values, with half the width of its confidence interval.
#[derive(Clone, Copy, Debug)]
struct Slope {
    per_round: f64,
    half_width: f64,
}

impl Slope {
    fn of(values: &[f64]) -> Self {
        let count = as_float(values.len() as u64);
        let (middle, mean) = ((count - 1.0) / 2.0, values.iter().sum::<f64>() / count);
        let points =
            || values.iter().zip(0_u32..).map(|(value, round)| (f64::from(round) - middle, value - mean));
        let squares: f64 = points().map(|(round, _)| round * round).sum();
        let per_round = points().map(|(round, value)| round * value).sum::<f64>() / squares;
        let residuals: f64 = points().map(|(round, value)| (value - per_round * round).powi(2)).sum();
        let half_width = STUDENT_T * (residuals / (count - 2.0) / squares).sqrt();
        Self { per_round, half_width }
    }

    fn lower(self) -> f64 {
        self.per_round - self.half_width
    }

    fn upper(self) -> f64 {
        self.per_round + self.half_width
    }
}

/// Returns the time that this number of rounds takes if the rest is as fast as the last one. Of the first rounds the faster one
/// counts, as a runtime may still compile what they call.
fn expected_ns(samples: &[(u64, Sample)], rounds: usize) -> u64 {
    let remaining = rounds.saturating_sub(samples.len()) as u64;
    let round_ns = match samples {
        [_, _, _, _, .., (before_ns, _), (last_ns, _)] => last_ns - before_ns,
        // The first round may take several times as long as the others.
        [(first_ns, _), (second_ns, _)] => (second_ns - first_ns) / 3,
        [.., (first_ns, _), (second_ns, _), (third_ns, _)] => {
            (second_ns - first_ns).min(third_ns - second_ns)
        }
        _ => 0,
    };
    duration_ns(samples) + remaining * round_ns
}

fn duration_ns(samples: &[(u64, Sample)]) -> u64 {
    match samples {
        [(first_ns, _), .., (last_ns, _)] => last_ns - first_ns,
        _ => 0,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a trend needs no more than 52 bits")]
fn as_float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_NS: u64 = 300_000_000;

    /// Returns the trend after each number of rounds, until it is decided. `growth_kb` is the growth in each round.
    fn decided(growth_kb: impl IntoIterator<Item = i64>, round_ns: u64) -> (usize, Trend) {
        let mut memory_bytes = 10_000_000;
        let mut samples = Vec::new();
        for growth_kb in growth_kb {
            memory_bytes += growth_kb * 1000;
            let memory_bytes = u64::try_from(memory_bytes).unwrap();
            let sample = Sample { descriptors: 1, memory_bytes, threads: 1, ..Sample::default() };
            samples.push((round_ns * (samples.len() as u64 + 1), sample));
            let trend = Trend::of(&samples, 1000, 4);
            if trend != Trend::Open {
                return (samples.len(), trend);
            }
        }
        (samples.len(), Trend::Open)
    }

    #[test]
    fn memory_that_stays_the_same_is_bounded_after_one_window() {
        assert_eq!(decided([50; 40], ROUND_NS), (14, Trend::Bounded));
        assert_eq!(decided([-50; 40], ROUND_NS), (14, Trend::Bounded));
    }

    /// The growth of the resident memory of Node 18 in each round of 1,000 visits, with and without 3 kB per visit.
    #[test]
    fn a_leak_is_distinguished_from_a_heap_that_fills() {
        let filling = [
            4420, 6888, 32, 3020, 3792, 448, 4068, 4712, 4868, 384, 24, 660, 144, 140, 0, 0, 120, 2084, 912,
            -1972,
        ]
        .into_iter()
        .chain([0; 20]);
        assert_eq!(decided(filling, ROUND_NS).1, Trend::Bounded);
        let leaking = [
            9488, 12640, 7004, 6356, 11992, 4184, 5640, 4844, 9168, 5164, -1912, 2464, 0, 4956, 4808, 9332,
            5196, 4968, 9212, 5204, 5176, 9416, 5488, 5304, 9412, 5240,
        ];
        let (rounds, trend) = decided(leaking, ROUND_NS);
        assert!(matches!(trend, Trend::Grows(bytes) if bytes > 1024.0), "{trend:?}");
        assert_eq!(rounds, 24);
    }

    #[test]
    fn memory_that_is_released_late_is_bounded() {
        // Freed during the pause after the first window, and used again.
        let late = [3000; 14].into_iter().chain([0; 20]);
        assert_eq!(decided(late, ROUND_NS), (24, Trend::Bounded));
        let returned = [3000; 14].into_iter().chain([-30_000]).chain([3000; 10]).chain([100; 14]);
        assert_eq!(decided(returned, ROUND_NS).1, Trend::Bounded);
    }

    #[test]
    fn growth_by_gigabytes_needs_no_window() {
        let (rounds, trend) = decided([500_000; 40], ROUND_NS);
        assert_eq!(rounds, 6);
        assert!(matches!(trend, Trend::Grows(bytes) if bytes > 400_000.0), "{trend:?}");
    }

    #[test]
    fn a_slow_target_is_not_judged() {
        // After three rounds of 4 s, fourteen are expected to take too long.
        assert_eq!(decided([3000; 40], 4_000_000_000), (3, Trend::TooSlow));
        assert_eq!(decided([3000; 40], 8_000_000_000), (2, Trend::TooSlow));
        assert_eq!(decided([0; 40], 2_000_000_000), (14, Trend::Bounded));
        // Without a clear trend, further rounds are made only while they are quick.
        let unclear = || [0, 0, 0, 6000].into_iter().cycle().take(40);
        assert_eq!(decided(unclear(), ROUND_NS), (40, Trend::Open));
        assert_eq!(decided(unclear(), 1_300_000_000), (25, Trend::TooSlow));
    }
}
