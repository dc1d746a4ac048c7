//! Verdicts and what they rest on: findings, exit codes, selection patterns and lists of known failures.
//!
//! A judge returns a [`Verdict`] and the [`Finding`]s that support it. A [`selection::Selection`] decides which cases
//! and workloads run; a [`known_failures::KnownFailures`] list turns a listed failure into an expected one.

pub mod exit;
mod finding;
pub mod known_failures;
pub mod selection;
mod verdict;

pub use finding::{Bar, Finding, Window, seconds};
pub use verdict::Verdict;
