//! One client of a run: asks its script for moves and executes them on its connections.

use std::collections::BTreeMap;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

use protocol::Framing;

use crate::drive::connection::{Closed, Connection};
use crate::drive::run::{Observer, Route, Run};
use crate::frame_limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::history::{EventKind, Sample};
use crate::moves::{Move, MoveResult, Script, Slot};
use crate::work::Job;

/// The interval between two samples of a target that has not settled.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(200);

pub(super) async fn client<S, F, O>(run: Rc<Run<O>>, number: u32, mut script: S, framing: fn(usize) -> F)
where
    S: Script,
    F: Framing + 'static,
    O: Observer + 'static,
{
    // The semaphore is never closed. If it were, the client would only begin early.
    let _permit = run.client_permits.acquire().await;
    let mut client = Client {
        run: &run,
        number,
        framing,
        connections: BTreeMap::new(),
        first_sample: None,
        opening: None,
    };
    let mut outcome = Outcome::Done;
    loop {
        let result = match outcome {
            Outcome::Done => MoveResult::Done,
            Outcome::Failed(has_waited) => MoveResult::Failed(has_waited),
            Outcome::Clock(now_ns) => MoveResult::Clock(now_ns),
            Outcome::Sampled(at_ns, sample) => MoveResult::Sampled(at_ns, sample),
            Outcome::Replies(slot) => {
                client.connections.get(&slot).map_or(MoveResult::Failed(false), Connection::result)
            }
        };
        let next = script.next(result);
        if next == Move::Done {
            break;
        }
        outcome = client.execute(next).await;
    }
    run.emit(run.now_ns(), number, 0, EventKind::ClientDone);
    run.barrier.leave();
}

/// The outcome of a move.
enum Outcome {
    Done,
    Replies(Slot),
    Clock(u64),
    Sampled(u64, Sample),
    Failed(bool),
}

/// A client and its open connections.
struct Client<'r, F, O> {
    run: &'r Rc<Run<O>>,
    number: u32,
    framing: fn(usize) -> F,
    connections: BTreeMap<Slot, Connection<F>>,
    /// The first sample since the last one that waited for the target to settle.
    first_sample: Option<Sample>,
    /// The right to open connections, held until the new connections have received their first replies.
    opening: Option<Opening>,
}

/// Permits for opening connections.
struct Opening {
    /// Returns the permits when it is dropped, so that other clients can open connections.
    _permits: OwnedSemaphorePermit,
    /// The number of new connections without a reply.
    missing: usize,
}

