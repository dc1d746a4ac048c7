//! The clients of `cargo ci bench`: attackers that flood a server of WOW/1, and honest clients that request quotations
//! at the same time.
//!
//! Each client has its own address within 127.0.0.0/8. The output is read by a script: `flood begins`, `flood ends`,
//! a line `attack ANSWER COUNT` for each answer to attackers, and one for the honest clients.
#![expect(clippy::print_stdout, reason = "its output is read by a script")]

mod attack;
mod connection;
mod honest;

use std::io;
use std::net::SocketAddrV4;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;

/// Floods a server of WOW/1, and reports the success of honest clients.
#[derive(Clone, Copy, Debug, Parser)]
struct Flags {
    /// Address of the server, at 127.0.0.1
    #[arg(long)]
    addr: SocketAddrV4,
    /// Attackers; half of them repeat forged solutions, the others repeat hoarded ones
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(..=60_000))]
    attackers: u16,
    /// Challenges that a hoarding attacker solves before the flood
    #[arg(long, default_value_t = 4)]
    hoarded: usize,
    /// Honest clients
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(..=60_000))]
    honest: u16,
    /// Seconds between the starts of two tries of an honest client
    #[arg(long, default_value_t = 2.0)]
    every: f64,
    /// Duration of the flood in seconds
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
}

fn main() -> io::Result<()> {
    let flags = Flags::parse();
    let attackers = attack::prepare(flags.addr, flags.attackers, flags.hoarded)?;
    println!("flood begins");
    let end = Instant::now() + Duration::from_secs_f64(flags.seconds);
    let every = Duration::from_secs_f64(flags.every);
    let (answers, tries) = thread::scope(|scope| {
        let attack = scope.spawn(|| attack::flood(flags.addr, &attackers, end));
        let spawn = |number| scope.spawn(move || honest::client(flags.addr, number, every, end));
        let honest: Vec<_> = (0..flags.honest).map(spawn).collect();
        let answers = attack.join();
        println!("flood ends");
        (answers, honest.into_iter().map(thread::ScopedJoinHandle::join).collect::<Result<Vec<_>, _>>())
    });
    let failed = |_| io::Error::other("a thread of clients has failed");
    for (answer, count) in answers.map_err(failed)? {
        println!("attack {answer} {count}");
    }
    println!("{}", honest::summary(&tries.map_err(failed)?.concat()));
    Ok(())
}
