//! The limits of connections.

use std::num::NonZeroU32;
use std::time::Duration;

/// Limits of number, size and time. A limit of `None` is disabled.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections.
    pub connections_max: usize,
    /// Open connections of one client address.
    pub connections_per_address_max: Option<NonZeroU32>,
    /// New connections per second from one client address.
    pub connect_rate: Option<NonZeroU32>,
    /// Requests per second from one client address.
    pub request_rate: Option<NonZeroU32>,
    /// Bytes of replies that one connection holds until its client reads them.
    pub unread_reply_bytes_max: usize,
    /// Bytes of incomplete requests and unread replies that all connections hold together.
    pub buffered_bytes_max: usize,
    /// Time from the first byte of a request to its last.
    pub read_timeout: Duration,
    /// Time from a reply to the next request.
    pub idle_timeout: Duration,
    /// Time from a reply that requires work of the client to its next request.
    pub work_timeout: Duration,
    /// Time for a client to read the replies to one batch of requests.
    pub write_timeout: Duration,
    /// Time from the start of a connection to its end.
    pub lifetime: Duration,
    /// Time for all connections to end after the stop signal.
    pub shutdown_timeout: Duration,
    /// Time for a client to take further replies after the stop signal. At most half the shutdown timeout is used.
    pub shutdown_write_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            connections_per_address_max: None,
            connect_rate: None,
            request_rate: None,
            unread_reply_bytes_max: 96 * 1024,
            // More than a hundred clients need in the middle of lines of 64 KiB (C1, F6), even if each buffer has
            // twice that size.
            buffered_bytes_max: 16 << 20,
            read_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_hours(1),
            work_timeout: Duration::from_mins(1),
            write_timeout: Duration::from_secs(30),
            lifetime: Duration::from_hours(24),
            shutdown_timeout: Duration::from_secs(30),
            shutdown_write_timeout: Duration::from_secs(2),
        }
    }
}

impl Limits {
    /// The write timeout during a drain.
    pub(crate) fn drain_write_timeout(&self) -> Duration {
        self.write_timeout.min(self.shutdown_write_timeout).min(self.shutdown_timeout / 2)
    }
}

/// The limit for which the server refuses a client or closes its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// [`Limits::connections_max`].
    Connections,
    /// [`Limits::connections_per_address_max`].
    ConnectionsPerAddress,
    /// [`Limits::connect_rate`].
    ConnectRate,
    /// [`Limits::request_rate`].
    RequestRate,
    /// [`Limits::buffered_bytes_max`].
    BufferedBytes,
    /// [`Limits::read_timeout`].
    ReadTimeout,
    /// [`Limits::idle_timeout`].
    IdleTimeout,
    /// [`Limits::work_timeout`].
    WorkTimeout,
    /// [`Limits::write_timeout`].
    WriteTimeout,
    /// [`Limits::lifetime`].
    Lifetime,
}

impl Refusal {
    /// All causes, in the order of [`Limits`].
    pub const ALL: [Self; 10] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::ConnectRate,
        Self::RequestRate,
        Self::BufferedBytes,
        Self::ReadTimeout,
        Self::IdleTimeout,
        Self::WorkTimeout,
        Self::WriteTimeout,
        Self::Lifetime,
    ];

    /// The label of this cause in logs and counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::ConnectRate => "connect_rate",
            Self::RequestRate => "request_rate",
            Self::BufferedBytes => "buffered_bytes",
            Self::ReadTimeout => "read_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::WorkTimeout => "work_timeout",
            Self::WriteTimeout => "write_timeout",
            Self::Lifetime => "lifetime",
        }
    }
}
