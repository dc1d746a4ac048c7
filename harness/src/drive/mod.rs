//! The driver: the only place with sockets and a clock. It makes the clients' moves and says what happened; it
//! judges nothing and prints nothing.
//!
//! All clients run on one thread, so that events come in order and need no lock.

mod address;
mod arrival;
mod barrier;
mod connection;
mod patience;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::ops::{ControlFlow, Range};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{mem, panic};

use protocol::Framing;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

use crate::history::{Event, Sample, What};
use crate::moves::{Act, Came, Move, Script, Slot, Source};
use crate::pairing::REPLY_BYTES_MAX;
use barrier::Barrier;
pub(crate) use connection::is_shortage;
use connection::{Connection, Gone};
pub use patience::Patience;

/// The bounds that a run keeps.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a reply may take.
    pub reply_timeout: Duration,
    /// How long further replies are waited for once one did not come in time: the target is wrong already, and a run
    /// that waited as long each time would not end.
    pub reply_timeout_after_one: Duration,
    /// How many clients are under way at any moment; the others begin, in order, when these are done.
    pub clients_at_once_max: usize,
    /// How many connections are being opened at any moment.
    pub openings_at_once_max: u32,
}

/// What a run has of the target's process, where it has anything.
pub trait Process {
    /// What it takes of its machine; nothing where that is not known.
    fn sample(&self) -> Option<Sample>;

    /// Does something to it; false where that cannot be done.
    fn act(&self, act: Act) -> bool;

    /// Where a relay stands before it, if one does.
    fn relay(&self) -> Option<SocketAddr> {
        None
    }
}

/// No process is known.
#[derive(Clone, Copy, Debug)]
pub struct NoProcess;

impl Process for NoProcess {
    fn sample(&self) -> Option<Sample> {
        None
    }

    fn act(&self, _: Act) -> bool {
        false
    }
}

/// How long opening a connection may take. It is no part of a reply's time: a target with a short backlog makes
/// clients wait for the system's second or third try.
const CONNECT_TIMEOUT: Duration = Duration::from_mins(1);

/// So many connections being opened at any moment are no obstacle for a backlog of five. A connection is open when its
/// first reply is there: before that it may be waiting in the backlog, which nobody can see from here.
pub const OPENINGS_AT_ONCE_GENTLE: u32 = 5;

/// The same where the target is far away, and each opening takes a while for the way alone.
const FAR_OPENINGS_AT_ONCE_MAX: u32 = 16;

/// A first connection that took this long came a long way; one that took longer met a full backlog.
const FAR_CONNECT_TIME: Range<Duration> = Duration::from_millis(5)..Duration::from_millis(500);

/// The receive buffer of a narrow connection.
const NARROW_BYTES: u32 = 4096;

/// How a connection is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Plain,
    /// With as little room for replies as the system allows.
    Narrow,
    /// By way of the relay.
    Relayed,
    /// From an address of the loopback network.
    From(Source),
    /// By IPv6 to an IPv4 address.
    Mapped,
}

/// How driving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every client made its last move.
    Finished,
    /// The observer had seen enough.
    Stopped,
    /// The time for the run was over.
    TimeOver,
    /// The user broke it off.
    Interrupted,
}

/// Makes the moves of `scripts`, a client each, and tells `observer` what happens, as it happens. `Break` from it
/// ends the run, and so does what `until` comes to.
pub async fn drive<S, F, O>(
    target: SocketAddr,
    scripts: Vec<S>,
    framing: fn(usize) -> F,
    limits: Limits,
    process: Box<dyn Process>,
    observer: O,
    until: impl Future<Output = Ending>,
) -> Ending
where
    S: Script + 'static,
    F: Framing + 'static,
    O: FnMut(&Event<'_>) -> ControlFlow<()> + 'static,
{
    let run = Rc::new(Run {
        target,
        limits,
        reply_timeout: Cell::new(limits.reply_timeout),
        begun: Instant::now(),
        places: Semaphore::new(limits.clients_at_once_max.min(Semaphore::MAX_PERMITS)),
        openings: Arc::new(Semaphore::new(limits.openings_at_once_max as usize)),
        has_connected: Cell::new(false),
        barrier: Barrier::new(scripts.len()),
        connection_count: Cell::new(0),
        observer: RefCell::new(observer),
        process,
        stop: Notify::new(),
    });
    let everybody = async {
        let mut clients = JoinSet::new();
        for (script, number) in scripts.into_iter().zip(0..) {
            clients.spawn_local(client(Rc::clone(&run), number, script, framing));
        }
        while let Some(ended) = clients.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                panic::resume_unwind(error.into_panic());
            }
        }
    };
    LocalSet::new()
        .run_until(async {
            tokio::select! {
                biased;
                () = run.stop.notified() => Ending::Stopped,
                () = everybody => Ending::Finished,
                ending = until => ending,
            }
        })
        .await
}

