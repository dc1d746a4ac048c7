//! One connection through the proxy: reads from each side and writes to the other what the toxics let through.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, warn};

use crate::chain::Chain;
use crate::injected_fault::{EffectLog, Observer};
use crate::queue::Item;
use crate::stage::Ending;
use crate::toxic::Stream;
use crate::toxics::Toxics;

/// The longest chunk that is read at once, in bytes.
const READ_BYTES_MAX: usize = 16 << 10;

/// The time limit for connecting to the service.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// The time limit of a lingering close: both sides may read their last bytes after a toxic closed the connection.
const LINGER_TIME_MAX: Duration = Duration::from_secs(1);

/// The state that all connections of a proxy share.
pub(crate) struct Shared {
    pub(crate) name: Arc<str>,
    pub(crate) seed: u64,
    pub(crate) upstream: String,
    pub(crate) begun: Instant,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) toxics: watch::Receiver<Toxics>,
}

/// Forwards data between a client and the service until both have ended or a toxic ends the connection.
pub(crate) async fn serve(mut client: TcpStream, number: u64, shared: Arc<Shared>) {
    let mut carrier = Carrier::new(number, &shared);
    // A connection that is ended immediately does not reach the service.
    if let Some(ending) = carrier.overdue() {
        return end(ending, &mut [&mut client]).await;
    }
    let mut server = match connect(&shared.upstream).await {
        Ok(server) => server,
        Err(error) => {
            return warn!(proxy = %shared.name, connection = number, upstream = shared.upstream, %error,
                "cannot connect to the service");
        }
    };
    // Pieces leave as the toxics cut them. On failure they only leave later.
    let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
    let ending = match carrier.carry(&mut client, &mut server).await {
        Ok(None) => return,
        Ok(Some(ending)) => ending,
        Err(error) => {
            debug!(proxy = %shared.name, connection = number, %error, "the connection failed");
            // A failure on one side is passed to the other.
            Ending::Reset
        }
    };
    end(ending, &mut [&mut client, &mut server]).await;
}

async fn connect(upstream: &str) -> io::Result<TcpStream> {
    timeout(CONNECT_TIME_MAX, TcpStream::connect(upstream)).await?
}

/// Both directions of a connection.
struct Carrier {
    toxics: watch::Receiver<Toxics>,
    pipes: [Pipe; 2],
    turn: Turn,
}

/// The progress of a round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The client has sent nothing yet.
    Client,
    /// The client has sent data.
    Service,
    /// The service has replied, and the reply is not yet written.
    Reply,
}

/// One direction: from a reading half through the toxics to a writing half.
struct Pipe {
    chain: Chain,
    /// Data that passed the toxics and is not yet written.
    outgoing: Bytes,
    /// Whether the sender has ended the stream.
    is_read: bool,
    /// Whether the end was passed to the receiver.
    is_ended: bool,
}

/// The result of a wait.
enum Event {
    Arrived(Item),
    Written,
}

impl Carrier {
    fn new(number: u64, shared: &Shared) -> Self {
        let pipe = |stream| {
            let log = EffectLog {
                observer: Arc::clone(&shared.observer),
                begun: shared.begun,
                proxy: Arc::clone(&shared.name),
                connection: number,
                stream,
            };
            let chain = Chain::new(shared.seed, log);
            Pipe { chain, outgoing: Bytes::new(), is_read: false, is_ended: false }
        };
        let mut toxics = shared.toxics.clone();
        // The initial toxics count as a change.
        toxics.mark_changed();
        Self { toxics, pipes: [pipe(Stream::Upstream), pipe(Stream::Downstream)], turn: Turn::Client }
    }

    /// Forwards data until both directions have ended (none) or a toxic ends them.
    async fn carry(&mut self, client: &mut TcpStream, server: &mut TcpStream) -> io::Result<Option<Ending>> {
        let (from_client, mut to_client) = client.split();
        let (from_server, mut to_server) = server.split();
        loop {
            if let Some(ending) = self.overdue() {
                return Ok(Some(ending));
            }
            let now = Instant::now();
            let [up, down] = &mut self.pipes;
            if up.fill(&mut to_server, now).await?.is_some()
                || down.fill(&mut to_client, now).await?.is_some()
            {
                return Ok(Some(Ending::Close));
            }
            if up.is_ended && down.is_ended {
                return Ok(None);
            }
            let due = [up.chain.due(now), down.chain.due(now)].into_iter().flatten().min();
            let (stream, event) = tokio::select! {
                event = up.wait(&from_client, &to_server) => (0, event?),
                event = down.wait(&from_server, &to_client) => (1, event?),
                () = sleep_until(due.unwrap_or(now)), if due.is_some() => continue,
                changed = self.toxics.changed() => match changed {
                    Ok(()) => { self.toxics.mark_changed(); continue }
                    Err(_) => return Ok(Some(Ending::Close)),
                },
            };
            self.count(stream, &event);
            if let Event::Arrived(item) = event {
                // Data that was read after a change must pass the current toxics.
                self.follow();
                self.pipes[stream].chain.arrive(item, Instant::now());
            }
        }
    }

