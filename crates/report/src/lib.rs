//! The report of a run as data, and its output formats.
//!
//! [`Report`] contains the [`RunReport`]s of a command; each contains an [`Item`] for every case and workload. Each output
//! format is a module that reads a report and writes text.
//!
//! ```
//! use protocol::Level;
//! use report::{Item, ItemKind};
//! use verdict::Verdict;
//!
//! let mut item = Item::new("index/replay", ItemKind::Workload, Level::Must);
//! item.verdict = Verdict::Pass;
//! assert!(!item.is_case() && item.clause_id().is_empty());
//! assert_eq!(report::format::grouped(1_234_567), "1,234,567");
//! ```

mod annotations;
mod badge;
pub mod catalogue;
pub mod changes;
pub mod compare;
pub mod ctrf;
mod files;
mod flags;
pub mod format;
mod frequency;
pub mod html;
pub mod json;
mod junit;
mod markdown;
pub mod matrix;
mod model;
mod origin;
mod outputs;
mod plots;
pub mod progress;
pub mod read;
pub mod rejudged;
pub mod reproduction;
pub mod site;
pub mod statistics;
mod tap;
pub mod terminal;
mod transcript;
mod window;

pub use files::{WriteError, write_file};
pub use flags::ReportFlags;
pub use frequency::{Frequency, frequencies};
pub use model::{FixtureSummary, Item, ItemKind, Report, RunReport, VERSION, WorkloadRun};
pub use origin::{Host, Origin};
