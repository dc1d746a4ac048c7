//! The flags of the service.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use protocol::wisdom::proof;
use server::command_line::{Error, ServerFlags, count, seconds};

use crate::service::{Range, quotations};

/// The heading of these flags in the help text.
const HEADING: &str = "Proof of work and quotations";

/// The flags of `wisdom serve`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    pub(super) server: ServerFlags,

    /// Difficulty at the start, in zero bits of a proof; each bit doubles the work, and 20 bits take a client about a
    /// tenth of a second
    #[arg(long, help_heading = HEADING, value_name = "BITS", default_value_t = Range::default().base, value_parser = bits())]
    pub(super) difficulty: u8,

    /// Lowest difficulty, used when the load is low
    #[arg(long, help_heading = HEADING, value_name = "BITS", default_value_t = Range::default().min, value_parser = bits())]
    pub(super) difficulty_min: u8,

    /// Highest difficulty, used under load or for an address with frequent requests
    #[arg(long, help_heading = HEADING, value_name = "BITS", default_value_t = Range::default().max, value_parser = bits())]
    pub(super) difficulty_max: u8,

    /// Lifetime of a challenge in seconds
    #[arg(long, help_heading = HEADING, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(super) ttl: Duration,

    /// Seconds for a client to solve a challenge before its connection is closed
    #[arg(long, help_heading = HEADING, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(super) solve_timeout: Duration,

    /// Challenges per second above which the difficulty rises; at twice this rate, the solved challenges of one minute
    /// fill --max-spent
    #[arg(long, help_heading = HEADING, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) challenge_rate_target: u32,

    /// Milliseconds that a solution may wait for a thread before the difficulty rises; clients do not notice shorter
    /// waits next to their work
    #[arg(long, help_heading = HEADING, value_name = "MS", default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) quote_wait_target: u32,

    /// Limit of solved challenges that are stored until they expire; further solutions are refused
    #[arg(long, help_heading = HEADING, value_name = "N", default_value_t = 262_144, value_parser = count)]
    pub(super) max_spent: usize,

    /// File of the secrets that sign challenges: one line `ID SECRET` for each, ID from 0 to 255, SECRET of at least 16
    /// bytes; the first signs, all verify, and changes are detected. Without it the variable `PACKAGE_INDEXER_SECRET` is
    /// the secret, and without both a random one is used
    #[arg(long, help_heading = HEADING, value_name = "FILE")]
    pub(super) secret_file: Option<PathBuf>,

    /// The servers that accept a challenge; `shared` needs a secret. Each server stores the solved challenges for itself, so a
    /// challenge can then be solved once at each of them
    #[arg(long, help_heading = HEADING, value_enum, value_name = "SCOPE", default_value = "boot")]
    pub(super) secret_scope: SecretScope,

    /// Seconds for which a key that was removed from the file still verifies
    #[arg(long, help_heading = HEADING, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(super) key_grace: Duration,

    /// Whether a challenge is valid only for the client address that requested it, which is a /64 network for IPv6
    #[arg(long, help_heading = HEADING, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(super) bind_ip: bool,

    /// URLs of outside sources of quotations, in the order of preference; only their hosts are printed or logged.
    /// Without a source the server returns quotations of its embedded collection
    #[arg(long, help_heading = HEADING, value_name = "URL", value_delimiter = ' ')]
    pub(super) quote_url: Vec<String>,

    /// Quotations of outside sources that are kept, to be returned again
    #[arg(long, help_heading = HEADING, value_name = "N", default_value_t = quotations::Settings::default().cache_max, value_parser = count)]
    pub(super) quote_cache: usize,
}

/// The servers that accept a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SecretScope {
    /// This process only.
    Boot,
    /// All servers with the same secret.
    Shared,
}

impl Flags {
    /// Checks the flags that depend on each other, and on the variable with the secret.
    pub(super) fn check(&self, has_secret: bool) -> Result<(), Error> {
        self.server.check()?;
        let is_random = self.secret_file.is_none() && !has_secret;
        let conflict = if self.difficulty_min > self.difficulty_max {
            "--difficulty-min is above --difficulty-max"
        } else if self.difficulty < self.difficulty_min {
            "--difficulty is below --difficulty-min; lower --difficulty-min too"
        } else if self.difficulty > self.difficulty_max {
            "--difficulty is above --difficulty-max; raise --difficulty-max too"
        } else if self.quote_url.iter().any(|url| quotations::label(url).is_err()) {
            // Checked here instead of by a value parser, whose error would contain the URL, and that may contain a key.
            "each --quote-url needs http:// or https:// and a host"
        } else if self.secret_scope == SecretScope::Shared && is_random {
            "--secret-scope shared needs the secret that the servers share: --secret-file or PACKAGE_INDEXER_SECRET"
        } else if !cfg!(feature = "sources") && !self.quote_url.is_empty() {
            "--quote-url needs a build with the Cargo feature `sources`"
        } else {
            return Ok(());
        };
        Err(Error::Conflict(conflict))
    }
}

/// The public form of a value.
pub(super) fn shown(flag: &str, value: &str) -> String {
    // A URL may contain a key.
    if flag == "quote-url" { quotations::label(value).unwrap_or_default() } else { value.to_owned() }
}

/// A parser of difficulties up to the protocol's maximum, above which clients refuse a challenge.
fn bits() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=i64::from(proof::DIFFICULTY_MAX))
}
