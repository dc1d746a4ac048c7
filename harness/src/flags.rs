//! The command line as given: a plain struct, validated only flag by flag.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory, Parser};

use report::ReportFlags;
use report::changes::Unwanted;
use settings::values::{SeedRange, seconds, seeds};
use settings::with_two_dashes;
use target::TargetFlags;

use crate::matrix::MatrixFlags;
use crate::protocols::parse_name;
use crate::workload::contention::Edition;
use crate::workload::schedule::RequestSchedule;

/// The maximum duration of a run whose cases do not wait for deadlines of the target.
const DEADLINE: Duration = Duration::from_secs(45);

/// Judges whether a server conforms to its protocol: runs a catalogue of cases, then workloads with many clients.
///
/// Without --addr, --host, --port, --exec or --image, the target is the built-in reference server. Long flags also work with
/// one dash (-concurrency 100).
#[derive(Clone, Debug, Parser)]
#[command(name = "harness", version, max_term_width = 100, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Flags {
    /// The subcommand; without one, the harness judges a target.
    #[command(subcommand)]
    pub subcommand: Option<Subcommand>,

    /// The target.
    #[command(flatten)]
    pub target: TargetFlags,

    /// Protocol of the target: index (the package index) or wisdom (quotations in exchange for a proof of work)
    #[arg(long, value_name = "NAME", default_value = "index", value_parser = parse_name)]
    pub protocol: &'static str,

    /// Read flags from this file [default: gauntlet.toml in the current directory, if it exists]. `harness init` writes one
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Run only the cases and workloads that match a pattern: ids (index/R1/*, index/replay), clauses (S2) or levels (must)
    #[arg(long, value_name = "PATTERN[,PATTERN]", value_delimiter = ',')]
    pub only: Vec<String>,

    /// Skip the cases and workloads that match a pattern
    #[arg(long, value_name = "PATTERN[,PATTERN]", value_delimiter = ',')]
    pub skip: Vec<String>,

    /// A violated SHOULD fails instead of warning
    #[arg(long)]
    pub strict: bool,

    /// Print what was observed where the protocol leaves the behaviour open
    #[arg(long)]
    pub verbose: bool,

    /// List of known failures, one `ID REASON` per line. A listed failure is expected; a listed item that passes is an error
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,

    /// List of flaky cases and workloads, one `ID REASON` per line. They run and are reported, but decide nothing
    #[arg(long, value_name = "FILE")]
    pub flaky: Option<PathBuf>,

    /// Run only what failed or remained unknown in this JSON report, with its seed
    #[arg(long, value_name = "REPORT", conflicts_with = "only")]
    pub again: Option<PathBuf>,

    /// Also run the cases that wait for the target to drop a stalled client, which must happen within this number of seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub stall_limit: Option<Duration>,

    /// Also run the cases that measure the target's process; the harness must start the target
    #[arg(long)]
    pub process: bool,

    /// Seed of every random draw [default: random; the output shows it]
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub seed: Option<u64>,

    /// Run each seed from A to B, both included, and print one table
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub seeds: Option<SeedRange>,

    /// Run everything this number of times, and print how often each case and workload was violated
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub repeat: u16,

    /// Number of clients, 1 to 10000. With several numbers (1,10,100), run each and print one table
    #[arg(long, value_name = "N[,N]", value_delimiter = ',', default_value = "100",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub concurrency: Vec<u32>,

    /// Chance, in percent, of a malformed line before a package is indexed
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(..=100))]
    pub unluckiness: u32,

    /// Package graph in the format of `brew deps --for-each` [default: 3,403 packages of Debian]
    #[arg(long, value_name = "FILE")]
    pub fixture: Option<PathBuf>,

    /// Number of packages of the graph to replay [default: all, or fewer for a slow target]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub packages: Option<u32>,

    /// Number of contention episodes, each with new packages [default: as many as the pace of the target allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub episodes: Option<u32>,

    /// Requests in flight under contention: one per client, or one in total (lockstep, in an order that the seed
    /// determines). A target that passes in lockstep and fails otherwise has a race
    #[arg(long, value_name = "SCHEDULE", value_enum, default_value = "concurrent")]
    pub schedule: RequestSchedule,

    /// Edition of the protocol, for cases and workloads. In the first edition, INDEX of an indexed package is answered OK and
    /// need not change the list (S2)
    #[arg(long, value_name = "EDITION", value_enum, default_value = "2")]
    pub edition: Edition,

    /// Maximum time for a reply, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,

    /// Maximum duration of a run, in seconds. Anything undecided by then is unknown [default: 45, and 3 times --stall-limit]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub deadline: Option<Duration>,

    /// Maximum number of rounds of a client through its packages in one step. Beyond it, the result is unknown
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds_max: u32,

    /// If the replies of a workload are not linearizable, reduce it to the fewest clients and requests that still fail, and
    /// write them to this file
    #[arg(long, value_name = "FILE")]
    pub shrink: Option<PathBuf>,

    /// Maximum duration of the reduction, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub shrink_time: Duration,

    /// The reports.
    #[command(flatten)]
    pub reports: ReportFlags,
}

/// The subcommands.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Subcommand {
    /// List all cases, one per line
    Cases {
        /// Output format
        #[arg(long, value_enum, default_value = "text")]
        format: CatalogueFormat,
        /// Protocol: index or wisdom
        #[arg(long, value_name = "NAME", default_value = "index", value_parser = parse_name)]
        protocol: &'static str,
    },
    /// Explain a case, a clause or a workload: the requirement, the bytes, and the usual cause of a failure
    Explain {
        /// Id of a case (index/R1/2), a clause (S2) or a workload (index/replay)
        id: String,
    },
    /// Print the matrix of implementations and cases from several JSON reports, and for two reports what has changed
    Compare {
        /// JSON reports, as --json writes them
        #[arg(required = true, value_name = "REPORT")]
        reports: Vec<PathBuf>,
        /// Also write the matrix to an HTML page
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        /// Exit with 1 if the second of two reports has such a change from the first, and with 3 if it cannot be compared
        #[arg(long, value_name = "CHANGE[,CHANGE]", value_delimiter = ',')]
        fail_on: Vec<Unwanted>,
        /// Also write the changes between two reports as Markdown
        #[arg(long, value_name = "FILE")]
        markdown: Option<PathBuf>,
    },
    /// Judge a list of targets with harness and chaos, and write a site that compares them. The exit status is 0 if all were judged
    Matrix(MatrixFlags),
    /// Send the requests of a file repeatedly and report how often they fail. --shrink writes such a file
    Replay {
        /// Request script
        file: PathBuf,
        /// Number of repetitions
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        times: u32,
        /// Maximum time for a reply, in seconds
        #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
        timeout: Duration,
        /// The target.
        #[command(flatten)]
        target: Box<TargetFlags>,
    },
    /// Judge a recorded history again, without a target. --record writes it, in harness and in chaos
    Judge {
        /// History file, compressed or as plain lines
        file: PathBuf,
    },
    /// Set up the gate of the server in the current directory: recognize its start command, and write gauntlet.toml and the job for
    /// pull requests on GitHub or GitLab. Existing files are kept
    Init(InitFlags),
}

/// What `harness init` writes besides gauntlet.toml.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct InitFlags {
    /// Write the workflow of GitHub [default: if the directory has a remote there]
    #[arg(long)]
    pub(crate) github: bool,
    /// Write the job of GitLab [default: if the directory has a remote there]
    #[arg(long)]
    pub(crate) gitlab: bool,
}

/// The output formats of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CatalogueFormat {
    /// One case per line
    Text,
    /// Complete data of each case
    Json,
    /// The content of docs/CASES.md
    Markdown,
}

const AFTER_HELP: &str = "\
Exit status:
  0  pass
  1  fail: a MUST is violated (with --strict, also a SHOULD), or a known failure passes
  2  the command line, or a file that it names, is invalid
  3  unknown: a result is inconclusive, and nothing failed
  4  the target cannot be reached or started, or speaks another protocol";

impl Flags {
    /// Parses a command line; the first argument is the program. The challenge's own harness has flags with one dash.
    ///
    /// # Errors
    /// The command line is invalid, or asks for help or the version.
    pub(crate) fn parse_arguments(arguments: &[OsString]) -> Result<Self, clap::Error> {
        Self::try_parse_from(with_two_dashes(&Self::command(), arguments))
    }

    /// Returns the maximum duration of a run. Cases that wait for deadlines of the target need more time than others.
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline.unwrap_or_else(|| DEADLINE + self.stall_limit.unwrap_or_default() * 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Flags, clap::Error> {
        let arguments: Vec<OsString> = ["harness"].iter().chain(arguments).map(Into::into).collect();
        Flags::parse_arguments(&arguments)
    }

    #[test]
    fn flag_definitions_are_consistent() {
        Flags::command().debug_assert();
    }

    #[test]
    fn flags_work_with_one_dash_and_with_two() {
        let one =
            parse(&["-host", "h", "-port=81", "-concurrency", "3", "-seed=9", "-unluckiness=50", "-debug"])
                .unwrap();
        assert_eq!((one.target.host.as_deref(), one.target.port, one.seed), (Some("h"), Some(81), Some(9)));
        assert_eq!((one.concurrency, one.unluckiness, one.reports.debug), (vec![3], 50, true));
        let two = parse(&["--host", "h", "--port=81", "--seed", "9"]).unwrap();
        assert_eq!((two.target.host.as_deref(), two.target.port, two.seed), (Some("h"), Some(81), Some(9)));
        assert_eq!(two.concurrency, [100]);
    }

    #[test]
    fn lists_and_ranges_are_parsed() {
        let flags = parse(&["--seeds", "1..5", "--concurrency", "1,10,1000"]).unwrap();
        assert_eq!(flags.seeds, Some(SeedRange { first: 1, last: 5 }));
        assert_eq!(flags.concurrency, [1, 10, 1000]);
    }

    #[test]
    fn cases_that_wait_for_deadlines_of_the_target_extend_the_run() {
        let deadline = |arguments: &[&str]| parse(arguments).unwrap().deadline().as_secs();
        assert_eq!(deadline(&[]), 45);
        assert_eq!(deadline(&["--stall-limit", "40"]), 165);
        assert_eq!(deadline(&["--stall-limit", "40", "--deadline", "60"]), 60);
    }

    #[test]
    fn invalid_flags_are_refused() {
        for arguments in [
            &["--seeds", "5..1"][..],
            &["--seeds", "1"],
            &["--seeds", "0..100000"],
            &["--seed", "1", "--seeds", "1..2"],
            &["--concurrency", "0"],
            &["--concurrency", "1,x"],
            &["--unluckiness", "101"],
            &["--timeout", "0"],
            &["--timeout", "nan"],
            &["--deadline", "1e9"],
            &["--port", "0"],
            &["--addr", "a:1", "--port", "2"],
            &["--image", "a", "--addr", "a:1"],
            &["--image", "a", "--exec", "a {port}"],
            &["--no-such-flag"],
            &["stray"],
        ] {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
    }
}