    /// Counts a round trip once the reply is written.
    fn count(&mut self, stream: usize, event: &Event) {
        self.turn = match (event, stream, self.turn) {
            (Event::Arrived(Item::Bytes(_)), 0, Turn::Client) => Turn::Service,
            (Event::Arrived(Item::Bytes(_)), 1, Turn::Service) => Turn::Reply,
            (Event::Written, 1, Turn::Reply) if self.pipes[1].outgoing.is_empty() => {
                let now = Instant::now();
                self.pipes.iter_mut().for_each(|pipe| pipe.chain.note_round_trip(now));
                Turn::Client
            }
            (_, _, turn) => turn,
        };
    }

    /// Returns whether one of the current toxics ends the connection.
    fn overdue(&mut self) -> Option<Ending> {
        self.follow();
        let now = Instant::now();
        self.pipes.iter().find_map(|pipe| pipe.chain.overdue(now))
    }

    fn follow(&mut self) {
        // An error means that the proxy and its connections are gone.
        if self.toxics.has_changed().unwrap_or(false) {
            let toxics = self.toxics.borrow_and_update();
            let now = Instant::now();
            self.pipes.iter_mut().for_each(|pipe| pipe.chain.follow(&toxics, now));
        }
    }
}

impl Pipe {
    /// Takes due items from the toxics while nothing waits to be written. Returns some ending if a toxic closes the connection.
    async fn fill(&mut self, to: &mut WriteHalf<'_>, now: Instant) -> io::Result<Option<Ending>> {
        while self.outgoing.is_empty() && !self.is_ended {
            match self.chain.next(now) {
                Some(Item::Bytes(bytes)) => self.outgoing = bytes,
                Some(Item::End) => {
                    self.is_ended = true;
                    to.shutdown().await?;
                }
                Some(Item::Close) => return Ok(Some(Ending::Close)),
                None => break,
            }
        }
        Ok(None)
    }

    /// Reads if there is room, or writes if there is data, whichever is possible first.
    async fn wait(&mut self, from: &ReadHalf<'_>, to: &WriteHalf<'_>) -> io::Result<Event> {
        loop {
            let done = tokio::select! {
                ready = from.readable(), if !self.is_read && self.chain.has_room() => {
                    ready.and_then(|()| read(from)).map(|item| {
                        self.is_read = item == Item::End;
                        Event::Arrived(item)
                    })
                }
                ready = to.writable(), if !self.outgoing.is_empty() => {
                    ready.and_then(|()| to.try_write(&self.outgoing)).map(|length| {
                        self.outgoing.advance(length);
                        Event::Written
                    })
                }
                else => std::future::pending().await,
            };
            match done {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }
}

fn read(from: &ReadHalf<'_>) -> io::Result<Item> {
    // On the stack, so that an idle connection needs no buffer.
    let mut buffer = [0; READ_BYTES_MAX];
    Ok(match from.try_read(&mut buffer)? {
        0 => Item::End,
        length => Item::Bytes(Bytes::copy_from_slice(&buffer[..length])),
    })
}

async fn end(ending: Ending, sides: &mut [&mut TcpStream]) {
    match ending {
        Ending::Reset => {
            for side in sides {
                // With zero linger, closing sends a reset. If the system refuses, the connection is closed normally.
                let _ = side.set_zero_linger();
            }
        }
        // Closing while bytes arrive would reset the connection, and the reset might overtake the last bytes sent.
        Ending::Close => {
            let _ = timeout(LINGER_TIME_MAX, async {
                for side in sides.iter_mut() {
                    let _ = side.shutdown().await;
                }
                for side in sides {
                    let mut nothing = [0; 1024];
                    while side.read(&mut nothing).await.is_ok_and(|length| length > 0) {}
                }
            })
            .await;
        }
    }
}
