//! One connection through the proxy: reads from either side, and writes to the other what its toxics let through.

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

use super::chain::Chain;
use super::fault::{Observer, Witness};
use super::queue::Item;
use super::stage::Ending;
use super::toxic::Stream;
use super::toxics::Toxics;

/// How many bytes are read at once: the longest chunk that toxics see.
const READ_BYTES_MAX: usize = 16 << 10;

/// How long it may take to connect to the service.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// How long the two sides have to take in what they were sent last, after a toxic closed the connection.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(1);

/// What all connections of a proxy share.
pub(super) struct Shared {
    pub(super) name: Arc<str>,
    pub(super) seed: u64,
    pub(super) upstream: String,
    pub(super) begun: Instant,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) toxics: watch::Receiver<Toxics>,
}

/// Carries what a client and the service say, until both have ended or a toxic ends it.
pub(super) async fn serve(mut client: TcpStream, number: u64, shared: Arc<Shared>) {
    let mut carrier = Carrier::new(number, &shared);
    // A connection that is ended at once does not reach the service.
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
    // Pieces leave as the toxics cut them. Without that they only leave later.
    let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
    let ending = match carrier.carry(&mut client, &mut server).await {
        Ok(None) => return,
        Ok(Some(ending)) => ending,
        Err(error) => {
            debug!(proxy = %shared.name, connection = number, %error, "the connection broke");
            // What broke for one side breaks for the other.
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
}

/// One direction: from a reading half through the toxics to a writing half.
struct Pipe {
    chain: Chain,
    /// What the toxics let through, and was not written yet.
    outgoing: Bytes,
    /// The sender has ended the stream.
    is_read: bool,
    /// The receiver has been told so.
    is_ended: bool,
}

/// What a pipe waited for.
enum Event {
    Arrived(Item),
    Written,
}

impl Carrier {
    fn new(number: u64, shared: &Shared) -> Self {
        let pipe = |stream| {
            let witness = Witness {
                observer: Arc::clone(&shared.observer),
                begun: shared.begun,
                proxy: Arc::clone(&shared.name),
                connection: number,
                stream,
            };
            let chain = Chain::new(shared.seed, witness);
            Pipe { chain, outgoing: Bytes::new(), is_read: false, is_ended: false }
        };
        let mut toxics = shared.toxics.clone();
        // Those that are there already have to be followed too.
        toxics.mark_changed();
        Self { toxics, pipes: [pipe(Stream::Upstream), pipe(Stream::Downstream)] }
    }

    /// Carries until both directions have ended (none) or a toxic ends them.
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
            if let Event::Arrived(item) = event {
                // What was read after a change has to meet the toxics as they are now.
                self.follow();
                self.pipes[stream].chain.arrive(item, Instant::now());
            }
        }
    }

    /// Whether a toxic, as they are now, ends the connection.
    fn overdue(&mut self) -> Option<Ending> {
        self.follow();
        let now = Instant::now();
        self.pipes.iter().find_map(|pipe| pipe.chain.overdue(now))
    }

    fn follow(&mut self) {
        // An error says that the proxy is gone, and its connections with it.
        if self.toxics.has_changed().unwrap_or(false) {
            let toxics = self.toxics.borrow_and_update();
            let now = Instant::now();
            self.pipes.iter_mut().for_each(|pipe| pipe.chain.follow(&toxics, now));
        }
    }
}

impl Pipe {
    /// Takes from the toxics what is due, as long as nothing waits to be written. Some: they close the connection.
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

    /// Reads if there is room, writes if there is something to be written, whichever can be done first.
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
    // On the stack, so that a connection that is idle keeps no buffer.
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
                // Closing now sends a reset. Where the system refuses, it is closed all the same.
                let _ = side.set_zero_linger();
            }
        }
        // To close while bytes arrive would reset the connection, and the reset might overtake what was sent last.
        Ending::Close => {
            let _ = timeout(FAREWELL_TIME_MAX, async {
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
