//! The command-line flags for output files.

use std::io;
use std::path::PathBuf;

use driver::recorder::Observer;

use crate::transcript::write_event;

/// The flags for output files, common to all commands.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ReportFlags {
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Write the report as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Write the report in the Test Anything Protocol (TAP 14)
    #[arg(long, value_name = "FILE")]
    pub tap: Option<PathBuf>,

    /// Write the report in the Common Test Report Format (JSON)
    #[arg(long, value_name = "FILE")]
    pub ctrf: Option<PathBuf>,

    /// Write the report as a self-contained HTML page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Write the verdict as a badge (SVG)
    #[arg(long, value_name = "FILE")]
    pub badge: Option<PathBuf>,

    /// Record the history of the run, compressed with gzip: every byte sent and received, with its time. `harness
    /// judge` reads it
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Print every byte sent and received to standard error
    #[arg(long)]
    pub debug: bool,
}

impl ReportFlags {
    /// Returns the observer of `--debug`, which writes every event to standard error.
    #[must_use]
    pub fn observer(&self) -> Option<Observer> {
        self.debug.then(|| -> Observer {
            Box::new(|event| {
                // A closed standard error is not a reason to end the run.
                let _ = write_event(&mut io::stderr(), event);
            })
        })
    }
}
