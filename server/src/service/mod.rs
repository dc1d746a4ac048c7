//! What a protocol gives to the server: bytes in, replies out.

pub mod index;
pub mod wisdom;

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::limits::Refusal;

/// Answers the requests of every connection.
///
/// The state that clients share is behind `&self`; what one connection has to remember is its session.
pub trait Service: Send + Sync + 'static {
    /// What is remembered of one connection between two reads, such as a line that is not whole.
    type Session: Send;

    /// How many bytes of replies one byte of requests brings at the most.
    const REPLY_BYTES_FOR_A_BYTE_MAX: usize;

    /// What bounds the time in which a client reads why its connection ends.
    const FAREWELL: Farewell;

    /// The session of a new connection from this address.
    fn open_session(&self, peer: IpAddr) -> Self::Session;

    /// Takes in what was read, and appends the replies to all requests that are complete now, in order.
    fn answer(&self, session: &mut Self::Session, input: &[u8], replies: &mut Vec<u8>) -> Answered;

    /// What the client is to do now.
    fn awaits(&self, session: &Self::Session) -> Awaited;

    /// Appends what a client is told whose connection the server ends.
    fn say_last_words(&self, why: Parting, replies: &mut Vec<u8>);

    /// What goes on beside all connections; it ends with the server.
    fn run(self: Arc<Self>, clock: impl Clock) -> impl Future<Output = ()> + Send {
        drop(clock);
        pending()
    }
}

/// What became of some input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// How many requests were complete.
    pub requests: usize,
    /// The replies are the last ones: they are written, and the connection ends.
    pub is_over: bool,
}

/// What a client is waited for to do; each has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// To ask.
    NextRequest,
    /// To ask to the end what it has begun to.
    RestOfRequest,
    /// To do some work before it asks again.
    Work,
}

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// Its client was turned away or is given up.
    Refused(Refusal),
    /// The server was told to stop.
    ShuttingDown,
}

/// How long a client is listened to that has been told the last.
#[derive(Clone, Copy, Debug)]
pub struct Farewell {
    /// What is taken in of it meanwhile, at the most.
    pub bytes_max: usize,
    /// The time.
    pub duration_max: Duration,
}
