//! How often repeated runs show a violation, with a confidence interval for its probability.

use std::io::{self, Write};

use maud::{Markup, html};
use serde::Serialize;

use verdict::Verdict;

use crate::model::{Item, RunReport};

/// The quantile of the standard normal distribution for a two-sided interval of 95 %.
const NORMAL_QUANTILE: f64 = 1.959_964;

/// How often a case or workload was violated in the runs of a command.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Frequency {
    /// The id of the case or workload.
    pub id: &'static str,
    /// The number of runs in which it was violated.
    pub violated: usize,
    /// The number of runs in which it was decided.
    pub decided: usize,
    /// The interval that contains the probability of a violation in 95 % of all such experiments, from 0 to 1. (Wilson, Probable
    /// inference, the law of succession, and statistical inference, JASA 22, 1927.)
    pub interval: [f64; 2],
    /// Whether it is listed as flaky.
    pub is_flaky: bool,
}

/// Returns the frequencies of what was violated in some run, and of what is listed as flaky, in the order of the first run that has it.
/// A known failure that passes is an error of the list, and no violation.
#[must_use]
pub fn frequencies(
    runs: &[RunReport],
    is_flaky: impl Fn(&str) -> bool,
    is_known: impl Fn(&str) -> bool,
) -> Vec<Frequency> {
    let mut found: Vec<Frequency> = Vec::new();
    for item in runs.iter().flat_map(|run| &run.items) {
        let Some(is_violated) = is_violated(item) else { continue };
        let is_violated = is_violated && !(item.verdict == Verdict::Fail && is_known(item.id));
        let known = found.iter().position(|frequency| frequency.id == item.id);
        let number = known.unwrap_or_else(|| {
            let new = Frequency {
                id: item.id,
                violated: 0,
                decided: 0,
                interval: [0.0, 1.0],
                is_flaky: is_flaky(item.id),
            };
            found.push(new);
            found.len() - 1
        });
        found[number].decided += 1;
        found[number].violated += usize::from(is_violated);
    }
    found.retain(|frequency| frequency.violated > 0 || frequency.is_flaky);
    for frequency in &mut found {
        frequency.interval = interval(frequency.violated, frequency.decided);
    }
    found
}

/// Writes the frequencies as text.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn write_text(out: &mut impl Write, frequencies: &[Frequency]) -> io::Result<()> {
    for (title, rows) in groups(frequencies) {
        writeln!(out, "\n{title}")?;
        for row in rows {
            writeln!(out, "  {:<27} {:>12}   {}", row.id, row.count(), row.percent())?;
        }
    }
    Ok(())
}

/// Returns the frequencies as tables.
#[must_use]
pub(crate) fn tables(frequencies: &[Frequency]) -> Markup {
    html! {
        @for (title, rows) in groups(frequencies) {
            h2 { (title) }
            div.wide tabindex="0" {
                table {
                    thead { tr { th { "case" } th { "violated" } th { "probability, 95 %" } } }
                    tbody { @for row in rows { tr { td { (row.id) } td { (row.count()) } td { (row.percent()) } } } }
                }
            }
        }
    }
}

impl Frequency {
    fn count(&self) -> String {
        format!("{} of {}", self.violated, self.decided)
    }

    fn percent(&self) -> String {
        let [low, high] = self.interval.map(|share| (share * 100.0).round());
        format!("{low} % to {high} %")
    }
}

/// Returns what was violated, and what is listed as flaky without need, each with its title.
fn groups(frequencies: &[Frequency]) -> impl Iterator<Item = (&'static str, Vec<&Frequency>)> {
    let (violated, never): (Vec<&Frequency>, Vec<&Frequency>) =
        frequencies.iter().partition(|frequency| frequency.violated > 0);
    let groups = [
        ("violated in how many runs (probability of a violation, 95 %)", violated),
        ("listed as flaky, and never violated", never),
    ];
    groups.into_iter().filter(|(_, rows)| !rows.is_empty())
}

/// Returns whether an item is violated; `None` if that was not decided.
fn is_violated(item: &Item) -> Option<bool> {
    match item.verdict {
        Verdict::Pass => Some(false),
        Verdict::Fail | Verdict::Warn | Verdict::Expected => Some(true),
        Verdict::NotRun | Verdict::Unknown | Verdict::Unreachable => None,
    }
}

/// Returns the Wilson score interval of a probability, given `count` of `total`.
#[expect(clippy::cast_precision_loss, reason = "at most some thousand runs")]
fn interval(count: usize, total: usize) -> [f64; 2] {
    let (total, square) = (total as f64, NORMAL_QUANTILE * NORMAL_QUANTILE);
    let share = count as f64 / total;
    let centre = share + square / (2.0 * total);
    let half = NORMAL_QUANTILE * (share * (1.0 - share) / total + square / (4.0 * total * total)).sqrt();
    [centre - half, centre + half].map(|bound| (bound / (1.0 + square / total)).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use driver::history::Params;
    use protocol::Level;

    use super::*;
    use crate::model::ItemKind;

    fn run(verdicts: &[(&'static str, Verdict)]) -> RunReport {
        let item = |(id, verdict): &(&'static str, Verdict)| {
            let mut item = Item::new(id, ItemKind::Workload, Level::Must);
            item.verdict = *verdict;
            item
        };
        RunReport {
            addr: String::new(),
            seed: 1,
            concurrency: 1,
            options: Params::default(),
            verdict: Verdict::Pass,
            hint: None,
            cause: None,
            items: verdicts.iter().map(item).collect(),
            workloads: Vec::new(),
            case_requests: 0,
            target_ended: None,
        }
    }

    /// The values are those of R: `prop.test(k, n, correct = FALSE)`.
    #[test]
    fn the_interval_is_that_of_wilson() {
        let is_near = |[low, high]: [f64; 2], expected: [f64; 2]| {
            (low - expected[0]).abs() < 1e-4 && (high - expected[1]).abs() < 1e-4
        };
        assert!(is_near(interval(3, 10), [0.1078, 0.6032]));
        assert!(is_near(interval(0, 10), [0.0, 0.2775]));
        assert!(is_near(interval(10, 10), [0.7225, 1.0]));
    }

    #[test]
    fn a_violation_is_counted_only_where_it_was_decided() {
        let runs = [
            run(&[("a", Verdict::Fail), ("b", Verdict::Pass), ("c", Verdict::Pass)]),
            run(&[("a", Verdict::Pass), ("b", Verdict::Unknown), ("c", Verdict::Pass)]),
            run(&[("a", Verdict::Expected), ("b", Verdict::NotRun), ("c", Verdict::Pass)]),
        ];
        let found = frequencies(&runs, |id| id == "c", |_| false);
        let counts: Vec<_> =
            found.iter().map(|row| (row.id, row.violated, row.decided, row.is_flaky)).collect();
        assert_eq!(counts, [("a", 2, 3, false), ("c", 0, 3, true)]);
        // One run has shown the known failure; in another it has passed, which fails the run.
        assert_eq!(frequencies(&runs, |_| false, |id| id == "a")[0].violated, 1);
        let mut text = Vec::new();
        write_text(&mut text, &found).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(
            text.contains("2 of 3") && text.contains("listed as flaky, and never violated\n  c "),
            "{text}"
        );
    }
}
