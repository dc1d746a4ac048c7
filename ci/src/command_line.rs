//! The command line of `cargo ci`.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Runs the checks, tests and measurements of this workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo ci", bin_name = "cargo ci", max_term_width = 100)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Run everything that a pull request needs
    Test(StepFlags),
    /// Run what a pull request does not need each time: all mutants, the chaos matrix, benchmarks, audits
    Full(StepFlags),
    /// Measure the server, the harness and the images, and print a Markdown table
    Bench(BenchFlags),
    /// Run the harness against every mutant and check that each is detected
    Mutants(MutantFlags),
    /// Run chaos against the mutants that faults reveal, and against correct servers
    Chaos(ChaosFlags),
    /// Run chaos against positive controls, and show what each fault alone reveals
    Controls(ControlFlags),
    /// Run the harness against correct servers with unusual behaviour, and check that none is accused
    Correct(CorrectFlags),
    /// Run the harness against the example servers of fixtures/servers, correct and with their typical defects
    Examples(ExampleFlags),
    /// Build the images of the server and the harness from static binaries
    Images {
        /// Also build them from source, as `docker build` does, on a stand-in for the public Rust image. It needs root,
        /// debootstrap and a Debian mirror
        #[arg(long)]
        from_source: bool,
    },
    /// Build the archive of a release: static programs, manual pages, completions, licences, a bill of materials, a checksum
    Dist {
        /// Where the archive is written [default: archives in the target directory]
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    /// Remove containers, networks and images that tests have left behind
    Sweep,
    /// Write the generated catalogues in docs/
    Docs {
        /// Only check that they are up to date
        #[arg(long)]
        check: bool,
    },
    /// Build the documentation as a site with search, and check its links. It needs mdBook, and installs it
    Site {
        /// Where the site is written [default: site in the target directory]
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    /// Draw the pictures of README.md again. It needs chromium
    Pictures,
}

/// Which steps run.
#[derive(Debug, Default, Args)]
pub(crate) struct StepFlags {
    /// Run only these steps
    #[arg(long, value_name = "STEP[,STEP]", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Leave out these steps
    #[arg(long, value_name = "STEP[,STEP]", value_delimiter = ',')]
    pub(crate) skip: Vec<String>,
    /// Run the remaining steps after a step has failed
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Print the steps and do not run them
    #[arg(long)]
    pub(crate) list: bool,
}

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct BenchFlags {
    /// Fewer and shorter rounds
    #[arg(long)]
    pub(crate) short: bool,
    /// Also measure this checkout, in turns with this one, and print the ratios
    #[arg(long, value_name = "DIR")]
    pub(crate) baseline: Option<PathBuf>,
    /// Measure only these groups
    #[arg(long, value_name = "GROUP[,GROUP]", value_delimiter = ',')]
    pub(crate) only: Vec<Group>,
}

/// A group of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// The server against Redis: CPU, system calls and rate
    Server,
    /// Replays of package graphs by the harness
    Replay,
    /// The judges of linearizability: time and memory
    Judge,
    /// Metrics, idle clients and the memory of a large index
    Operation,
    /// Quotations for a proof of work, and a flood
    Wisdom,
    /// The images: size, start and memory
    Images,
}

/// Which mutants run.
#[derive(Debug, Args)]
pub(crate) struct MutantFlags {
    /// The protocol of the mutants
    #[arg(long, value_name = "NAME", default_value = "index")]
    pub(crate) protocol: Protocol,
    /// The seeds, first and last included
    #[arg(long, value_name = "A..B", default_value = "1..5", value_parser = seeds)]
    pub(crate) seeds: RangeInclusive<u64>,
    /// Run only these mutants
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Run only mutants with this mark: race, chaos or slow
    #[arg(long)]
    pub(crate) mark: Option<String>,
    /// Write the table to this file, such as docs/ZOO.md; rows of mutants that did not run stay
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// The number of runs at once; most of a run is waiting. 2 for index and 5 for wisdom if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) jobs: Option<u8>,
}

/// Which example servers run.
#[derive(Debug, Args)]
pub(crate) struct ExampleFlags {
    /// The seeds of each correct server, first and last included; a defective one runs with the first
    #[arg(long, value_name = "A..B", default_value = "1..5", value_parser = seeds)]
    pub(crate) seeds: RangeInclusive<u64>,
    /// Build the image of each correct server, and judge a container with the first seed. It needs Docker and debian:bookworm-slim
    #[arg(long)]
    pub(crate) images: bool,
    /// Run only the servers in these languages
    #[arg(long, value_name = "LANGUAGE[,LANGUAGE]", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// The number of runs at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) jobs: u8,
}

/// Which correct servers run.
#[derive(Debug, Args)]
pub(crate) struct CorrectFlags {
    /// The seeds, first and last included
    #[arg(long, value_name = "A..B", default_value = "1..5", value_parser = seeds)]
    pub(crate) seeds: RangeInclusive<u64>,
    /// Run only these servers
    #[arg(long, value_name = "LANGUAGE:BEHAVIOUR[,…]", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// The number of runs at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) jobs: u8,
}

/// Which runs of chaos are made.
#[derive(Debug, Args)]
pub(crate) struct ChaosFlags {
    /// The protocol of the servers
    #[arg(long, value_name = "NAME", default_value = "index")]
    pub(crate) protocol: Protocol,
    /// The seeds of each mutant: a default run with the first, and with the others only the families of faults that revealed
    /// it. Correct servers get 4 times as many
    #[arg(long, value_name = "A..B", default_value = "1..5", value_parser = seeds)]
    pub(crate) seeds: RangeInclusive<u64>,
    /// Run only these mutants
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Run only these parts
    #[arg(long, value_name = "PART[,PART]", value_delimiter = ',', default_value = "mutants,correct,shrink")]
    pub(crate) parts: Vec<ChaosPart>,
    /// Instead, run every fault in every state against the reference server, once
    #[arg(long)]
    pub(crate) matrix: bool,
    /// The number of runs at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) jobs: u8,
}

/// Which controls run.
#[derive(Debug, Args)]
pub(crate) struct ControlFlags {
    /// The protocol of the servers
    #[arg(long, value_name = "NAME", default_value = "index")]
    pub(crate) protocol: Protocol,
    /// Run only these controls, which are named as their faults, and these mutants
    #[arg(long, value_name = "NAME[,NAME]", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Keep the reports in this directory. A server whose report exists there is not run again
    #[arg(long, value_name = "DIR")]
    pub(crate) reports: Option<PathBuf>,
    /// Write the table to this file, such as docs/CONTROLS.md; servers that did not run keep their places
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// The number of runs at once
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) jobs: u8,
}

/// A part of the chaos runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChaosPart {
    /// Each mutant is detected
    Mutants,
    /// No correct server is accused
    Correct,
    /// A failure is reduced to few faults, and those fail again
    Shrink,
}

/// A protocol that the kit can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// The package index
    Index,
    /// Quotations for a proof of work
    Wisdom,
}

impl Protocol {
    pub(crate) const ALL: [Self; 2] = [Self::Index, Self::Wisdom];
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Index => "index",
            Self::Wisdom => "wisdom",
        })
    }
}

/// Reads `A..B`, both included, or one number.
fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok(first..=last),
        _ => Err("two numbers as in 1..5, the first not above the last".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_flags_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn seeds_are_a_range_or_one_number() {
        assert_eq!(seeds("1..5"), Ok(1..=5));
        assert_eq!(seeds("7"), Ok(7..=7));
        assert!(seeds("5..1").is_err() && seeds("").is_err() && seeds("1..").is_err());
    }
}
