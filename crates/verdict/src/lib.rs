//! Verdicts and their evidence: findings, exit codes, selection patterns and lists of known failures.
//!
//! A judge returns a [`Verdict`] and the [`Finding`]s that support it. A [`selection::Selection`] decides which cases
//! and workloads run. A [`listed::ListedItems`] list turns a listed failure into an expected one.
//!
//! ```
//! use verdict::Verdict;
//! use verdict::exit::{CommandEnd, exit_code};
//!
//! let worst = [Verdict::Pass, Verdict::Unknown, Verdict::Warn].into_iter().max().unwrap_or(Verdict::Unknown);
//! assert_eq!(worst, Verdict::Unknown);
//! assert_eq!(exit_code(CommandEnd::Judged { verdict: worst, has_file_error: false }), 3);
//! ```

pub mod exit;
mod finding;
pub mod listed;
pub mod selection;
mod verdict;

pub use finding::{Finding, Window, WindowOperation, seconds};
pub use verdict::Verdict;
