//! The interface between connections and a protocol: input bytes in, reply bytes out.

pub mod index;

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::limits::Refusal;

/// Answers the requests of all connections.
///
/// State that clients share is behind `&self`. State of one connection is its session.
pub trait Service: Send + Sync + 'static {
    /// The state of one connection between two reads, such as an incomplete line.
    type Session: Send;

    /// The largest number of reply bytes for one byte of input.
    const REPLY_BYTES_PER_BYTE_MAX: usize;

    /// The limits of the lingering close.
    const LINGER: Linger;

    /// Creates the session of a new connection from this address.
    fn open_session(&self, peer: IpAddr) -> Self::Session;

    /// Processes input and appends the replies to all complete requests, in order.
    fn answer(&self, session: &mut Self::Session, input: &[u8], replies: &mut Vec<u8>) -> Answered;

    /// What the connection waits for.
    fn awaits(&self, session: &Self::Session) -> Awaited;

    /// The memory of the incomplete request, in bytes.
    fn buffered_bytes(&self, session: &Self::Session) -> usize;

    /// Appends the close reason: the last reply on a connection that the server closes.
    fn append_close_reason(&self, reason: CloseReason, replies: &mut Vec<u8>);

    /// Notes that a connection was lost: reading or writing failed.
    fn note_lost_connection(&self) {}

    /// Runs background work next to all connections. The server cancels it when it ends.
    fn run(self: Arc<Self>, clock: impl Clock) -> impl Future<Output = ()> + Send {
        drop(clock);
        pending()
    }
}

/// The result of processing some input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// The number of complete requests.
    pub requests: usize,
    /// Whether the protocol requires that the connection closes after these replies.
    pub closes_connection: bool,
}

/// The client action that a connection waits for. Each has its own time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The first byte of the next request.
    NextRequest,
    /// The rest of an incomplete request.
    RestOfRequest,
    /// Work that the client performs before its next request.
    Work,
}

/// The reason why the server closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// A limit was exceeded.
    Refused(Refusal),
    /// The server received a stop signal.
    ShuttingDown,
}

/// Limits of the lingering close, in which input is discarded so that the client can read the last reply.
#[derive(Clone, Copy, Debug)]
pub struct Linger {
    /// Bytes of discarded input.
    pub bytes_max: usize,
    /// Duration of the lingering close.
    pub duration_max: Duration,
}
