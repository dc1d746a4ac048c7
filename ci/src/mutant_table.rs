//! The table of mutants, as docs/ZOO.md contains it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::command_line::Protocol;
use crate::detection::{Found, detected_by, is_detected, reported_clause};
use crate::failure::Failure;
use crate::mutant_list::Mutant;
use crate::statistics::median;

const IDS_SHOWN_MAX: usize = 6;

/// Returns the row of a mutant after its runs.
pub(crate) fn row(mutant: &Mutant, runs: &[Found], correct: &Found) -> String {
    let detecting: Vec<&Found> = runs.iter().filter(|found| is_detected(mutant, found, correct)).collect();
    let seconds = median(&runs.iter().map(|found| found.seconds).collect::<Vec<_>>());
    let (clause, cases) = detecting.first().map_or((String::new(), String::new()), |found| {
        let clause = format!(": {}", reported_clause(mutant, found));
        (clause, shortened(&detected_by(mutant, found, correct), mutant.protocol))
    });
    let Mutant { name, clause: violated, level, .. } = mutant;
    let mark = mutant.mark.as_deref().unwrap_or_default();
    let caught = format!("{} of {}{clause}", detecting.len(), runs.len());
    format!("| {name} | {violated} | {level} | {mark} | {caught} | {seconds:.1} s | {cases} |")
}

fn shortened(ids: &[&str], protocol: Protocol) -> String {
    let prefix = format!("{protocol}/");
    let shown: Vec<&str> =
        ids.iter().take(IDS_SHOWN_MAX).map(|id| id.strip_prefix(&prefix).unwrap_or(id)).collect();
    let more = ids.len().saturating_sub(IDS_SHOWN_MAX);
    shown.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

/// Writes the table. A mutant without a new row keeps the row that the file has; mutants that no longer exist lose theirs.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write(
    path: &Path,
    protocol: Protocol,
    mutants: &[Mutant],
    rows: &BTreeMap<&str, String>,
    seed_count: usize,
) -> Result<(), Failure> {
    let before = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, table(&before, protocol, mutants, rows, seed_count)).map_err(Failure::at(path))
}

fn table(
    before: &str,
    protocol: Protocol,
    mutants: &[Mutant],
    rows: &BTreeMap<&str, String>,
    seed_count: usize,
) -> String {
    let kept: BTreeMap<&str, &str> = before
        .lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| Some((line.split_whitespace().nth(1)?, line)))
        .collect();
    let row_of = |mutant: &Mutant| {
        rows.get(mutant.name).map(String::as_str).or_else(|| kept.get(mutant.name).copied())
    };
    let lines: Vec<&str> = mutants.iter().filter_map(row_of).collect();
    format!("{}{}\n", head(protocol, mutants.len(), seed_count), lines.join("\n"))
}

fn head(protocol: Protocol, count: usize, seed_count: usize) -> String {
    let file = match protocol {
        Protocol::Index => "docs/ZOO.md",
        Protocol::Wisdom => "docs/ZOO-wisdom.md",
    };
    format!(
        "\
# Mutants

The zoo contains {count} servers with one deliberate defect each. This table shows whether the harness detects them. It is
written by `cargo ci mutants --protocol {protocol} --markdown {file}`. `zoo list --protocol {protocol}` describes each defect.

*Caught* is the number of runs, with {seed_count} seeds, that failed and reported the clause that the mutant violates, followed
by the reported clause. An INFO mutant violates nothing: a case must observe a difference from the correct server. A *race*
shows in the workload in which clients contend, under any clause. *Chaos* mutants show only in memory, descriptors or
threads: they run with `--process`, and those that this misses are left to `chaos`. *Slow* mutants run with
`--stall-limit 7`. *Time* is the median duration of a run.

| mutant | clause | level | mark | caught | time | by |
| --- | --- | --- | --- | --- | --- | --- |
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(name: &'static str) -> Mutant {
        let level = "MUST".to_owned();
        Mutant { name, clause: "S1", level, mark: None, protocol: Protocol::Index, summary: "" }
    }

    #[test]
    fn a_row_has_the_count_the_clause_and_the_first_cases() {
        let violated: BTreeMap<String, String> =
            (1..=8).map(|case| (format!("index/S1/{case}"), "S1".to_owned())).collect();
        let caught = Found { status: 1, seconds: 2.0, violated, ..Found::default() };
        let missed = Found { status: 0, seconds: 4.0, ..Found::default() };
        let row = row(&mutant("a"), &[missed, caught], &Found::default());
        let cases = "S1/1, S1/2, S1/3, S1/4, S1/5, S1/6 and 2 more";
        assert_eq!(row, format!("| a | S1 | MUST |  | 1 of 2: S1 | 3.0 s | {cases} |"));
    }

    #[test]
    fn rows_of_mutants_that_did_not_run_stay_and_those_of_removed_mutants_go() {
        let before = "| mutant | clause |\n| --- |\n| b | old |\n| gone | old |\n| a | old |\n";
        let rows = BTreeMap::from([("a", "| a | new |".to_owned())]);
        let mutants = [mutant("a"), mutant("b"), mutant("c")];
        let table = table(before, Protocol::Index, &mutants, &rows, 5);
        assert!(table.ends_with("| --- | --- |\n| a | new |\n| b | old |\n"), "{table}");
    }
}
