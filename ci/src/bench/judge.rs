//! The time and memory that both judges of linearizability take. An ignored test of their crate prints them.

use crate::bench::checkout::{Checkout, Pairs, Rounds};
use crate::bench::figure::{Limit, Table};
use crate::failure::Failure;
use crate::packages;
use crate::process;

const TEST: &str = "a_million_operations_are_judged";

/// The packages that have contained the judges, newest first.
const PACKAGES: &[&str] = &["linearizability", "harness"];

/// The most rounds, because each takes some seconds.
const ROUNDS_MAX: usize = 5;

/// What the test printed about the last history, which is the largest.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Judged {
    operations: u64,
    interval_check_s: f64,
    search_s: f64,
    memory_mib_max: f64,
}

/// # Errors
/// The test cannot be built or run, or it fails.
pub(crate) fn measure(
    current: &Checkout,
    baseline: Option<&Checkout>,
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    let mut figures = [Pairs::default(), Pairs::default(), Pairs::default()];
    let mut operations = 0;
    for _ in 0..rounds.count.min(ROUNDS_MAX) {
        for checkout in [Some(current), baseline].into_iter().flatten() {
            let judged = judge(checkout)?;
            operations = judged.operations;
            let values = [judged.interval_check_s, judged.search_s, judged.memory_mib_max];
            for (pairs, value) in figures.iter_mut().zip(values) {
                let is_current = std::ptr::eq(checkout, current);
                if is_current { &mut pairs.current } else { &mut pairs.baseline }.push(value);
            }
        }
    }
    let [interval_check, search, memory] = &figures;
    let seconds = Some(Limit::AtMost(10.0));
    let name = |judge| format!("judging {operations} operations, {judge}: s");
    table.add_pairs(&name("interval check"), interval_check, seconds, None);
    table.add_pairs(&name("search"), search, seconds, None);
    table.add_pairs("memory of the judges: MiB at most", memory, Some(Limit::AtMost(512.0)), None);
    Ok(())
}

fn judge(checkout: &Checkout) -> Result<Judged, Failure> {
    let package = packages::existing(&checkout.cargo, PACKAGES)?.into_iter().next();
    let package = package.ok_or_else(|| Failure::other("the checkout has no package with the judges"))?;
    let mut command = checkout.cargo.build_command(&["test"]);
    command.args(["--quiet", "--package", package, "--lib", TEST, "--", "--ignored", "--nocapture"]);
    let output = process::output(&mut command)?;
    let last = output.lines().rev().find_map(judged);
    last.ok_or_else(|| Failure::other(format!("the test {TEST} prints no figures")))
}

/// Reads the line about one history.
fn judged(line: &str) -> Option<Judged> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["judged", count, "bounds", interval, "search", search, "kB", kib, ..] = words[..] else {
        return None;
    };
    Some(Judged {
        operations: count.parse().ok()?,
        interval_check_s: interval.parse().ok()?,
        search_s: search.parse().ok()?,
        memory_mib_max: kib.parse::<f64>().ok()? / 1024.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_history_are_read() {
        let line = "judged 1000000 bounds 0.500 search 2.250 kB 2048 Statistics { nodes: 1 }";
        let expected =
            Judged { operations: 1_000_000, interval_check_s: 0.5, search_s: 2.25, memory_mib_max: 2.0 };
        assert_eq!(judged(line), Some(expected));
        assert_eq!(judged("running 1 test"), None);
    }
}
