//! The conformance harness: judges whether a server conforms to its protocol.
//!
//! The main entry points are:
//! - [`command::execute`] executes a command line and returns the exit code.
//! - [`protocols::ProtocolEntry`] describes a protocol: its cases, its workloads and the settings of a target.
//!   [`protocols::PROTOCOLS`] lists all of them.
//! - [`error::Error`] is the reason for which a command cannot be executed.
//!
//! # Example
//! ```
//! use harness::command::execute;
//! use harness::protocols;
//!
//! let mut output = Vec::new();
//! let end = execute(&["harness".into(), "explain".into(), "index/S2/4".into()], &mut output)?;
//! assert_eq!(end.exit_code, 0);
//!
//! let case = protocols::find_case("index/S2/4").expect("the case is in the catalogue");
//! assert!(String::from_utf8_lossy(&output).contains(case.usual_cause));
//! # Ok::<(), harness::error::Error>(())
//! ```
//!
//! # Where to look
//! | to find or change | see |
//! | --- | --- |
//! | a case | `catalogue/index/*`, `catalogue/wisdom/*`: one table per subject, in the order of the clauses |
//! | the sequence of a run: cases, workloads, survival of the target | `gate/run.rs` |
//! | the judge of the replay | `workload/replay/judge/*`; checks of every exchange: `exchange_checks/*` of the crate `conformance` |
//! | the judge of contention | `workload/contention/judge.rs`, on `conformance::linearizable` |
//! | the exit code | `verdict::exit::exit_code`; the mapping of errors: `error.rs` |
//! | a new workload | implement `conformance::workload::Workload`, whose plan has a `Script` per client and a `Judge`; list it in `protocols.rs` |
//! | a new protocol | a catalogue and workloads, and an entry in `protocols.rs` |
//! | flags and help texts | `flags.rs`; their validation: `options.rs`; `gauntlet.toml`: `config.rs` |

pub mod builtin;
mod catalogue;
pub mod command;
mod config;
pub mod error;
mod flags;
mod gate;
mod init;
mod judge_command;
mod matrix;
mod options;
pub mod protocols;
mod replay_command;
mod run;
mod run_command;
mod shrink;
mod workload;
