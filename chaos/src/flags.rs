//! The command line as it is typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use report::ReportFlags;
use target::TargetFlags;

use crate::kit::{self, Kit};
use crate::proxy::command::ProxyFlags;

/// Finds what breaks a server: runs faults against it, and judges how those fare who are not at fault.
///
/// Without --addr, --host, --port, --exec or --image the built-in reference server is the target.
#[derive(Clone, Debug, Parser)]
#[command(name = "chaos", version, max_term_width = 100, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    /// What is done.
    #[command(flatten)]
    pub flags: Flags,

    /// What else it can do.
    #[command(subcommand)]
    pub subcommand: Option<Task>,
}

/// How a run is made.
#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// What is broken.
    #[command(flatten)]
    pub target: TargetFlags,

    /// What the target is to speak: index, the package index, or wisdom, quotations for a proof of work
    #[arg(long, value_name = "NAME", default_value = "index", value_parser = kit::by_name)]
    pub protocol: &'static Kit,

    /// Decides which faults are run, in which order, and all names; random, and printed, if not given
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub seed: Option<u64>,

    /// Run each of these seeds, first and last included
    #[arg(long, value_name = "A..B", value_parser = settings::values::seeds)]
    pub seeds: Option<settings::values::SeedRange>,

    /// Seconds that a run may take; what was not run by then is told. 30 if not given, and none with --matrix
    #[arg(long, value_name = "SECONDS", value_parser = settings::values::seconds)]
    pub duration: Option<Duration>,

    /// Run every fault in every state, once, in the order of the catalogue
    #[arg(long)]
    pub matrix: bool,

    /// Run only the faults that these patterns match: ids (disconnects/*), clauses (C3) or levels (must)
    #[arg(long, value_name = "PATTERN[,PATTERN]", value_delimiter = ',')]
    pub faults: Vec<String>,

    /// Leave out the faults that these patterns match
    #[arg(long, value_name = "PATTERN[,PATTERN]", value_delimiter = ',')]
    pub skip: Vec<String>,

    /// A broken SHOULD fails, and does not only warn
    #[arg(long)]
    pub strict: bool,

    /// Seconds that a reply may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = settings::values::seconds)]
    pub timeout: Duration,

    /// If the run fails, reduce its faults to the fewest that still fail, and write them into this file
    #[arg(long, value_name = "FILE")]
    pub shrink: Option<PathBuf>,

    /// Where the run is told of.
    #[command(flatten)]
    pub reports: ReportFlags,
}

/// What chaos can do beside a run.
#[derive(Clone, Debug, Subcommand)]
pub enum Task {
    /// Print the catalogue of faults, a fault a line
    Faults {
        /// As the text of docs/FAULTS.md
        #[arg(long)]
        markdown: bool,
        /// Of which protocol: index or wisdom
        #[arg(long, value_name = "NAME", default_value = "index", value_parser = kit::by_name)]
        protocol: &'static Kit,
    },
    /// Make a network worse on purpose, for any TCP service
    Proxy(Box<ProxyFlags>),
    /// Run the faults of a file that --shrink wrote again, and say how often they fail
    Replay {
        /// The file
        file: PathBuf,
        /// How often
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
        times: u32,
        /// The target, and how it is judged
        #[command(flatten)]
        flags: Box<Flags>,
    },
}

const AFTER_HELP: &str = "\
Exit status:
  0  pass: nobody was harmed
  1  somebody was harmed, or the target broke
  2  the command line, or a file that it names, is wrong
  3  unknown: something was not decided, and nobody was harmed
  4  the target cannot be reached or started";
