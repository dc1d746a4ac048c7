//! The report of a run as data, and its output formats.
//!
//! [`Report`] holds the [`RunReport`]s of a command; each has an [`Item`] per case and workload. Every output format is
//! a module that reads a report and writes text.

pub mod catalogue;
pub mod compare;
mod files;
mod flags;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod matrix;
mod model;
pub mod progress;
pub mod rejudged;
pub mod reproduction;
pub mod statistics;
pub mod terminal;
pub mod transcript;
pub mod window;

pub use files::{WriteError, write_file};
pub use flags::ReportFlags;
pub use model::{FixtureSummary, Item, ItemKind, Report, RunReport, VERSION, WorkloadRun};
