//! The flags that all services share, each with its default and unit.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use settings::values::duration_up_to;

use super::error::Error;
use crate::limits::Limits;

/// The flags of the listener, its limits, the admin endpoint and the log.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerFlags {
    /// Address to listen on; `:8080` stands for all interfaces, and port 0 selects a free port, which the first line of output reports
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub addr: String,

    /// Address of the admin endpoint (health, metrics and build information over HTTP); disabled if not given
    #[arg(long, value_name = "HOST:PORT")]
    pub admin: Option<String>,

    /// Serve CPU profiles on the admin endpoint, at /debug/pprof/profile?seconds=10; needs a build with the Cargo
    /// feature `profile`
    #[arg(long)]
    pub pprof: bool,

    /// Read settings from this YAML file; a key is the name of a flag without its dashes
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print nothing but errors
    #[arg(long)]
    pub quiet: bool,

    /// Least severe level that is logged to standard error
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "info")]
    pub log_level: LogLevel,

    /// Format of the log
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    pub log_format: LogFormat,

    /// Threads that serve connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    pub threads: u8,

    /// Limit of open connections
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections_max, value_parser = count)]
    pub max_connections: usize,

    /// Limit of open connections per client address, which is a /64 network for IPv6; no limit if not given
    #[arg(long, value_name = "N")]
    pub max_connections_per_address: Option<NonZeroU32>,

    /// Limit of new connections per second and client address; no limit if not given
    #[arg(long, value_name = "N")]
    pub max_connect_rate: Option<NonZeroU32>,

    /// Limit of requests per second and client address; no limit if not given
    #[arg(long, value_name = "N")]
    pub max_request_rate: Option<NonZeroU32>,

    /// Bytes of replies that one connection holds for its client; until the client reads them, the server reads no
    /// further requests from it
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().unread_reply_bytes_max, value_parser = count)]
    pub max_unread: usize,

    /// Bytes that all connections together may hold for incomplete requests and unread replies, beyond 4096 bytes for
    /// each connection; when they hold more, the connections that have done so longest are closed
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().buffered_bytes_max, value_parser = count)]
    pub max_buffered: usize,

    /// Seconds from the first byte of a request to its last
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub read_timeout: Duration,

    /// Seconds from a reply to the next request
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    pub idle_timeout: Duration,

    /// Seconds for a client to read the replies to one batch of requests
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub write_timeout: Duration,

    /// Seconds from the start of a connection to its end
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = seconds)]
    pub lifetime: Duration,

    /// Seconds for connections to end after SIGINT or SIGTERM, before the server closes them
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub shutdown_timeout: Duration,

    /// Seconds after SIGINT or SIGTERM for a client to take further replies, at most half of --shutdown-timeout; then its
    /// connection is closed
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub shutdown_write_timeout: Duration,
}

/// The severity of a log event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Failures of the server.
    Error,
    /// Conditions that need attention.
    Warn,
    /// Start, shutdown, and connections closed because of a limit.
    Info,
    /// Every connection.
    Debug,
    /// Every request.
    Trace,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines of plain text.
    Text,
    /// One JSON object per line.
    Json,
}

impl ServerFlags {
    /// Checks the flags that depend on each other. They may come from different layers of settings, so the parser
    /// cannot check them.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] for `--pprof` without `--admin`, and for a budget that one connection can exceed.
    pub fn check(&self) -> Result<(), Error> {
        if self.pprof && self.admin.is_none() {
            return Err(Error::Conflict("--pprof needs --admin, the address that serves the profiles"));
        }
        // A buffer may be twice as large as its content.
        if self.max_buffered / 2 < self.max_unread {
            return Err(Error::Conflict("--max-buffered must be at least twice --max-unread"));
        }
        Ok(())
    }

    /// The limits of connections. The time limit for work of clients keeps its default.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            connections_max: self.max_connections,
            connections_per_address_max: self.max_connections_per_address,
            connect_rate: self.max_connect_rate,
            request_rate: self.max_request_rate,
            unread_reply_bytes_max: self.max_unread,
            buffered_bytes_max: self.max_buffered,
            read_timeout: self.read_timeout,
            idle_timeout: self.idle_timeout,
            write_timeout: self.write_timeout,
            lifetime: self.lifetime,
            shutdown_timeout: self.shutdown_timeout,
            shutdown_write_timeout: self.shutdown_write_timeout,
            ..Limits::default()
        }
    }
}

/// The longest duration that a flag accepts: one week.
const SECONDS_MAX: Duration = Duration::from_hours(7 * 24);

/// Parses a duration, for value parsers of flags; [`duration_up_to`] describes its forms.
///
/// # Errors
/// Returns a message unless the text is a duration above 0 and of at most one week.
pub fn seconds(text: &str) -> Result<Duration, String> {
    duration_up_to(text, SECONDS_MAX)
}

/// Parses a positive number, for value parsers of flags.
///
/// # Errors
/// Returns a message unless the text is a whole number above 0.
pub fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("expected a whole number above 0".to_owned()),
    }
}
