//! Says whether a server conforms to its protocol.
//!
//! [`protocols`] lists the protocols with their cases ([`catalogue`]) and workloads ([`workload`]). A [`gate::Gate`]
//! judges one target with one seed; [`command`] carries out a command line.

pub mod builtin;
pub mod catalogue;
pub mod command;
mod config;
pub mod error;
mod flags;
mod gate;
mod judge_command;
pub mod options;
pub mod protocols;
mod replay_command;
mod run;
mod run_command;
mod shrink;
pub mod workload;
