//! Replays of package graphs by the harness: rate, duration, memory, and many seeds.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::bench::checkout::{Checkout, Pairs, Rounds};
use crate::bench::figure::{Limit, Table};
use crate::bench::load::Server;
use crate::binaries::Binary;
use crate::failure::Failure;
use crate::json_report::{Report, Run, Verdict};
use crate::process::{self, Running};

/// Only the replay, and all of it however slow the target is.
const REPLAY: [&str; 4] = ["--only", "index/replay", "--packages", "1000000"];

/// # Errors
/// The harness fails, or a replay does not pass.
pub(crate) fn measure(
    current: &Checkout,
    baseline: Option<&Checkout>,
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    against_client(current, baseline, rounds, table)?;
    let alone = Pairs::measure(rounds.count, current, baseline, |checkout, round| {
        let begun = Instant::now();
        passing(replay(checkout, &["--seed", &(round + 1).to_string(), "--concurrency", "100"])?)?;
        Ok(begun.elapsed().as_secs_f64())
    })?;
    table.add_pairs("replay, 100 clients, start to end: s", &alone, Some(Limit::AtMost(2.0)), None);
    let memory = Pairs::measure(1, current, baseline, |checkout, _| memory_mib(checkout))?;
    let name = "replay, 1,000 clients: MiB resident at most";
    table.add_pairs(name, &memory, Some(Limit::AtMost(64.0)), None);
    matrix(current, rounds, table)
}

/// The rate of the harness, which judges every reply, against that of the client program, which judges none.
fn against_client(
    current: &Checkout,
    baseline: Option<&Checkout>,
    rounds: Rounds,
    table: &mut Table,
) -> Result<(), Failure> {
    let server = Server::start(current, &[])?;
    let pairs = Pairs::measure(rounds.count, current, baseline, |checkout, round| {
        let client = server.load(current, 1, rounds.length)?.requests_per_second;
        let seed = (round + 1).to_string();
        let flags = ["--addr", &server.addr, "--seed", &seed, "--concurrency", "100"];
        let rate = replay(checkout, &flags)?.into_first_run()?.replay_rate();
        Ok(rate.ok_or_else(|| Failure::other("the report has no figures of the replay"))? / client)
    })?;
    let name = "replay, 100 clients: requests per second, of the client program's";
    table.add_pairs(name, &pairs, Some(Limit::AtLeast(0.8)), None);
    Ok(())
}

fn replay(checkout: &Checkout, flags: &[&str]) -> Result<Report, Failure> {
    let report = tempfile::NamedTempFile::new().map_err(Failure::during("creating a file"))?;
    let mut command = Command::new(checkout.binaries.path(Binary::Harness));
    command.args(REPLAY).args(flags).arg("--json").arg(report.path());
    process::status(command.stdout(Stdio::null()))?;
    Report::read(report.path())
}

fn passing(report: Report) -> Result<Report, Failure> {
    match report.verdict {
        Verdict::Pass => Ok(report),
        other => Err(Failure::other(format!("a replay ended with the verdict {other:?}"))),
    }
}

/// Returns the largest resident memory of a harness with 1,000 clients. It is read while the harness runs, since the
/// kernel forgets it when the process has ended.
fn memory_mib(checkout: &Checkout) -> Result<f64, Failure> {
    let mut command = Command::new(checkout.binaries.path(Binary::Harness));
    command.args(REPLAY).args(["--seed", "7", "--concurrency", "1000"]);
    let mut running = Running::start(&mut command)?;
    let path = format!("/proc/{}/status", running.pid());
    let mut most = 0.0_f64;
    while !running.has_ended() {
        // The file is empty once the process has ended.
        let status = fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        most = most.max(kib.unwrap_or(0.0) / 1024.0);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let status = running.wait()?;
    if status.success() { Ok(most) } else { Err(Failure::other(format!("a replay ended with {status}"))) }
}

fn matrix(current: &Checkout, rounds: Rounds, table: &mut Table) -> Result<(), Failure> {
    let (seeds, concurrency) =
        if rounds.is_short { ("1..2", "10,100,250") } else { ("1..20", "1,10,100,250") };
    let runs = replay(current, &["--seeds", seeds, "--concurrency", concurrency])?.runs;
    let count = runs.len();
    let passes = runs.iter().filter(|run| run.verdict == Verdict::Pass).count();
    let name = format!("seeds {seeds} × {concurrency} clients, {count} runs: passes");
    table.add(&name, as_figure(passes), Some(Limit::AtLeast(as_figure(count))));
    let durations = runs.iter().filter_map(Run::replay_figures).map(|figures| figures.duration_ns / 1e9);
    table.add("the slowest of these runs: s", durations.fold(0.0, f64::max), Some(Limit::AtMost(45.0)));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts of runs are small")]
fn as_figure(count: usize) -> f64 {
    count as f64
}
