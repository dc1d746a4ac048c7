//! The clients of `cargo ci bench`: attackers that flood a server of WOW/1, and honest ones that want quotations
//! meanwhile.
//!
//! Each client has an address of its own within 127.0.0.0/8. The output is read by a script: `flood begins`, `flood ends`,
//! a line `attack ANSWER COUNT` for each answer that attackers got, and one for the honest clients.
#![expect(clippy::print_stdout, reason = "its output is read by a script")]

mod attack;
mod honest;
mod talk;

use std::io;
use std::net::SocketAddrV4;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;

/// Floods a server of WOW/1 for a time, and says what became of the honest clients.
#[derive(Clone, Copy, Debug, Parser)]
struct Flags {
    /// The server, at 127.0.0.1
    #[arg(long)]
    addr: SocketAddrV4,
    /// Half of them send forged solutions, and half of them what they have hoarded, again and again
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(..=60_000))]
    attackers: u16,
    /// Challenges that a hoarder has solved before the flood begins
    #[arg(long, default_value_t = 4)]
    hoarded: usize,
    /// Clients that ask for a challenge, solve it, and get their quotation
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(..=60_000))]
    honest: u16,
    /// Seconds from the beginning of an honest client's try to that of its next one
    #[arg(long, default_value_t = 2.0)]
    every: f64,
    /// Seconds of the flood
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
