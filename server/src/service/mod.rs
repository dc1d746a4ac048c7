//! What a protocol gives to the server: bytes in, replies out.

pub mod index;
pub mod wisdom;

/// Answers the requests of every connection.
///
/// The state that clients share is behind `&self`; what one connection has to remember is its session.
pub trait Service: Send + Sync + 'static {
    /// What is remembered of one connection between two reads, such as a line that is not whole.
    type Session: Send;

    /// Said to a client just before its connection is given up.
    const LAST_WORDS: &'static [u8];

    /// How many bytes of replies one byte of requests brings at the most.
    const REPLY_BYTES_FOR_A_BYTE_MAX: usize;

    /// The session of a new connection.
    fn open_session(&self) -> Self::Session;

    /// Takes in what was read, and appends the replies to all requests that are complete now, in order. Brings their
    /// number.
    fn answer(&self, session: &mut Self::Session, input: &[u8], replies: &mut Vec<u8>) -> usize;

    /// Whether the client has begun a request and not finished it.
    fn is_mid_request(&self, session: &Self::Session) -> bool;
}
