//! The pace of a target: the requests per second that it answers while all clients send a few requests each.
//!
//! The measurement is not judged. It only determines the size of the workloads.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use conformance::dialect::Dialect;
use driver::drive::{Limits, NoProcess, drive};
use driver::exchanges::{ExchangeReader, Observation};
use driver::history::{Ending, Event, EventKind};
use driver::moves::{Move, MoveResult, Script};
use driver::run_limits::RunLimits;
use protocol::Framing;

/// The smallest number of measured requests of each client.
const REQUESTS_PER_CLIENT_MIN: u32 = 5;

/// The smallest number of measured requests of all clients.
const REQUESTS_MIN: u32 = 50;

/// The maximum duration of a sample.
const TIME_MAX: Duration = Duration::from_secs(3);

/// The number of samples of a target that seems to be slow. A pause of a busy machine makes a short sample too low, so the
/// highest counts.
const SAMPLES_MAX: u32 = 3;

/// A sample that took longer is not repeated. A pause of the machine may take half a second.
const SHORT_SAMPLE_NS: u64 = 600_000_000;

/// The requests per second with which no case and no workload is left out (a test compares it with the cases). A higher
/// pace is not measured again.
pub(crate) const ENOUGH_PER_SECOND: u64 = 6_000;

/// Measures the requests per second that a target answers with this number of clients; 0 if it answers none.
pub(crate) async fn measure(
    target: SocketAddr,
    dialect: &Dialect,
    clients: u32,
    reply_timeout: Duration,
    run_limits: &mut RunLimits,
) -> u64 {
    let mut highest = 0;
    for _ in 0..SAMPLES_MAX {
        let sample = sample(target, dialect, clients, reply_timeout, run_limits).await;
        highest = sample.per_second().max(highest);
        let is_short = sample.replies > 0 && sample.duration_ns() < SHORT_SAMPLE_NS;
        if highest >= ENOUGH_PER_SECOND || !is_short {
            break;
        }
    }
    highest
}

async fn sample(
    target: SocketAddr,
    dialect: &Dialect,
    clients: u32,
    reply_timeout: Duration,
    run_limits: &mut RunLimits,
) -> PaceObserver {
    let cycle_requests = u32::try_from((dialect.pace_requests)(0).len()).unwrap_or(1).max(1);
    let requests_min = REQUESTS_MIN.div_ceil(clients.max(1)).max(REQUESTS_PER_CLIENT_MIN);
    let requests = requests_min.next_multiple_of(cycle_requests);
    let scripts = (0..clients)
        .map(|client| PaceScript {
            plain: dialect.plain_request,
            cycle: (dialect.pace_requests)(client),
            requests,
            moves_made: 0,
        })
        .collect();
    let pace = Rc::new(RefCell::new(PaceObserver::new(dialect.framing)));
    let observer = {
        let pace = Rc::clone(&pace);
        move |event: &Event<'_>| {
            pace.borrow_mut().observe(event);
            ControlFlow::Continue(())
        }
    };
    let limits = Limits::gentle(reply_timeout);
    let until = async {
        tokio::select! {
            ending = run_limits.reached() => ending,
            () = sleep(TIME_MAX) => Ending::TimeOver,
        }
    };
    drive(target, scripts, dialect.framing, limits, Box::new(NoProcess), observer, until).await;
    pace.replace(PaceObserver::new(dialect.framing))
}

/// Connects, sends one request, meets the other clients, and sends the measured requests.
struct PaceScript {
    plain: &'static [u8],
    /// The measured requests, which are repeated.
    cycle: Vec<Vec<u8>>,
    /// The number of measured requests.
    requests: u32,
    moves_made: u32,
}

impl Script for PaceScript {
    fn next(&mut self, result: MoveResult<'_>) -> Move<'_> {
        const MEETING: u32 = 4;
        let end = MEETING + 2 * self.requests;
        if result.has_failed() && self.moves_made > MEETING {
            return Move::Done;
        }
        self.moves_made += 1;
        match self.moves_made {
            1 => Move::Open(0),
            // A client that is not served still meets the others, so that they do not wait for it.
            MEETING => Move::BeginPhase(1),
            made if made > end => Move::Done,
            2 => Move::Send(0, self.plain),
            3 => Move::Await(0, 1),
            made if (made - MEETING) % 2 == 1 => {
                let number = (made - MEETING) as usize / 2;
                self.cycle
                    .get(number % self.cycle.len().max(1))
                    .map_or(Move::Done, |request| Move::Send(0, request))
            }
            _ => Move::Await(0, 1),
        }
    }
}

/// Counts the replies after the meeting.
struct PaceObserver {
    exchanges: ExchangeReader<Box<dyn Framing>>,
    begun_ns: Option<u64>,
    last_ns: u64,
    replies: u64,
}

impl PaceObserver {
    fn new(framing: fn(usize) -> Box<dyn Framing>) -> Self {
        Self { exchanges: ExchangeReader::new(framing), begun_ns: None, last_ns: 0, replies: 0 }
    }

    fn observe(&mut self, event: &Event<'_>) {
        if let EventKind::Phase(_) = event.event {
            self.begun_ns.get_or_insert(event.at_ns);
        }
        let Self { exchanges, begun_ns, last_ns, replies } = self;
        exchanges.observe(event, |observation| {
            if let (Observation::Exchange(exchange), true) = (observation, begun_ns.is_some()) {
                *last_ns = exchange.replied_ns;
                *replies += 1;
            }
        });
    }

    fn duration_ns(&self) -> u64 {
        self.last_ns.saturating_sub(self.begun_ns.unwrap_or(0))
    }

    fn per_second(&self) -> u64 {
        let duration_ns = self.duration_ns().max(1);
        if self.replies == 0 {
            return 0;
        }
        u64::try_from(u128::from(self.replies) * 1_000_000_000 / u128::from(duration_ns)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    /// The pause of the target, which allows at most 500 of the 50 requests of a sample per second.
    const PAUSE: Duration = Duration::from_millis(100);

    /// Answers one connection after the other. The tenth reply follows a pause, as on a busy machine.
    async fn serve(listener: TcpListener) {
        let mut replies = 0;
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|bytes| bytes > 0) {
                replies += 1;
                if replies == 10 {
                    sleep(PAUSE).await;
                }
                stream.get_mut().write_all(b"FAIL\n").await.unwrap();
                line.clear();
            }
        }
    }

    #[tokio::test]
    async fn one_pause_does_not_make_a_target_slow() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let mut limits = RunLimits::new().unwrap();
        let pace = tokio::select! {
            pace = measure(addr, &conformance::dialects::index::DIALECT, 1, Duration::from_secs(10), &mut limits) => pace,
            () = serve(listener) => 0,
        };
        assert!(pace > 500, "{pace}");
    }
}
