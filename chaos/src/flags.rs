//! The command-line flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use report::ReportFlags;
use target::TargetFlags;

use crate::dependencies::Dependency;
use crate::namespace::Obstacles;
use crate::protocols;
use crate::proxy_command::ProxyFlags;

/// Runs faults against a server and reports which of them harm other clients.
///
/// Without --addr, --host, --port, --exec or --image, the target is the built-in reference server.
#[derive(Clone, Debug, Parser)]
#[command(name = "chaos", version, max_term_width = 100, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct CommandLine {
    /// The flags of a run.
    #[command(flatten)]
    pub(crate) flags: Flags,

    /// Another command instead of a run.
    #[command(subcommand)]
    pub(crate) subcommand: Option<Task>,
}

/// The flags of a run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Flags {
    /// The target.
    #[command(flatten)]
    pub(crate) target: TargetFlags,

    /// Make a service that the target uses slow or unreachable for a while, such as its database: {NAME} in the --exec command
    /// represents the address at which the target reaches it
    #[arg(long, value_name = "NAME=HOST:PORT", value_parser = Dependency::parse)]
    pub(crate) through: Vec<Dependency>,

    /// Also make faults of packets (packets/*), such as loss, partitions and clients that vanish. The run moves into a network
    /// namespace of its own, so the target must be the built-in server or a command, and reaches nothing outside. It needs unshare,
    /// ip and nft
    #[arg(long)]
    pub(crate) packets: bool,

    /// What cannot be made in the namespaces of the run, although it is wanted.
    #[arg(skip)]
    pub(crate) obstacles: Obstacles,

    /// Protocol of the target: index (the package index) or wisdom (quotations for a proof of work)
    #[arg(long, value_name = "NAME", default_value = "index", value_parser = protocols::parse_name)]
    pub(crate) protocol: &'static str,

    /// Seed for the selection and order of the faults and for all names; printed; default: random
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub(crate) seed: Option<u64>,

    /// Run all seeds from A to B, inclusive
    #[arg(long, value_name = "A..B", value_parser = settings::values::seeds)]
    pub(crate) seeds: Option<settings::values::SeedRange>,

    /// Time limit of a run in seconds; faults that are not run in time are reported. Without it a run takes as long as its
    /// faults need, at most 180 s; faults that are not run then are unknown
    #[arg(long, value_name = "SECONDS", value_parser = settings::values::seconds)]
    pub(crate) duration: Option<Duration>,

    /// Run every fault once in every state, in the order of the catalogue
    #[arg(long)]
    pub(crate) matrix: bool,

    /// Run only faults that match a pattern: an id (disconnects/*), a clause (C3) or a level (must)
    #[arg(long, value_name = "PATTERN[,PATTERN]", value_delimiter = ',')]
    pub(crate) faults: Vec<String>,

    /// Run only the faults that did harm or remained unknown in this JSON report, each in its state, with its seed
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["faults", "matrix"])]
    pub(crate) again: Option<PathBuf>,

    /// Do not run faults that match a pattern
    #[arg(long, value_name = "PATTERN[,PATTERN]", value_delimiter = ',')]
    pub(crate) skip: Vec<String>,

    /// Treat a violated SHOULD as a failure
    #[arg(long)]
    pub(crate) strict: bool,

    /// Timeout for a reply, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = settings::values::seconds)]
    pub(crate) timeout: Duration,

    /// If the run fails, find the fewest faults that still fail and write them to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) shrink: Option<PathBuf>,

    /// The reports.
    #[command(flatten)]
    pub(crate) reports: ReportFlags,
}

/// The commands other than a run.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Task {
    /// List all faults, one per line
    Faults {
        /// Print the Markdown text of docs/FAULTS.md
        #[arg(long)]
        markdown: bool,
        /// Protocol: index or wisdom
        #[arg(long, value_name = "NAME", default_value = "index", value_parser = protocols::parse_name)]
        protocol: &'static str,
    },
    /// Proxy that injects network faults for any TCP service
    Proxy(Box<ProxyFlags>),
    /// Run the faults in a file that --shrink wrote, and print how often they fail
    Replay {
        /// File that --shrink wrote
        file: PathBuf,
        /// Number of runs
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
        times: u32,
        /// The target, and the flags of a run
        #[command(flatten)]
        flags: Box<Flags>,
    },
}

const AFTER_HELP: &str = "\
In the --exec command, {directory} represents a directory for the files of the target, on a small
file system of its own: process/full-disk fills it.

Exit status:
  0  pass: no fault did harm
  1  a fault did harm, or the target ended unexpectedly
  2  usage error: the command line, or a file that it names, is invalid
  3  unknown: something could not be decided, and no fault did harm
  4  the target cannot be reached or started";
