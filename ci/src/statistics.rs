//! Medians of measurements.

/// Returns the median of the values; NaN if there are none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (count, middle) if count % 2 == 1 => sorted[middle],
        (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Returns the median of the ratios of paired values.
pub(crate) fn median_of_ratios(pairs: impl IntoIterator<Item = (f64, f64)>) -> f64 {
    median(&pairs.into_iter().map(|(value, of)| value / of).collect::<Vec<_>>())
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact")]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_value_or_the_mean_of_the_two_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn ratios_are_taken_within_each_pair() {
        assert_eq!(median_of_ratios([(1.0, 2.0), (30.0, 10.0), (4.0, 4.0)]), 1.0);
    }
}
