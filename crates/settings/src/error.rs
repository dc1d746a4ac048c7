//! Errors of settings, each with the layer that caused it.

use std::io;
use std::path::PathBuf;

use clap::error::ErrorKind;

use crate::format::Format;
use crate::origin::Origin;

/// The reason why the layers could not be combined.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user requested the help text or the version.
    #[error("{0}")]
    HelpRequested(clap::Error),
    /// A flag on the command line is wrong.
    #[error("{}; --help lists all flags", one_line(.0))]
    Flags(clap::Error),
    /// A value of a lower layer is wrong.
    #[error("{}{problem}", prefix(.origin))]
    Value {
        /// The layer that set the value.
        origin: Origin,
        /// What is wrong with it.
        problem: String,
    },
    /// The configuration file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The path as it was given.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// This build has no parser for the format of the file.
    #[error("cannot read {}: this build has no {format:?} parser; build it with the Cargo feature `{}`", path.display(), format.feature())]
    NotBuilt {
        /// The path as it was given.
        path: PathBuf,
        /// The format.
        format: Format,
    },
}

impl Error {
    /// Distinguishes a wrong flag from a request for the help text or the version.
    pub(crate) fn of_flags(error: clap::Error) -> Self {
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Self::HelpRequested(error),
            _ => Self::Flags(error),
        }
    }
}

/// The beginning of a message that names the layer at fault.
fn prefix(origin: &Origin) -> String {
    match origin {
        Origin::File { path, line: Some(line) } => format!("{}:{line}: ", path.display()),
        Origin::File { path, line: None } => format!("{}: ", path.display()),
        Origin::Environment(name) => format!("environment variable {name}: "),
        Origin::Flag | Origin::Default => String::new(),
    }
}

/// Returns the parser's message on one line, without the hints that follow it.
#[must_use]
pub fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let message = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = message.split_whitespace().collect();
    words.join(" ").trim_start_matches("error: ").to_owned()
}

/// Returns a message about an unknown name, with the known name that is most similar to it.
pub(crate) fn unknown(kind: &str, name: &str, known: impl Iterator<Item = String>) -> String {
    /// Names with a lower similarity are not suggested.
    const SIMILARITY_MIN: f64 = 0.7;
    let similarity = |other: &String| strsim::jaro_winkler(name, other);
    let nearest = known.max_by(|one, other| similarity(one).total_cmp(&similarity(other)));
    match nearest.filter(|nearest| similarity(nearest) >= SIMILARITY_MIN) {
        Some(nearest) => format!("unknown {kind} '{name}'; did you mean '{nearest}'?"),
        None => format!("unknown {kind} '{name}'"),
    }
}
