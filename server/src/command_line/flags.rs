//! The flags of the server as a plain struct, each with its default and unit.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use super::services;
use super::wisdom_flags::WisdomFlags;
use crate::limits::Limits;
use crate::service::index::Capacity;

/// Serves one of two protocols over TCP: a package index (INDEX|REMOVE|QUERY), or quotations for a proof of work.
#[derive(Clone, Debug, Parser)]
#[command(name = "server", version, max_term_width = 100, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true, args_override_self = true)]
pub struct CommandLine {
    /// How it serves.
    #[command(flatten)]
    pub flags: Flags,

    /// What it can do instead.
    #[command(subcommand)]
    pub subcommand: Option<Task>,
}

impl CommandLine {
    /// The flags, wherever they stand.
    #[must_use]
    pub fn flags_in_force(&self) -> &Flags {
        match &self.subcommand {
            None => &self.flags,
            Some(Task::Health(flags) | Task::Config(flags)) => flags,
        }
    }
}

/// What the server's binary can do instead of serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Task {
    /// Ask the server that these flags describe whether it is well: by --admin if that is set, else by a request
    #[command(
        after_help = "Exit status: 0 if it is well, 1 if it is not or does not answer within 2 s, 2 for a bad flag."
    )]
    Health(Flags),
    /// Print what is in force with these flags, and where each value comes from
    Config(Flags),
}

const AFTER_HELP: &str = "\
Each flag can also be set in the environment, --max-line as PACKAGE_INDEXER_MAX_LINE, and in the file that --config
names, as max-line: 65536. Flags override the environment, the environment overrides the file, and all of
them override what a service sets itself, which server config --service NAME shows.

SIGINT and SIGTERM drain it: no new connections, what was asked is answered, then it ends; a second one ends it at once.

Exit status:
  0  every connection ended by itself
  1  some connections had to be cut, or the server could not start
  2  a flag, a variable of the environment, or the configuration file is wrong";

/// How the server serves.
#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// What it serves
    #[arg(long, value_name = "NAME", default_value = services::DEFAULT, value_parser = services::parser())]
    pub service: &'static services::Row,

    /// Address to listen on; port 0 takes a free port, which the first line of the output names
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub addr: String,

    /// Address of health, metrics and build information over HTTP; none if not given
    #[arg(long, value_name = "HOST:PORT")]
    pub admin: Option<String>,

    /// Also give CPU profiles there, at /debug/pprof/profile?seconds=10
    #[arg(long)]
    pub pprof: bool,

    /// Read settings from this YAML file: a flag a line, without its dashes
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Say nothing but errors
    #[arg(long)]
    pub quiet: bool,

    /// The least important events that are logged, on standard error
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "info")]
    pub log_level: LogLevel,

    /// The form of the log
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    pub log_format: LogFormat,

    /// Threads that serve connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    pub threads: u8,

    /// Connections at the same time
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections_max, value_parser = count)]
    pub max_connections: usize,

    /// Connections of one address at the same time; no limit if not given. Of IPv6 a network of 64 bits is an address
    #[arg(long, value_name = "N")]
    pub max_connections_per_address: Option<NonZeroU32>,

    /// New connections of one address each second; no limit if not given
    #[arg(long, value_name = "N")]
    pub max_connect_rate: Option<NonZeroU32>,

    /// Requests of one address each second; no limit if not given
    #[arg(long, value_name = "N")]
    pub max_request_rate: Option<NonZeroU32>,

    /// Packages in the index; beyond that INDEX of another one is answered ERROR
    #[arg(long, value_name = "N", default_value_t = Capacity::default().packages_max, value_parser = count)]
    pub max_packages: usize,

    /// Memory of the index in bytes; beyond that INDEX of what needs more is answered ERROR
    #[arg(long, value_name = "BYTES", default_value_t = Capacity::default().bytes_max, value_parser = count)]
    pub max_index_bytes: usize,

    /// Longest line in bytes, line end not counted, at least 65536; a longer one is answered ERROR and skipped
    #[arg(long, value_name = "BYTES", default_value_t = LINE_BYTES_MAX, value_parser = line_bytes_max)]
    pub max_line: usize,

    /// Memory in bytes of replies that one client has not taken in; until it does, nothing more is read from it
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().unread_reply_bytes_max, value_parser = count)]
    pub max_unread: usize,

    /// Seconds that a client may take from the first byte of a line to its end
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub read_timeout: Duration,

    /// Seconds that a client may take until it asks again
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    pub idle_timeout: Duration,

    /// Seconds that a client may take to take in the replies to what it sent at once
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub write_timeout: Duration,

    /// Seconds that a connection may last
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = seconds)]
    pub lifetime: Duration,

    /// Seconds that connections have to end after SIGINT or SIGTERM before they are cut
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub shutdown_timeout: Duration,

    /// Last, since its heading would hold for all that follows.
    #[command(flatten)]
    pub wisdom: WisdomFlags,
}

/// How important an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// The server cannot do what it should.
    Error,
    /// Something needs attention.
    Warn,
    /// Start, stop, and clients that are given up.
    Info,
    /// Each connection.
    Debug,
    /// Each request.
    Trace,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// An object a line.
    Json,
}

impl Flags {
    /// What bounds connections.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            connections_max: self.max_connections,
            connections_per_address_max: self.max_connections_per_address,
            connect_rate: self.max_connect_rate,
            request_rate: self.max_request_rate,
            unread_reply_bytes_max: self.max_unread,
            read_timeout: self.read_timeout,
            idle_timeout: self.idle_timeout,
            write_timeout: self.write_timeout,
            work_timeout: self.wisdom.solve_timeout,
            lifetime: self.lifetime,
            shutdown_timeout: self.shutdown_timeout,
        }
    }

    /// What bounds the index.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        Capacity { packages_max: self.max_packages, bytes_max: self.max_index_bytes }
    }
}

/// The limit of clause F6 is at least this.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// A week: longer than any client should hold a connection.
const SECONDS_MAX: Duration = Duration::from_hours(7 * 24);

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 =
        text.parse().map_err(|_| "a number of seconds is needed, such as 30 or 0.5".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && duration <= SECONDS_MAX => Ok(duration),
        _ => Err(format!("more than 0 and at most {} seconds are needed", SECONDS_MAX.as_secs())),
    }
}

fn line_bytes_max(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes) if (LINE_BYTES_MAX..=1 << 30).contains(&bytes) => Ok(bytes),
        _ => Err(format!("a number of bytes from {LINE_BYTES_MAX} to {} is needed", 1 << 30)),
    }
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("a number above 0 is needed".to_owned()),
    }
}
