//! Formats of verdicts, counts and times that several outputs share.

use std::time::Duration;

use anstyle::{AnsiColor, Style};

use verdict::Verdict;

/// Returns the word for a verdict in lower case.
pub(crate) fn word(verdict: Verdict) -> String {
    verdict.word().to_lowercase()
}

/// Returns one character for a verdict.
#[must_use]
pub const fn mark_of(verdict: Verdict) -> char {
    match verdict {
        Verdict::Pass => '✓',
        Verdict::Fail => '✗',
        Verdict::Warn => '!',
        Verdict::Unknown | Verdict::Unreachable => '?',
        Verdict::Expected => '~',
        Verdict::NotRun => '·',
    }
}

/// Returns the colour of a verdict.
#[must_use]
pub fn style_of(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Pass | Verdict::Expected => AnsiColor::Green,
        Verdict::Warn | Verdict::Unknown | Verdict::Unreachable => AnsiColor::Yellow,
        Verdict::NotRun => AnsiColor::BrightBlack,
        Verdict::Fail => AnsiColor::Red,
    };
    colour.on_default().bold()
}

/// Formats a number with commas between groups of three digits.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a time, in nanoseconds, with three digits and a suitable unit.
#[must_use]
pub fn latency(ns: u64) -> String {
    let seconds = Duration::from_nanos(ns).as_secs_f64();
    let (value, unit) = match ns {
        0..1_000_000 => (seconds * 1e6, "µs"),
        1_000_000..1_000_000_000 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    match value {
        value if value < 10.0 => format!("{value:.2} {unit}"),
        value if value < 100.0 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_have_a_unit() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let times = [950, 12_345, 999_999, 1_234_567, 12_345_678, 123_456_789, 10_000_000_000];
        assert_eq!(
            times.map(latency),
            ["0.95 µs", "12.3 µs", "1000 µs", "1.23 ms", "12.3 ms", "123 ms", "10.0 s"]
        );
    }
}
