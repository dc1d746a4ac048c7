//! Quotations for a proof of work: the cost of checking and solving, and a flood.

mod flood;
mod watch;

use std::process::Command;

use serde::Deserialize;

use crate::bench::checkout::{Checkout, Rounds};
use crate::bench::figure::{Limit, Table};
use crate::binaries::{Binary, WISDOM_PACKAGE};
use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::process;
use crate::statistics::median;

const SOLVING_SECONDS: &str = "1";

/// # Errors
/// A program fails, or a reply is incorrect.
pub(crate) fn measure(current: &Checkout, rounds: Rounds, table: &mut Table) -> Result<(), Failure> {
    if !rounds.is_short {
        checking(&current.cargo, table)?;
        once(&current.cargo, table)?;
    }
    solving(current, if rounds.is_short { 3 } else { 7 }, table)?;
    flood::measure(current, if rounds.is_short { 8 } else { 20 }, table)
}

/// Runs a test that is ignored otherwise, and returns its output.
fn run_test(cargo: &Cargo, kind: &[&str], name: &str) -> Result<String, Failure> {
    let mut command = cargo.build_command(&["test"]);
    command.args(["--quiet", "--package", WISDOM_PACKAGE]).args(kind);
    process::output(command.args([name, "--", "--ignored", "--nocapture"]))
}

/// The cost of one solution, a million times, with the two readings of the clock.
fn checking(cargo: &Cargo, table: &mut Table) -> Result<(), Failure> {
    let output = run_test(cargo, &["--lib"], "a_million_solutions")?;
    for Checked { count, p50_us, p99_us, name } in output.lines().filter_map(checked) {
        let limit = Some(Limit::AtMost(2.0));
        table.add(&format!("{count} solutions, {name}, p50: µs"), p50_us, limit);
        table.add(&format!("{count} solutions, {name}, p99: µs"), p99_us, limit);
    }
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Checked<'a> {
    count: u64,
    p50_us: f64,
    p99_us: f64,
    name: &'a str,
}

/// Reads `checked COUNT p50 NS p99 NS ns: NAME`.
fn checked(line: &str) -> Option<Checked<'_>> {
    let (figures, name) = line.split_once(" ns: ")?;
    let ["checked", count, "p50", p50, "p99", p99] = figures.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let us = |ns: &str| Some(ns.parse::<f64>().ok()? / 1000.0);
    Some(Checked { count: count.parse().ok()?, p50_us: us(p50)?, p99_us: us(p99)?, name })
}

/// 64 equal solutions at once, a thousand times. The test fails unless exactly one of them gets a quotation.
fn once(cargo: &Cargo, table: &mut Table) -> Result<(), Failure> {
    let output = run_test(cargo, &["--test", "it"], "w27_a_thousand_times")?;
    let line = output.lines().find_map(|line| line.strip_prefix("rounds "));
    let counts = line.and_then(|line| line.split_once(" right "));
    let counts = counts.and_then(|(rounds, right)| Some((rounds.parse().ok()?, right.trim().parse().ok()?)));
    let (rounds, right): (f64, f64) =
        counts.ok_or_else(|| Failure::other(format!("w27_a_thousand_times printed {output:?}")))?;
    let name = format!("64 equal solutions at once, {rounds} rounds: one QUOTE and 63 REPLAYED");
    table.add(&name, right, Some(Limit::AtLeast(rounds)));
    Ok(())
}

#[derive(Deserialize)]
struct Solved {
    one_core_hashes_per_s: f64,
}

/// The solver against openssl, both on one core, in turns. One try is one block of SHA-256, because the hash of the token
/// is computed once; a message of 64 bytes is two blocks, and one of 16,384 bytes 257. The long messages show the rate
/// of openssl where only blocks take time; they are no requirement, since each try is a hash of its own.
fn solving(current: &Checkout, rounds: usize, table: &mut Table) -> Result<(), Failure> {
    if process::find_program("openssl").is_none() {
        table.add_not_run("solving", "it needs openssl");
        return Ok(());
    }
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        rates[0].push(solver_rate(current)?);
        rates[1].push(openssl_rate(64)?);
        rates[2].push(openssl_rate(16_384)?);
    }
    // Others use the machine too, so the best round shows what each can do.
    let best = |rates: &[f64]| rates.iter().copied().fold(0.0, f64::max) / 1e6;
    let names = ["solver", "openssl, 64 bytes", "openssl, 16,384 bytes"];
    for ((name, rates), blocks) in names.iter().zip(&rates).zip([1.0, 2.0, 257.0]) {
        let (best, median) = (best(rates), median(rates) / 1e6);
        let in_blocks = best * blocks;
        println!("{name}: {best:.2} million hashes/s (median {median:.2}), {in_blocks:.2} million blocks/s");
    }
    let [tries, short, _] = rates.each_ref().map(|rates| best(rates));
    let limit = Some(Limit::AtLeast(0.9));
    table.add("solving: blocks per second, of openssl's with 64 bytes", tries / (2.0 * short), limit);
    table.add("solving: tries per second, of openssl's messages of 64 bytes", tries / short, limit);
    Ok(())
}

fn solver_rate(current: &Checkout) -> Result<f64, Failure> {
    let mut command = Command::new(current.binaries.path(Binary::Wisdom));
    let json = process::output(command.args(["bench", "--seconds", SOLVING_SECONDS, "--json"]))?;
    let solved: Solved = serde_json::from_str(&json)
        .map_err(|source| Failure::Json { what: "`wisdom bench`".to_owned(), source })?;
    Ok(solved.one_core_hashes_per_s)
}

/// Returns the messages of this size that openssl hashes in a second on one core.
fn openssl_rate(bytes: u32) -> Result<f64, Failure> {
    let size = bytes.to_string();
    let mut command = Command::new("openssl");
    command.args(["speed", "-bytes", &size, "-seconds", SOLVING_SECONDS, "-elapsed", "sha256"]);
    let output = process::output(&mut command)?;
    let kilobytes = kilobytes_per_second(&output);
    let kilobytes = kilobytes.ok_or_else(|| Failure::other(format!("openssl printed {output:?}")))?;
    Ok(kilobytes * 1000.0 / f64::from(bytes))
}

/// Reads the line `sha256  1234.56k`.
fn kilobytes_per_second(output: &str) -> Option<f64> {
    let line = output.lines().find_map(|line| line.strip_prefix("sha256"))?;
    line.trim().trim_end_matches('k').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_programs_are_read() {
        let expected = Checked { count: 1_000_000, p50_us: 0.5, p99_us: 1.25, name: "wrong tag" };
        assert_eq!(checked("checked 1000000 p50 500 p99 1250 ns: wrong tag"), Some(expected));
        assert_eq!(checked("running 1 test"), None);
        assert_eq!(kilobytes_per_second("type  64 bytes\nsha256   302000.50k\n"), Some(302_000.5));
    }
}
