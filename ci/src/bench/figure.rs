//! Figures and their table.

use std::fmt;

use crate::bench::checkout::Pairs;
use crate::statistics::{median, median_of_ratios};

/// The requirement on a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Limit {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {}", number(*most)),
            Self::AtLeast(least) => write!(f, "≥ {}", number(*least)),
        }
    }
}

/// The figures of a run as a Markdown table.
#[derive(Debug)]
pub(crate) struct Table {
    has_baseline: bool,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    measured: String,
    limit: Option<Limit>,
    is_met: bool,
    goal: Option<f64>,
    /// The median of the ratios to the baseline.
    of_baseline: Option<f64>,
}

impl Table {
    pub(crate) fn new(has_baseline: bool) -> Self {
        Self { has_baseline, rows: Vec::new() }
    }

    /// Adds the median of a figure and, with a baseline, the median of the ratios.
    pub(crate) fn add_pairs(&mut self, name: &str, pairs: &Pairs, limit: Option<Limit>, goal: Option<f64>) {
        let of_baseline = (!pairs.baseline.is_empty())
            .then(|| median_of_ratios(pairs.current.iter().copied().zip(pairs.baseline.iter().copied())));
        self.add_row(name, median(&pairs.current), limit, goal, of_baseline);
    }

    /// Adds a figure.
    pub(crate) fn add(&mut self, name: &str, value: f64, limit: Option<Limit>) {
        self.add_row(name, value, limit, None, None);
    }

    /// Adds a figure with a goal beyond its requirement.
    pub(crate) fn add_with_goal(&mut self, name: &str, value: f64, limit: Limit, goal: f64) {
        self.add_row(name, value, Some(limit), Some(goal), None);
    }

    /// Adds a figure that this machine cannot measure.
    pub(crate) fn add_not_run(&mut self, name: &str, cause: &str) {
        let measured = format!("not run: {cause}");
        self.push(Row {
            name: name.to_owned(),
            measured,
            limit: None,
            is_met: true,
            goal: None,
            of_baseline: None,
        });
    }

    fn add_row(
        &mut self,
        name: &str,
        value: f64,
        limit: Option<Limit>,
        goal: Option<f64>,
        of_baseline: Option<f64>,
    ) {
        let is_met = limit.is_none_or(|limit| limit.is_met(value));
        self.push(Row { name: name.to_owned(), measured: number(value), limit, is_met, goal, of_baseline });
    }

    /// Prints the figure at once, for a run takes minutes, and keeps it for the table.
    fn push(&mut self, row: Row) {
        println!(
            "{}: {}{}",
            row.name,
            row.measured,
            if row.is_met { "" } else { " (misses its requirement)" }
        );
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, rule) = if self.has_baseline { (" of the baseline |", " ---: |") } else { ("", "") };
        writeln!(f, "| figure | measured | required | goal |{head}\n| --- | ---: | ---: | ---: |{rule}")?;
        for row in &self.rows {
            let limit = row.limit.map_or(String::new(), |limit| limit.to_string());
            let goal = row.goal.map_or(String::new(), number);
            let mark = if row.is_met { "" } else { " (missed)" };
            write!(f, "| {} | {}{mark} | {limit} | {goal} |", row.name, row.measured)?;
            if self.has_baseline {
                write!(f, " {} |", row.of_baseline.map_or(String::new(), |ratio| format!("{ratio:.3}")))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Returns a number without decimals if it is large or whole, and with two otherwise.
fn number(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 10_000.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_marks_missed_requirements_and_pairs_the_baseline() {
        let mut table = Table::new(true);
        let pairs = Pairs { current: vec![1.0, 2.0, 4.0], baseline: vec![1.0, 1.0, 2.0] };
        table.add_pairs("rate", &pairs, Some(Limit::AtLeast(2.5)), Some(3.0));
        table.add("size", 7.0, Some(Limit::AtMost(12.0)));
        let expected = "\
| figure | measured | required | goal | of the baseline |
| --- | ---: | ---: | ---: | ---: |
| rate | 2 (missed) | ≥ 2.50 | 3 | 2.000 |
| size | 7 | ≤ 12 |  |  |
";
        assert_eq!(table.to_string(), expected);
    }
}
