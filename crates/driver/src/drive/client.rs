//! One client of a run: asks its script for moves and makes them on its connections.

use std::collections::BTreeMap;
use std::mem;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use protocol::Framing;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::drive::connection::{Connection, Gone};
use crate::drive::run::{Run, Way};
use crate::frame_limits::REPLY_BYTES_MAX;
use crate::history::{Event, EventKind};
use crate::moves::{Move, MoveResult, Script, Slot};

pub(super) async fn client<S, F, O>(run: Rc<Run<O>>, number: u32, mut script: S, framing: fn(usize) -> F)
where
    S: Script,
    F: Framing + 'static,
    O: FnMut(&Event<'_>) -> ControlFlow<()> + 'static,
{
    // It is closed by nobody; and if it were, the client would only begin early.
    let _place = run.places.acquire().await;
    let mut client = Client { run: &run, number, framing, connections: BTreeMap::new(), opening: None };
    let mut outcome = Outcome::Done;
    loop {
        let result = match outcome {
            Outcome::Done => MoveResult::Done,
            Outcome::Failed => MoveResult::Failed,
            Outcome::Replies(slot) => {
                client.connections.get(&slot).map_or(MoveResult::Failed, Connection::result)
            }
        };
        let next = script.next(result);
        if next == Move::Done {
            break;
        }
        outcome = client.make(next).await;
    }
    run.tell(run.now_ns(), number, 0, EventKind::ClientDone);
    run.barrier.leave();
}

/// What a move came to.
enum Outcome {
    Done,
    Replies(Slot),
    Failed,
}

/// A client and its open connections.
struct Client<'r, F, O> {
    run: &'r Rc<Run<O>>,
    number: u32,
    framing: fn(usize) -> F,
    connections: BTreeMap<Slot, Connection<F>>,
    /// The connections whose first replies are under way.
    opening: Option<Opening>,
}

/// A client's turn to open connections.
struct Opening {
    /// Lets others open theirs when it is dropped.
    _turn: OwnedSemaphorePermit,
    /// How many have no reply yet.
    missing: usize,
}

impl<F, O> Client<'_, F, O>
where
    F: Framing + 'static,
    O: FnMut(&Event<'_>) -> ControlFlow<()> + 'static,
{
    async fn make(&mut self, next: Move<'_>) -> Outcome {
        self.end_opening_unless(next);
        let run = self.run;
        match next {
            Move::BeginPhase(phase) => {
                run.barrier.wait().await;
                run.tell(run.now_ns(), self.number, 0, EventKind::Phase(phase));
            }
            Move::Meet => run.barrier.wait().await,
            Move::Pause(time) => sleep(time).await,
            Move::Until(time) => sleep(time.saturating_sub(run.begun.elapsed())).await,
            Move::Mark(part) => run.tell(run.now_ns(), self.number, 0, EventKind::Marked(part)),
            Move::Open(slot) => return self.open(slot, slot, Way::Plain).await,
            Move::OpenFrom(slot, source) => return self.open(slot, slot, Way::From(source)).await,
            Move::OpenMapped(slot) => return self.open(slot, slot, Way::Mapped).await,
            Move::OpenAll(first, last, source) => return self.open(first, last, Way::From(source)).await,
            Move::OpenNarrow(slot) => return self.open(slot, slot, Way::Narrow).await,
            Move::OpenAlternate(slot) => return self.open(slot, slot, Way::Alternate).await,
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
            Move::Sample => {
                if let Some(sample) = run.process.sample() {
                    run.tell(run.now_ns(), self.number, 0, EventKind::Sampled(sample));
                }
            }
            Move::Act(act) => {
                let is_done = run.process.act(act);
                run.tell(run.now_ns(), self.number, 0, EventKind::Acted { act, is_done });
            }
            Move::Send(slot, _)
            | Move::Flood(slot, ..)
            | Move::Await(slot, _)
            | Move::Take(slot, _)
            | Move::AwaitEnd(slot, _)
            | Move::EndSending(slot) => return self.make_on(slot, next).await,
            Move::Done => {}
        }
        Outcome::Done
    }

    /// Opens connections side by side when it is this client's turn.
    async fn open(&mut self, first: Slot, last: Slot, way: Way) -> Outcome {
        let count = u32::from(last - first) + 1;
        let openings = Arc::clone(&self.run.openings);
        // More than all turns there are would never come.
        let Ok(turn) = openings.acquire_many_owned(count.min(self.run.limits.openings_at_once_max)).await
        else {
            return Outcome::Failed;
        };
        self.opening = Some(Opening { _turn: turn, missing: count as usize });
        let mut connecting = JoinSet::new();
        for slot in first..=last {
            let (run, number, framing) = (Rc::clone(self.run), self.number, (self.framing)(REPLY_BYTES_MAX));
            let way = match way {
                Way::From(source) => Way::From(source.of_slot(slot)),
                other => other,
            };
            connecting
                .spawn_local(async move { (slot, Connection::open(&run, number, slot, way, framing).await) });
        }
        let mut outcome = Outcome::Done;
        while let Some(connected) = connecting.join_next().await {
            match connected {
                Ok((slot, Some(connection))) => _ = self.connections.insert(slot, connection),
                _ => outcome = Outcome::Failed,
            }
        }
        outcome
    }

    /// Makes a move on a connection; one that is lost is gone for good.
    async fn make_on(&mut self, slot: Slot, next: Move<'_>) -> Outcome {
        let Some(connection) = self.connections.get_mut(&slot) else { return Outcome::Failed };
        let run = self.run;
        let made = match next {
            Move::Send(_, bytes) => connection.send(run, bytes).await,
            Move::Flood(_, bytes, bytes_max) => connection.flood(run, bytes, bytes_max).await,
            Move::Await(_, count) => connection.read_replies(run, count).await,
            Move::Take(_, bytes_max) => connection.take(run, bytes_max),
            Move::AwaitEnd(_, limit) => connection.await_end(run, limit).await,
            _ => connection.end_sending().await,
        };
        match made {
            Ok(()) if matches!(next, Move::Await(..)) => {
                self.note_first_reply();
                Outcome::Replies(slot)
            }
            Ok(()) => Outcome::Done,
            Err(Gone) => {
                self.connections.remove(&slot);
                Outcome::Failed
            }
        }
    }

    /// A client that turns to anything else lets others open their connections.
    fn end_opening_unless(&mut self, next: Move<'_>) {
        if !matches!(next, Move::Send(..) | Move::Await(..)) {
            self.opening = None;
        }
    }

    /// So does one whose new connections all have their first reply.
    fn note_first_reply(&mut self) {
        self.opening.take_if(|opening| {
            opening.missing = opening.missing.saturating_sub(1);
            opening.missing == 0
        });
    }

    /// All at once, for each may take its time.
    async fn close_all(&mut self) {
        let mut closing = JoinSet::new();
        for (_, connection) in mem::take(&mut self.connections) {
            let run = Rc::clone(self.run);
            closing.spawn_local(async move { connection.close(&run).await });
        }
        while closing.join_next().await.is_some() {}
    }
}
