//! What a client can do, and the rule that says what it does next.

/// One move of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move<'a> {
    /// Wait until every client of the run is here; then the phase with this number begins.
    BeginPhase(u32),
    /// Open a connection; the client has none.
    Open,
    /// Wait until every client of the run is here.
    Meet,
    /// Send these bytes.
    Send(&'a [u8]),
    /// Await this many replies.
    Await(usize),
    /// End the sending half, take in what still comes, and close.
    Close,
    /// The client is done with the run.
    Done,
}

/// What came of a client's last move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came<'a> {
    /// It is done; it brings nothing.
    Nothing,
    /// The replies that were awaited, without delimiters; one that was too long for any reply is empty.
    Replies(&'a [Vec<u8>]),
    /// It could not be done: the connection is gone, or nothing came in time.
    Trouble,
}

/// Says what one client does, move by move, given what came of the last one. It is pure: the same answers bring the
/// same moves.
pub trait Script {
    /// The next move.
    fn next(&mut self, came: Came<'_>) -> Move<'_>;
}
