//! Honest clients: each requests a challenge, solves it, obtains the quotation, and retries if permitted.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use protocol::wisdom::messages::{Request, Response, Solution};
use smol::Timer;
use wisdom::client::solver::solve;

use crate::connection::{Connection, frame, within};

/// Time limit for one quotation.
const TRY_TIME_MAX: Duration = Duration::from_secs(10);

/// Pause before a retry if the server stated none.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Try {
    is_successful: bool,
    duration: Duration,
    /// The number of refusals and lost connections.
    refusals: u32,
    /// The highest difficulty, in zero bits.
    difficulty: u8,
    /// Time spent solving, which the server does not cause.
    solving: Duration,
}

/// Starts a try at each interval until the end.
pub(crate) fn client(server: SocketAddrV4, number: u16, every: Duration, end: Instant) -> Vec<Try> {
    let [high, low] = number.to_be_bytes();
    let address = Ipv4Addr::new(127, 99, high, low);
    // The clients start at different times.
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

/// Returns a summary of all tries on one line.
pub(crate) fn summary(tries: &[Try]) -> String {
    let successful = tries.iter().filter(|one| one.is_successful).count();
    let mut durations: Vec<Duration> = tries.iter().map(|one| one.duration).collect();
    durations.sort_unstable();
    let at = |percent: usize| {
        durations.get(durations.len() * percent / 100).or(durations.last()).map_or(0, Duration::as_millis)
    };
    let refusals: u32 = tries.iter().map(|one| one.refusals).sum();
    let waited = tries.iter().map(|one| one.duration.saturating_sub(one.solving)).max().unwrap_or_default();
    let difficulty = tries.iter().map(|one| one.difficulty).max().unwrap_or_default();
    format!(
        "honest {} got {successful} p50 {} p99 {} slowest {} without solving {} ms refusals {refusals} difficulty {difficulty}",
        tries.len(),
        at(50),
        at(99),
        at(100),
        waited.as_millis(),
    )
}

async fn get_one(server: SocketAddrV4, address: Ipv4Addr) -> Try {
    let begun = Instant::now();
    let mut one = Try {
        is_successful: false,
        duration: Duration::ZERO,
        refusals: 0,
        difficulty: 0,
        solving: Duration::ZERO,
    };
    while !one.is_successful {
        let left = TRY_TIME_MAX.saturating_sub(begun.elapsed());
        if left.is_zero() {
            break;
        }
        match within(left, obtain(server, address, begun + TRY_TIME_MAX, &mut one)).await {
            Ok(Response::Quote(_)) => one.is_successful = true,
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
    one.duration = begun.elapsed();
    one.is_successful &= one.duration <= TRY_TIME_MAX;
    one
}

/// Returns the last response of the server.
async fn obtain(
    server: SocketAddrV4,
    address: Ipv4Addr,
    deadline: Instant,
    one: &mut Try,
) -> io::Result<Response> {
    let mut connection = Connection::open(address, server).await?;
    let challenge = match connection.ask(&frame(&Request::Challenge)).await? {
        Response::Challenge(challenge) => challenge,
        other => return Ok(other),
    };
    one.difficulty = one.difficulty.max(challenge.difficulty);
    // This blocks the thread, which belongs to this client.
    let solved = solve(&challenge.token, challenge.difficulty, NonZeroUsize::MIN, deadline, &|_| ());
    one.solving += solved.duration;
    let counter = solved.counter.ok_or(io::ErrorKind::TimedOut)?;
    connection.ask(&frame(&Request::Solution(Solution { token: challenge.token, counter }))).await
}
