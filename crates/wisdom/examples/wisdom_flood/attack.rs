//! Attackers: each has solutions that were valid once or never, and sends them as fast as they are answered.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use protocol::wisdom::messages::{Request, Response, Solution};
use protocol::wisdom::token::TOKEN_BYTES;
use smol::{LocalExecutor, future};
use wisdom::client::solver::solve;

use crate::connection::{Connection, frame, within};

/// Time limit of one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit for solving one challenge.
const SOLVE_TIME_MAX: Duration = Duration::from_secs(30);

/// Threads that solve challenges before the flood.
const SOLVERS: u16 = 2;

pub(crate) struct Attacker {
    address: Ipv4Addr,
    /// Encoded solutions, each sent on its own connection.
    frames: Vec<Vec<u8>>,
}

/// The number of times that each answer was received. Requests without an answer count as `nothing`.
pub(crate) type Answers = BTreeMap<&'static str, u64>;

/// Requests challenges and solves them. Every second attacker uses a forged token: it changes the tag and solves the
/// token after that.
///
/// # Errors
/// Fails if the server issues no challenge.
pub(crate) fn prepare(server: SocketAddrV4, attackers: u16, hoarded: usize) -> io::Result<Vec<Attacker>> {
    let of_solver = |solver| {
        let numbers = (0..attackers).skip(usize::from(solver)).step_by(SOLVERS.into());
        numbers.map(|number| attacker(server, number, hoarded)).collect::<io::Result<Vec<_>>>()
    };
    thread::scope(|scope| {
        let solvers: Vec<_> = (0..SOLVERS).map(|solver| scope.spawn(move || of_solver(solver))).collect();
        let mut all = Vec::new();
        for solver in solvers {
            let prepared = solver.join().map_err(|_| io::Error::other("a solver thread has failed"))?;
            all.extend(prepared?);
        }
        Ok(all)
    })
}

fn attacker(server: SocketAddrV4, number: u16, hoarded: usize) -> io::Result<Attacker> {
    let [high, low] = number.to_be_bytes();
    let address = Ipv4Addr::new(127, 66, high, low);
    let is_forger = number.is_multiple_of(2);
    let frames = (0..if is_forger { 1 } else { hoarded }).map(|_| {
        let request =
            async { Connection::open(address, server).await?.ask(&frame(&Request::Challenge)).await };
        let Response::Challenge(challenge) = smol::block_on(within(ANSWER_TIMEOUT, request))? else {
            return Err(io::Error::other("the server issued no challenge"));
        };
        let mut token = challenge.token;
        if is_forger {
            token[TOKEN_BYTES - 1] ^= 1;
        }
        let deadline = Instant::now() + SOLVE_TIME_MAX;
        let counter = solve(&token, challenge.difficulty, NonZeroUsize::MIN, deadline, &|_| ()).counter;
        let counter = counter.ok_or_else(|| io::Error::other("a challenge was not solved in time"))?;
        Ok(frame(&Request::Solution(Solution { token, counter })))
    });
    Ok(Attacker { address, frames: frames.collect::<io::Result<_>>()? })
}

/// Runs all attackers until the end, on one thread, so that the server and the honest clients have the other cores.
pub(crate) fn flood(server: SocketAddrV4, attackers: &[Attacker], end: Instant) -> Answers {
    let executor = LocalExecutor::new();
    let tasks: Vec<_> =
        attackers.iter().map(|attacker| executor.spawn(attack(server, attacker, end))).collect();
    let mut all = Answers::new();
    future::block_on(executor.run(async {
        for task in tasks {
            for (answer, count) in task.await {
                *all.entry(answer).or_default() += count;
            }
        }
    }));
    all
}

async fn attack(server: SocketAddrV4, attacker: &Attacker, end: Instant) -> Answers {
    let mut answers = Answers::new();
    for frame in attacker.frames.iter().cycle() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let sending = async { Connection::open(attacker.address, server).await?.ask(frame).await };
        let answer = match within(left.min(ANSWER_TIMEOUT), sending).await {
            Ok(Response::Challenge(_)) => "CHALLENGE",
            Ok(Response::Quote(_)) => "QUOTE",
            Ok(Response::Error(refusal)) => refusal.code.name(),
            Err(_) => "nothing",
        };
        *answers.entry(answer).or_default() += 1;
    }
    answers
}
