//! The driver: the only place with sockets and a clock. It makes the clients' moves and says what happened; it
//! judges nothing and prints nothing.
//!
//! All clients run on one thread, so that events come in order and need no lock.

mod arrival;
mod barrier;
mod connection;

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::ops::{ControlFlow, Range};
use std::panic;
use std::rc::Rc;
use std::time::{Duration, Instant};

use protocol::Framing;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

use crate::history::{Event, What};
use crate::moves::{Came, Move, Script};
use barrier::Barrier;
use connection::Connection;
pub(crate) use connection::is_shortage;

/// The bounds that a run keeps.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a reply may take.
    pub reply_timeout: Duration,
    /// How long the run may take in all.
    pub run_timeout: Duration,
}

/// How long opening a connection may take. It is no part of a reply's time: a target with a short backlog makes
/// clients wait for the system's second or third try.
const CONNECT_TIMEOUT: Duration = Duration::from_mins(1);

/// How many connections are being opened at any moment, so that a backlog of five is no obstacle. A connection is
/// open when its first reply is there: before that it may be waiting in the backlog, which nobody can see from here.
const OPENINGS_AT_ONCE_MAX: usize = 5;

/// The same where the target is far away, and each opening takes a while for the way alone.
const FAR_OPENINGS_AT_ONCE_MAX: usize = 16;

/// A first connection that took this long came a long way; one that took longer met a full backlog.
const FAR_CONNECT_TIME: Range<Duration> = Duration::from_millis(5)..Duration::from_millis(500);

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
/// ends the run.
pub async fn drive<S, F, O>(
    target: SocketAddr,
    scripts: Vec<S>,
    framing: fn() -> F,
    limits: Limits,
    observer: O,
    interrupted: impl Future<Output = ()>,
) -> Ending
where
    S: Script + 'static,
    F: Framing + 'static,
    O: FnMut(&Event<'_>) -> ControlFlow<()> + 'static,
{
    let run = Rc::new(Run {
        target,
        limits,
        begun: Instant::now(),
        openings: Semaphore::new(OPENINGS_AT_ONCE_MAX),
        has_connected: Cell::new(false),
        barrier: Barrier::new(scripts.len()),
        connection_count: Cell::new(0),
        observer: RefCell::new(observer),
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
                () = interrupted => Ending::Interrupted,
                () = sleep(limits.run_timeout) => Ending::TimeOver,
            }
        })
        .await
}

/// What the clients of a run share.
struct Run<O> {
    target: SocketAddr,
    limits: Limits,
    begun: Instant,
    openings: Semaphore,
    has_connected: Cell<bool>,
    barrier: Barrier,
    connection_count: Cell<u32>,
    observer: RefCell<O>,
    stop: Notify,
}

impl<O: FnMut(&Event<'_>) -> ControlFlow<()>> Run<O> {
    /// Connects when it is this connection's turn, which ends when the permit is dropped.
    async fn connect(&self) -> io::Result<(TcpStream, SemaphorePermit<'_>)> {
        let turn = self.openings.acquire().await.map_err(io::Error::other)?;
        let begun = Instant::now();
        let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(self.target)).await;
        let stream = connected.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))?;
        if !self.has_connected.replace(true) && FAR_CONNECT_TIME.contains(&begun.elapsed()) {
            self.openings.add_permits(FAR_OPENINGS_AT_ONCE_MAX - OPENINGS_AT_ONCE_MAX);
        }
        Ok((stream, turn))
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

async fn client<S, F, O>(run: Rc<Run<O>>, number: u32, mut script: S, framing: fn() -> F)
where
    S: Script,
    F: Framing,
    O: FnMut(&Event<'_>) -> ControlFlow<()>,
{
    let mut connection: Option<Connection<'_, F>> = None;
    let mut is_trouble = false;
    let mut has_replies = false;
    loop {
        let came = match &connection {
            _ if is_trouble => Came::Trouble,
            Some(connection) if has_replies => Came::Replies(connection.replies()),
            _ => Came::Nothing,
        };
        let next = script.next(came);
        has_replies = false;
        if !matches!(next, Move::Send(_) | Move::Await(_))
            && let Some(connection) = &mut connection
        {
            connection.end_opening();
        }
        match next {
            Move::BeginPhase(phase) => {
                run.barrier.wait().await;
                run.tell(run.now_ns(), number, 0, What::Phase(phase));
            }
            Move::Meet => run.barrier.wait().await,
            Move::Open => {
                connection = Connection::open(&run, number, framing()).await;
                is_trouble = connection.is_none();
            }
            Move::Send(bytes) => {
                is_trouble = match &mut connection {
                    Some(connection) => connection.send(&run, bytes).await.is_err(),
                    None => true,
                };
            }
            Move::Await(count) => {
                is_trouble = match &mut connection {
                    Some(connection) => connection.read_replies(&run, count).await.is_err(),
                    None => true,
                };
                has_replies = !is_trouble;
            }
            Move::Close => {
                if let Some(connection) = connection.take() {
                    connection.close(&run).await;
                }
            }
            Move::Done => break,
        }
    }
    run.barrier.leave();
}