impl<F, O> Client<'_, F, O>
where
    F: Framing + 'static,
    O: Observer + 'static,
{
    async fn execute(&mut self, next: Move<'_>) -> Outcome {
        self.release_permits_unless(next);
        let run = self.run;
        match next {
            Move::BeginPhase(phase) => {
                run.barrier.wait().await;
                run.emit(run.now_ns(), self.number, 0, EventKind::Phase(phase));
            }
            Move::Synchronize => run.barrier.wait().await,
            Move::Pause(time) => sleep(time).await,
            Move::PauseUntil(time) => sleep(time.saturating_sub(run.begun.elapsed())).await,
            Move::PauseUntilNext(offset, interval) => {
                let elapsed = run.begun.elapsed();
                let passed = elapsed.saturating_sub(offset).div_duration_f64(interval).floor();
                sleep((offset + interval.mul_f64(passed + 1.0)).saturating_sub(elapsed)).await;
            }
            Move::Mark(part) => run.emit(run.now_ns(), self.number, 0, EventKind::Marked(part)),
            Move::ReadClock => return Outcome::Clock(run.now_ns()),
            Move::Open(slot) => return self.open(slot, slot, Route::Plain).await,
            Move::OpenFrom(slot, source) => return self.open(slot, slot, Route::From(source)).await,
            Move::OpenMapped(slot) => return self.open(slot, slot, Route::Mapped).await,
            Move::OpenAll(first, last, source) => return self.open(first, last, Route::From(source)).await,
            Move::OpenNarrow(slot) => return self.open(slot, slot, Route::Narrow).await,
            Move::OpenAlternate(slot) => return self.open(slot, slot, Route::Alternate).await,
            Move::Close(slot) => {
                if let Some(connection) = self.connections.remove(&slot) {
                    connection.close(run).await;
                }
            }
            Move::CloseAll => self.close_all().await,
            Move::Reset(slot) => {
                if let Some(connection) = self.connections.remove(&slot) {
                    connection.reset(run);
                }
            }
            Move::Sample => return self.sample(u64::MAX, Duration::ZERO).await,
            Move::SampleSettled(growth_max, limit) => {
                let outcome = self.sample(growth_max, limit).await;
                self.first_sample = None;
                return outcome;
            }
            Move::Act(act) => {
                let is_done = run.process.act(act);
                run.emit(run.now_ns(), self.number, 0, EventKind::Acted { act, is_done });
            }
            Move::Send(slot, _)
            | Move::Flood(slot, ..)
            | Move::AwaitFlood(slot, _)
            | Move::Await(slot, _)
            | Move::ReadAvailable(slot, _)
            | Move::AwaitEnd(slot, _)
            | Move::EndSending(slot) => return self.execute_on(slot, next).await,
            Move::Compute(job) => self.compute(job).await,
            Move::Done => {}
        }
        Outcome::Done
    }

    /// Samples the target until it has settled, and emits the last sample.
    async fn sample(&mut self, growth_max: u64, limit: Duration) -> Outcome {
        let begun = Instant::now();
        while let Some(sample) = self.run.process.sample() {
            let first = *self.first_sample.get_or_insert(sample);
            let is_near = |now: u64, first: u64| now.saturating_sub(first) < growth_max;
            let is_settled =
                is_near(sample.descriptors, first.descriptors) && is_near(sample.threads, first.threads);
            if is_settled || begun.elapsed() >= limit {
                let at_ns = self.run.now_ns();
                self.run.emit(at_ns, self.number, 0, EventKind::Sampled(sample));
                return Outcome::Sampled(at_ns, sample);
            }
            sleep(SAMPLE_INTERVAL).await;
        }
        Outcome::Done
    }

    /// Runs a job on another thread. At most one job per processor runs at a time, so that this thread is not delayed.
    async fn compute(&self, job: &Job) {
        // The semaphore is never closed. If it were, the job would only begin early.
        let _permit = self.run.work_permits.acquire().await;
        if let Some(compute) = job.take() {
            // A job that panics leaves no result; its script continues without one.
            let _ = spawn_blocking(compute).await;
        }
    }

    /// Opens the connections of a range of slots concurrently, after acquiring permits for them.
    async fn open(&mut self, first: Slot, last: Slot, route: Route) -> Outcome {
        let count = u32::from(last - first) + 1;
        let openings = Arc::clone(&self.run.opening_permits);
        // A request for more permits than exist would never be granted.
        let Ok(permits) = openings.acquire_many_owned(count.min(self.run.limits.openings_at_once_max)).await
        else {
            return Outcome::Failed(false);
        };
        self.opening = Some(Opening { _permits: permits, missing: count as usize });
        let mut connecting = JoinSet::new();
        for slot in first..=last {
            let (run, number, framing) = (Rc::clone(self.run), self.number, (self.framing)(REPLY_BYTES_MAX));
            let route = match route {
                Route::From(source) => Route::From(source.of_slot(slot)),
                other => other,
            };
            connecting.spawn_local(async move {
                (slot, Connection::open(&run, number, slot, route, framing).await)
            });
        }
        let mut outcome = Outcome::Done;
        while let Some(connected) = connecting.join_next().await {
            match connected {
                Ok((slot, Some(connection))) => _ = self.connections.insert(slot, connection),
                _ => outcome = Outcome::Failed(false),
            }
        }
        outcome
    }

    /// Executes a move on one connection, and discards the connection if it ended.
    async fn execute_on(&mut self, slot: Slot, next: Move<'_>) -> Outcome {
        let Some(connection) = self.connections.get_mut(&slot) else { return Outcome::Failed(false) };
        let run = self.run;
        let made = match next {
            Move::Send(_, bytes) => connection.send(run, bytes).await,
            Move::Flood(_, bytes, bytes_max) => connection.flood(run, bytes, bytes_max).await,
            Move::AwaitFlood(_, limit) => {
                connection.await_flood(run, (self.framing)(REQUEST_BYTES_MAX), limit).await
            }
            Move::Await(_, count) => connection.read_replies(run, count).await,
            Move::ReadAvailable(_, bytes_max) => connection.read_available(run, bytes_max),
            Move::AwaitEnd(_, limit) => connection.await_end(run, limit).await,
            _ => connection.end_sending(run).await,
        };
        match made {
            Ok(()) if matches!(next, Move::Await(..)) => {
                self.count_first_reply();
                Outcome::Replies(slot)
            }
            Ok(()) => Outcome::Done,
            Err(Closed(has_waited)) => {
                self.connections.remove(&slot);
                Outcome::Failed(has_waited)
            }
        }
    }

    /// Returns the permits for opening connections unless the next move continues the first exchanges.
    fn release_permits_unless(&mut self, next: Move<'_>) {
        if !matches!(next, Move::Send(..) | Move::Await(..)) {
            self.opening = None;
        }
    }

    /// Counts a first reply; returns the permits when every new connection has received one.
    fn count_first_reply(&mut self) {
        self.opening.take_if(|opening| {
            opening.missing = opening.missing.saturating_sub(1);
            opening.missing == 0
        });
    }

    /// Closes all connections concurrently, because each close may take its full timeout.
    async fn close_all(&mut self) {
        let mut closing = JoinSet::new();
        for (_, connection) in mem::take(&mut self.connections) {
            let run = Rc::clone(self.run);
            closing.spawn_local(async move { connection.close(&run).await });
        }
        while closing.join_next().await.is_some() {}
    }
}
