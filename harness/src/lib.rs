//! Says whether a server keeps its protocol.
//!
//! One way leads through: a seed becomes a plan ([`workload`]), the driver makes its [`moves`] ([`drive`]) and emits
//! a [`history`], the judge reads that a request at a time ([`pairing`]) and comes to a [`verdict`], and the
//! [`report`] shows it. Plan, judge and report are pure; only the driver has sockets and a clock. [`run`] joins the
//! parts for one run and [`command`] for a command line; [`targets`] finds or starts what is judged.

pub mod bounds;
pub mod command;
pub mod config;
pub mod drive;
pub mod error;
pub mod exit;
pub mod expected;
pub mod flags;
pub mod gate;
pub mod history;
pub mod judging;
pub mod kit;
pub mod listening;
pub mod moves;
pub mod options;
pub mod pairing;
pub mod reduce;
pub mod replaying;
pub mod report;
pub mod run;
pub mod select;
pub mod shrink;
pub mod suite;
pub mod targets;
pub mod truth;
pub mod verdict;
pub mod workload;
