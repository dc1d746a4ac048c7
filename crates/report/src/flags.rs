//! The command-line flags that name report files.

use std::io;
use std::path::PathBuf;

use driver::recorder::Observer;

use crate::transcript::write_event;

/// The flags that say where a run is told of; every command of the kit has them.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ReportFlags {
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Write the report as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Write the report as one HTML page that needs nothing else
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Write the history of the run, compressed by zstd: every byte sent and received, with its time. `harness judge`
    /// reads it
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Show every byte sent and received, on standard error
    #[arg(long)]
    pub debug: bool,
}

impl ReportFlags {
    /// Returns the observer that `--debug` asks for: it writes every event to standard error.
    #[must_use]
    pub fn observer(&self) -> Option<Observer> {
        self.debug.then(|| -> Observer {
            Box::new(|event| {
                // A user who closes standard error wants no more output.
                let _ = write_event(&mut io::stderr(), event);
            })
        })
    }
}
