//! The flags of the service `wisdom`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use protocol::wisdom::proof;

use super::flags::{Flags, count, seconds};
use crate::service::wisdom::{KeySettings, Range, Scope, Secret, Settings, quotations};

/// What only `--service wisdom` heeds.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Quotations for a proof of work (--service wisdom)")]
pub struct WisdomFlags {
    /// Zero bits that a proof begins with, as the server starts; each bit doubles the work, of which 20 are a tenth of
    /// a second
    #[arg(long, value_name = "BITS", default_value_t = Range::default().base, value_parser = bits())]
    pub difficulty: u8,

    /// Fewest zero bits, when the server has little to do
    #[arg(long, value_name = "BITS", default_value_t = Range::default().min, value_parser = bits())]
    pub difficulty_min: u8,

    /// Most zero bits, when it is pressed or an address asks often
    #[arg(long, value_name = "BITS", default_value_t = Range::default().max, value_parser = bits())]
    pub difficulty_max: u8,

    /// Seconds that a challenge may be solved
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub ttl: Duration,

    /// Seconds that a client may take to solve one before its connection is given up
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub solve_timeout: Duration,

    /// Challenges a second beyond which they become harder. If twice as many were solved, the solved ones of a minute
    /// would fill --max-spent
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub challenge_rate_target: u32,

    /// Milliseconds that a solution may wait for a thread before challenges become harder. Less than this nobody
    /// notices beside the work
    #[arg(long, value_name = "MS", default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..))]
    pub quote_wait_target: u32,

    /// Solved challenges that are remembered until they expire; beyond that solutions are turned away
    #[arg(long, value_name = "N", default_value_t = 262_144, value_parser = count)]
    pub max_spent: usize,

    /// File of secrets that sign challenges, a line `ID SECRET` for each, ID from 0 to 255, SECRET of 16 bytes or more;
    /// the first one signs, all verify. It is read again when it changes. Without it the variable
    /// `PACKAGE_INDEXER_SECRET` is the secret, and without that one is drawn
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,

    /// Where a challenge is honoured
    #[arg(long, value_enum, value_name = "SCOPE", default_value = "boot")]
    pub secret_scope: SecretScope,

    /// Seconds that a key still verifies after it has left the file
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub key_grace: Duration,

    /// Whether a challenge is for the address that asked for it, of IPv6 for its network of 64 bits
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub bind_ip: bool,

    /// Outside sources of quotations, the preferred one first; of a source only its host is ever shown. Without one the
    /// server gives those that it has with it
    #[arg(long, value_name = "URL", value_delimiter = ' ')]
    pub quote_url: Vec<String>,

    /// Quotations of outside sources that are kept to be given again
    #[arg(long, value_name = "N", default_value_t = quotations::Settings::default().cache_max, value_parser = count)]
    pub quote_cache: usize,
}

/// Where a challenge is honoured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SecretScope {
    /// By this server, until it ends.
    Boot,
    /// By all servers with the same secret.
    Shared,
}

impl WisdomFlags {
    /// Holds those against each other that go together.
    ///
    /// # Errors
    /// They contradict each other.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.difficulty_min > self.difficulty_max {
            Err("--difficulty-min is above --difficulty-max")
        } else if self.difficulty < self.difficulty_min {
            Err("--difficulty is below --difficulty-min; lower that too")
        } else if self.difficulty > self.difficulty_max {
            Err("--difficulty is above --difficulty-max; raise that too")
        } else if self.quote_url.iter().any(|url| quotations::label(url).is_err()) {
            // Here and not where each flag is parsed, which would tell the URL, and that may hold a key.
            Err("each --quote-url needs http:// or https:// and a host")
        } else {
            Ok(())
        }
    }
}

impl Flags {
    /// How the service `wisdom` does what it does, with this secret from the environment.
    #[must_use]
    pub fn wisdom_settings(&self, secret: Option<Secret>) -> Settings {
        let flags = &self.wisdom;
        let scope = match flags.secret_scope {
            SecretScope::Boot => Scope::Boot,
            SecretScope::Shared => Scope::Shared,
        };
        Settings {
            difficulty: Range {
                base: flags.difficulty,
                min: flags.difficulty_min,
                max: flags.difficulty_max,
            },
            ttl: flags.ttl,
            binds_address: flags.bind_ip,
            keys: KeySettings { file: flags.secret_file.clone(), secret, scope, grace: flags.key_grace },
            spent_max: flags.max_spent,
            connections_target: self.max_connections,
            challenge_rate_target: flags.challenge_rate_target,
            wait_target: Duration::from_millis(flags.quote_wait_target.into()),
            quotations: quotations::Settings {
                urls: flags.quote_url.clone(),
                cache_max: flags.quote_cache,
                ..quotations::Settings::default()
            },
        }
    }
}

/// Clients refuse more than the protocol's most.
fn bits() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=i64::from(proof::DIFFICULTY_MAX))
}