/// What the clients of a run share.
struct Run<O> {
    target: SocketAddr,
    limits: Limits,
    /// What is left of the patience with the target.
    reply_timeout: Cell<Duration>,
    begun: Instant,
    places: Semaphore,
    openings: Arc<Semaphore>,
    has_connected: Cell<bool>,
    barrier: Barrier,
    connection_count: Cell<u32>,
    observer: RefCell<O>,
    process: Box<dyn Process>,
    stop: Notify,
}

impl<O: FnMut(&Event<'_>) -> ControlFlow<()>> Run<O> {
    /// Connects; the client has its turn.
    async fn connect(&self, way: Way) -> io::Result<TcpStream> {
        let begun = Instant::now();
        let addr = match way {
            Way::Relayed => self.process.relay().ok_or(ErrorKind::NotFound)?,
            Way::Mapped => address::mapped(self.target),
            Way::Plain | Way::Narrow | Way::From(_) => self.target,
        };
        let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if way == Way::Narrow {
            socket.set_recv_buffer_size(NARROW_BYTES)?;
        }
        if let Way::From(source) = way {
            address::bind(&socket, addr, source)?;
        }
        let connected = timeout(CONNECT_TIMEOUT, socket.connect(addr)).await;
        let stream = connected.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))?;
        if !self.has_connected.replace(true) && FAR_CONNECT_TIME.contains(&begun.elapsed()) {
            let more = FAR_OPENINGS_AT_ONCE_MAX.saturating_sub(self.limits.openings_at_once_max);
            self.openings.add_permits(more as usize);
        }
        Ok(stream)
    }

    fn now_ns(&self) -> u64 {
        as_ns(self.begun.elapsed())
    }

    fn tell(&self, at_ns: u64, client: u32, connection: u32, event: What<'_>) {
        let told = (self.observer.borrow_mut())(&Event { at_ns, client, connection, event });
        if told.is_break() {
            self.stop.notify_one();
        }
    }
}

fn as_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

async fn client<S, F, O>(run: Rc<Run<O>>, number: u32, mut script: S, framing: fn(usize) -> F)
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
        let came = match outcome {
            Outcome::Done => Came::Nothing,
            Outcome::Trouble => Came::Trouble,
            Outcome::Replied(slot) => client.connections.get(&slot).map_or(Came::Trouble, Connection::came),
        };
        let next = script.next(came);
        if next == Move::Done {
            break;
        }
        outcome = client.make(next).await;
    }
    run.tell(run.now_ns(), number, 0, What::ClientDone);
    run.barrier.leave();
}

/// What a move came to.
enum Outcome {
    Done,
    Replied(Slot),
    Trouble,
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
                run.tell(run.now_ns(), self.number, 0, What::Phase(phase));
            }
            Move::Meet => run.barrier.wait().await,
            Move::Pause(time) => sleep(time).await,
            Move::Until(time) => sleep(time.saturating_sub(run.begun.elapsed())).await,
            Move::Mark(part) => run.tell(run.now_ns(), self.number, 0, What::Marked(part)),
            Move::Open(slot) => return self.open(slot, slot, Way::Plain).await,
            Move::OpenFrom(slot, source) => return self.open(slot, slot, Way::From(source)).await,
            Move::OpenMapped(slot) => return self.open(slot, slot, Way::Mapped).await,
            Move::OpenAll(first, last, source) => return self.open(first, last, Way::From(source)).await,
            Move::OpenNarrow(slot) => return self.open(slot, slot, Way::Narrow).await,
            Move::OpenRelayed(slot) => return self.open(slot, slot, Way::Relayed).await,
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
                    run.tell(run.now_ns(), self.number, 0, What::Sampled(sample));
                }
            }
            Move::Act(act) => {
                let is_done = run.process.act(act);
                run.tell(run.now_ns(), self.number, 0, What::Acted { act, is_done });
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
            return Outcome::Trouble;
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
                _ => outcome = Outcome::Trouble,
            }
        }
        outcome
    }

    /// Makes a move on a connection; one that is lost is gone for good.
    async fn make_on(&mut self, slot: Slot, next: Move<'_>) -> Outcome {
        let Some(connection) = self.connections.get_mut(&slot) else { return Outcome::Trouble };
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
                Outcome::Replied(slot)
            }
            Ok(()) => Outcome::Done,
            Err(Gone) => {
                self.connections.remove(&slot);
                Outcome::Trouble
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
