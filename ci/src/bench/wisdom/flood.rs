//! A flood of the server of quotations.
//!
//! Half of 500 attackers send solutions with a wrong tag. The other half send what they have hoarded: 1,000 solutions at
//! once, which are replays from then on. 20 honest clients want a quotation every two seconds each.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::checkout::Checkout;
use crate::bench::figure::{Limit, Table};
use crate::bench::load::Server;
use crate::bench::wisdom::watch::{Watch, first};
use crate::failure::Failure;
use crate::process::Running;

/// The honest clients solve on this machine too, where a server's clients have machines of their own. So challenges are
/// four bits easier than by default.
const DIFFICULTY: u32 = 16;

/// 500 attackers are more connections than the server may have, and that is the pressure on it. The time that a solution
/// waits for a thread does not count as pressure: on a busy machine it always waits.
const FLAGS: [&str; 12] = [
    "--admin",
    "127.0.0.1:0",
    "--max-connections",
    "400",
    "--difficulty",
    "16",
    "--difficulty-min",
    "16",
    "--difficulty-max",
    "20",
    "--quote-wait-target",
    "60000",
];

const BACK_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

/// The output of the program that floods.
#[derive(Default)]
struct Flood {
    begun: Option<Instant>,
    ended: Option<Instant>,
    /// How many solutions of attackers got each answer.
    answers: BTreeMap<String, f64>,
    /// The line about the honest clients: `honest TRIES tries QUOTED …`.
    honest: String,
}

/// # Errors
/// The server or the flood fails.
pub(crate) fn measure(current: &Checkout, seconds: u32, table: &mut Table) -> Result<(), Failure> {
    let (program, service) = current.binaries.wisdom_server();
    let mut command = Command::new(program);
    command.args(service).args(["--addr", "127.0.0.1:0", "--threads", "1", "--log-level", "error"]);
    let server = Server::start_command(command.args(FLAGS))?;
    let admin = server.admin.clone().ok_or_else(|| Failure::other("the server names no admin address"))?;
    let watch = Watch::start(admin);
    let flood = run(current, &server.addr, seconds)?;
    let (Some(begun), Some(ended)) = (flood.begun, flood.ended) else {
        return Err(Failure::other("the flood did not begin or did not end"));
    };
    let back = |readings: &[_]| first(readings, ended, |bits| bits <= DIFFICULTY);
    while ended.elapsed() < BACK_WITHIN && back(&watch.readings()).is_none() {
        thread::sleep(POLL);
    }
    let readings = watch.readings();
    let took = (ended - begun).as_secs_f64();
    let answers: Vec<String> =
        flood.answers.iter().map(|(answer, count)| format!("{count} {answer}")).collect();
    let rate = flood.answers.values().sum::<f64>() / took;
    println!("flood of {took:.1} s: {rate:.0} solutions a second: {}; {}", answers.join(", "), flood.honest);
    let (tries, quoted) = honest(&flood.honest)?;
    let name = format!("flood: percent of {tries} honest tries with a quotation in 10 s");
    table.add(&name, 100.0 * quoted / tries, Some(Limit::AtLeast(99.0)));
    let since =
        |time: Option<Instant>, from: Instant| time.map_or(f64::INFINITY, |time| (time - from).as_secs_f64());
    let risen = first(&readings, begun, |bits| bits > DIFFICULTY);
    table.add("flood: difficulty has risen after: s", since(risen, begun), Some(Limit::AtMost(3.0)));
    let most = readings.iter().map(|(_, bits)| *bits).max().unwrap_or(0);
    let name = format!("flood: difficulty at its most (from {DIFFICULTY}): bits");
    table.add(&name, most.into(), Some(Limit::AtLeast((DIFFICULTY + 1).into())));
    let limit = Limit::AtMost(BACK_WITHIN.as_secs_f64());
    table.add("flood: difficulty is back after the flood: s", since(back(&readings), ended), Some(limit));
    if is_connection_table_full() {
        println!(
            "the kernel's connection table (nf_conntrack) is full after earlier floods: it drops packets of every client"
        );
    }
    Ok(())
}

fn run(current: &Checkout, addr: &str, seconds: u32) -> Result<Flood, Failure> {
    let mut command = Command::new(current.binaries.wisdom_flood());
    let mut running = Running::start(command.args(["--addr", addr, "--seconds", &seconds.to_string()]))?;
    let mut flood = Flood::default();
    while let Some(line) = running.line()? {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["flood", "begins"] => flood.begun = Some(Instant::now()),
            ["flood", "ends"] => flood.ended = Some(Instant::now()),
            ["attack", answer, count] => {
                flood.answers.insert(answer.to_owned(), count.parse().unwrap_or(0.0));
            }
            ["honest", ..] => flood.honest = line,
            _ => return Err(Failure::other(format!("the flood printed {line:?}"))),
        }
    }
    let status = running.wait()?;
    if status.success() { Ok(flood) } else { Err(Failure::other(format!("the flood ended with {status}"))) }
}

/// Reads the numbers of tries and of quotations.
fn honest(line: &str) -> Result<(f64, f64), Failure> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |place: usize| words.get(place)?.parse::<f64>().ok();
    number(1).zip(number(3)).ok_or_else(|| Failure::other(format!("the flood printed {line:?}")))
}

/// Returns whether the kernel has no room to track more connections. It keeps those that have ended for minutes.
fn is_connection_table_full() -> bool {
    let read = |name: &str| -> Option<f64> {
        let text = fs::read_to_string(format!("/proc/sys/net/netfilter/nf_conntrack_{name}")).ok()?;
        text.trim().parse().ok()
    };
    read("count").zip(read("max")).is_some_and(|(count, max)| count > 0.95 * max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_honest_clients_are_read() {
        assert_eq!(honest("honest 200 quoted 199 p50 120 ms").unwrap(), (200.0, 199.0));
        assert!(honest("honest").is_err());
    }

    #[test]
    fn the_flags_name_the_difficulty() {
        let place = FLAGS.iter().position(|flag| *flag == "--difficulty").unwrap();
        assert_eq!(FLAGS[place + 1], DIFFICULTY.to_string());
    }
}
