//! Percentiles of reply times.

/// Returns the value that this percentage of the sorted values does not exceed; 0 if there are none.
#[must_use]
pub(crate) fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

/// Formats a time in milliseconds.
#[must_use]
pub(crate) fn milliseconds(ns: u64) -> String {
    format!("{:.1} ms", std::time::Duration::from_nanos(ns).as_secs_f64() * 1e3)
}
