//! The command line as it is typed: a plain struct, not yet checked against the world.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory, Parser};

use report::ReportFlags;
use settings::values::{SeedRange, seconds, seeds};
use target::TargetFlags;

use crate::protocols::parse_name;
use crate::workload::contention::{Edition, Schedule};

/// Says whether a package-index server keeps the protocol: runs a catalogue of cases, then replays a package graph.
///
/// Without --addr, --host, --port, --exec or --image the built-in reference server is the target. Long flags are taken with
/// one dash too (-concurrency 100).
#[derive(Clone, Debug, Parser)]
#[command(name = "harness", version, max_term_width = 100, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Flags {
    /// What else it can do.
    #[command(subcommand)]
    pub subcommand: Option<Subcommand>,

    /// What is judged.
    #[command(flatten)]
    pub target: TargetFlags,

    /// What the target is to speak: index, the package index, or wisdom, quotations for a proof of work
    #[arg(long, value_name = "NAME", default_value = "index", value_parser = parse_name)]
    pub protocol: &'static str,

    /// Read flags from this file; gauntlet.toml, if it is here, when not given. `harness init` writes one
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Run only what these patterns match: ids (index/R1/*), clauses (S2), levels (must) or workloads (index/replay)
    #[arg(long, value_name = "PATTERN[,PATTERN]", value_delimiter = ',')]
    pub only: Vec<String>,

    /// Leave out what these patterns match
    #[arg(long, value_name = "PATTERN[,PATTERN]", value_delimiter = ',')]
    pub skip: Vec<String>,

    /// A broken SHOULD fails, and does not only warn
    #[arg(long)]
    pub strict: bool,

    /// Known failures, `ID REASON` a line: they count as expected, and it is an error if one of them passes
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,

    /// Also run the cases that wait for the target's deadlines: seconds within which it drops a client that stalls
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub stall_limit: Option<Duration>,

    /// Also run the cases that watch the target's process, where the harness starts it
    #[arg(long)]
    pub process: bool,

    /// Decides every draw; random, and printed, if not given
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub seed: Option<u64>,

    /// Run each of these seeds, first and last included, and print one table
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub seeds: Option<SeedRange>,

    /// How many clients, 1 to 10000; with several, as in 1,10,100, run each and print one table
    #[arg(long, value_name = "N[,N]", value_delimiter = ',', default_value = "100",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub concurrency: Vec<u32>,

    /// The chance, in a hundred, of a broken line before a package is indexed
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(..=100))]
    pub unluckiness: u32,

    /// A package graph in the form of `brew deps --for-each`; 3,403 packages of Debian if not given
    #[arg(long, value_name = "FILE")]
    pub fixture: Option<PathBuf>,

    /// Replay only so many packages of it; all if not given, or fewer where the target is too slow for all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub packages: Option<u32>,

    /// How often each group of clients contends for packages that nobody has used; as often as the target has time for if
    /// not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub episodes: Option<u32>,

    /// What is under way at once where clients contend: a request of each client, or one in all, of the client that the
    /// seed names next, so that what fails only without it is a race
    #[arg(long, value_name = "SCHEDULE", value_enum, default_value = "concurrent")]
    pub schedule: Schedule,

    /// The edition of the protocol by which clients contend: in the first, an update need not change anything (S2)
    #[arg(long, value_name = "EDITION", value_enum, default_value = "2")]
    pub edition: Edition,

    /// Seconds that a reply may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,

    /// Seconds that a run may take; what is not decided by then is unknown
    #[arg(long, value_name = "SECONDS", default_value = "45", value_parser = seconds)]
    pub deadline: Duration,

    /// How often a client may go through its packages in one step before that is called unknown
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds_max: u32,

    /// If a workload fails by replies that no order allows, reduce it to the fewest clients and requests that still fail,
    /// and write them into this file
    #[arg(long, value_name = "FILE")]
    pub shrink: Option<PathBuf>,

    /// Seconds that this may take
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub shrink_time: Duration,

    /// Where the run is told of.
    #[command(flatten)]
    pub reports: ReportFlags,
}

/// What the harness can do beside judging a target.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Print the catalogue, a case a line
    Cases {
        /// The form
        #[arg(long, value_enum, default_value = "text")]
        format: CatalogueFormat,
        /// Of which protocol: index or wisdom
        #[arg(long, value_name = "NAME", default_value = "index", value_parser = parse_name)]
        protocol: &'static str,
    },
    /// Say all there is to know of a case or a clause: what is asked for and why, the bytes, the usual cause of a failure
    Explain {
        /// The id of a case, such as index/R1/2, or of a clause, such as S2
        id: String,
    },
    /// Draw the matrix of implementations and cases from several JSON reports
    Compare {
        /// Reports that --json wrote
        #[arg(required = true, value_name = "REPORT")]
        reports: Vec<PathBuf>,
        /// Write the matrix as one HTML page
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// Run the requests of a file that --shrink wrote, or of one like it, and say how often they fail
    Replay {
        /// The file
        file: PathBuf,
        /// How often
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        times: u32,
        /// Seconds that a reply may take
        #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
        timeout: Duration,
        /// What they are sent to
        #[command(flatten)]
        target: Box<TargetFlags>,
    },
    /// Judge a history that --record wrote, here or in chaos, again: without a server, and against the rules as a whole
    Judge {
        /// The history, compressed or as lines
        file: PathBuf,
    },
    /// Write a gauntlet.toml with comments, to be changed
    Init,
}

/// The forms of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CatalogueFormat {
    /// A case a line.
    Text,
    /// All that is known of each.
    Json,
    /// What docs/CASES.md holds.
    Markdown,
}

const AFTER_HELP: &str = "\
Exit status:
  0  pass
  1  a clause of the protocol was violated, or an expected failure passed
  2  the command line, or a file that it names, is wrong
  3  unknown: something was not decided, and nothing was violated
  4  the target cannot be reached or started, or speaks another protocol";

impl Flags {
    /// Parses a command line; the first argument is the program.
    ///
    /// # Errors
    /// It is wrong, or asks for help or the version.
    pub fn parse_arguments(arguments: &[OsString]) -> Result<Self, clap::Error> {
        Self::try_parse_from(with_two_dashes(arguments))
    }
}

/// The challenge's own harness takes its flags with one dash, and people have learnt to type them so.
fn with_two_dashes(arguments: &[OsString]) -> impl Iterator<Item = OsString> {
    let command = Flags::command();
    let names: Vec<String> =
        command.get_arguments().filter_map(|flag| flag.get_long().map(str::to_owned)).collect();
    arguments.iter().map(move |argument| match argument.to_str().and_then(|text| text.strip_prefix('-')) {
        Some(text) if names.iter().any(|name| Some(name.as_str()) == text.split('=').next()) => {
            format!("--{text}").into()
        }
        _ => argument.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Flags, clap::Error> {
        let arguments: Vec<OsString> = ["harness"].iter().chain(arguments).map(Into::into).collect();
        Flags::parse_arguments(&arguments)
    }

    #[test]
    fn the_definition_of_the_flags_holds_together() {
        Flags::command().debug_assert();
    }

    #[test]
    fn the_challenges_flags_are_taken_with_one_dash_and_with_two() {
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
    fn lists_and_ranges_are_read() {
        let flags = parse(&["--seeds", "1..5", "--concurrency", "1,10,1000"]).unwrap();
        assert_eq!(flags.seeds, Some(SeedRange { first: 1, last: 5 }));
        assert_eq!(flags.concurrency, [1, 10, 1000]);
    }

    #[test]
    fn what_is_wrong_is_refused() {
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
