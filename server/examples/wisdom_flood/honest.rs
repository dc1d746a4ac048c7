//! Honest clients: each asks, solves, and gets its quotation, and comes again where that can help.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use protocol::wisdom::messages::{Request, Response, Solution};
use server::wisdom_client::solver::solve;
use smol::Timer;

use crate::talk::{Talk, frame, within};

/// A quotation that comes later has not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// When a client comes again that was told nothing.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Try {
    got_it: bool,
    took: Duration,
    /// How often it was turned away, or heard nothing.
    refusals: u32,
    /// The most zero bits that it was asked for.
    difficulty: u8,
    /// How long it solved, which is no fault of the server.
    solving: Duration,
}

/// Tries as often as it is due until the end.
pub(crate) fn client(server: SocketAddrV4, number: u16, every: Duration, end: Instant) -> Vec<Try> {
    let [high, low] = number.to_be_bytes();
    let address = Ipv4Addr::new(127, 99, high, low);
    // Not all at the same moment.
    let mut due = Instant::now() + every.mul_f64(f64::from(number % 32) / 32.0);
    let mut tries = Vec::new();
    smol::block_on(async {
        while due < end {
            Timer::at(due).await;
            tries.push(get_one(server, address).await);
            due = (due + every).max(Instant::now());
        }
    });
    tries
}

/// One line about all tries.
pub(crate) fn summary(tries: &[Try]) -> String {
    let got = tries.iter().filter(|one| one.got_it).count();
    let mut took: Vec<Duration> = tries.iter().map(|one| one.took).collect();
    took.sort_unstable();
    let at =
        |percent: usize| took.get(took.len() * percent / 100).or(took.last()).map_or(0, Duration::as_millis);
    let refusals: u32 = tries.iter().map(|one| one.refusals).sum();
    let waited = tries.iter().map(|one| one.took.saturating_sub(one.solving)).max().unwrap_or_default();
    let difficulty = tries.iter().map(|one| one.difficulty).max().unwrap_or_default();
    format!(
        "honest {} got {got} p50 {} p99 {} slowest {} without solving {} ms refusals {refusals} difficulty {difficulty}",
        tries.len(),
        at(50),
        at(99),
        at(100),
        waited.as_millis(),
    )
}

async fn get_one(server: SocketAddrV4, address: Ipv4Addr) -> Try {
    let begun = Instant::now();
    let mut one =
        Try { got_it: false, took: Duration::ZERO, refusals: 0, difficulty: 0, solving: Duration::ZERO };
    while !one.got_it {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        if left.is_zero() {
            break;
        }
        match within(left, buy(server, address, begun + PATIENCE, &mut one)).await {
            Ok(Response::Quote(_)) => one.got_it = true,
            Ok(Response::Error(refusal)) => {
                one.refusals += 1;
                Timer::after(refusal.retry_after_ms.map_or(PAUSE, Duration::from_millis).min(left)).await;
            }
            _ => {
                one.refusals += 1;
                Timer::after(PAUSE.min(left)).await;
            }
        }
    }
    one.took = begun.elapsed();
    one.got_it &= one.took <= PATIENCE;
    one
}

/// Brings the last word of the server.
async fn buy(
    server: SocketAddrV4,
    address: Ipv4Addr,
    deadline: Instant,
    one: &mut Try,
) -> io::Result<Response> {
    let mut talk = Talk::open(address, server).await?;
    let challenge = match talk.ask(&frame(&Request::Challenge)).await? {
        Response::Challenge(challenge) => challenge,
        other => return Ok(other),
    };
    one.difficulty = one.difficulty.max(challenge.difficulty);
    // This blocks the thread, which is this client's own.
    let solved = solve(&challenge.token, challenge.difficulty, NonZeroUsize::MIN, deadline, &|_| ());
    one.solving += solved.took;
    let counter = solved.counter.ok_or(io::ErrorKind::TimedOut)?;
    talk.ask(&frame(&Request::Solution(Solution { token: challenge.token, counter }))).await
}
