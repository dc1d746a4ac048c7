//! The gate files for other projects (`ci/gate`): their steps run as the runners' shells would run them.
//!
//! A correct server and a mutant are judged by command, by address and by image. Exit status, outputs, summary and report
//! files must be what the gate files promise.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

mod action;
mod archives;
mod gitlab;
mod reports;
mod script;
mod targets;
