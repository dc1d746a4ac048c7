//! Every bound that a connection meets.

use std::num::NonZeroU32;
use std::time::Duration;

/// How many, how much, and how long. A limit that is `None` is off.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at the same time.
    pub connections_max: usize,
    /// Connections of one address at the same time.
    pub connections_per_address_max: Option<NonZeroU32>,
    /// New connections of one address each second.
    pub connect_rate: Option<NonZeroU32>,
    /// Requests of one address each second.
    pub request_rate: Option<NonZeroU32>,
    /// Memory of one connection's replies that its client has not taken in.
    pub unread_reply_bytes_max: usize,
    /// From the first byte of a request to its last.
    pub read_timeout: Duration,
    /// From a reply to the next request.
    pub idle_timeout: Duration,
    /// From a reply that gives the client something to work on to its next request.
    pub work_timeout: Duration,
    /// For a client to take in the replies to what was read at once.
    pub write_timeout: Duration,
    /// From the beginning of a connection to its end.
    pub lifetime: Duration,
    /// For all connections to end once the server is told to stop.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            connections_per_address_max: None,
            connect_rate: None,
            request_rate: None,
            unread_reply_bytes_max: 96 * 1024,
            read_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_hours(1),
            work_timeout: Duration::from_mins(1),
            write_timeout: Duration::from_secs(30),
            lifetime: Duration::from_hours(24),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

/// Why a client is turned away, or its connection given up.
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
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::ConnectRate,
        Self::RequestRate,
        Self::ReadTimeout,
        Self::IdleTimeout,
        Self::WorkTimeout,
        Self::WriteTimeout,
        Self::Lifetime,
    ];

    /// Its name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::ConnectRate => "connect_rate",
            Self::RequestRate => "request_rate",
            Self::ReadTimeout => "read_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::WorkTimeout => "work_timeout",
            Self::WriteTimeout => "write_timeout",
            Self::Lifetime => "lifetime",
        }
    }
}
