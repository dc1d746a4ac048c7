//! Every bound that a connection meets.

use std::time::Duration;

/// How long what may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first byte of a request to its last.
    pub read_timeout: Duration,
    /// For a client to take in the replies to what was read at once.
    pub write_timeout: Duration,
    /// For all connections to end once the server is told to stop.
    pub shutdown_timeout: Duration,
}
