//! Runs faults against a server and decides which of them harm other clients.
//!
//! - A [`schedule::Schedule`] lists the scenes of a run. A scene is a [`fault::Fault`] in one state of a connection.
//! - [`protocols::PROTOCOLS`] lists the protocols; each has a catalogue of faults.
//! - The module `harm` decides whether a fault did harm: one function maps the evidence about a scene to a verdict.
//!
//! ```
//! use chaos::{protocols, schedule};
//!
//! let index = protocols::by_name("index")?;
//! let selection = schedule::selection(index, &["disconnects/reset".to_owned()], &[])?;
//! let schedule = schedule::Schedule::matrix(index, 7, &selection);
//! // Some of its scenes contain several lines at once, so valid lines are sent first.
//! assert_eq!(schedule.steps[..2], ["lines/at-once/idle", "disconnects/reset/idle"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//! | to find or change | see |
//! | --- | --- |
//! | a fault | `catalogue/index/*`, `catalogue/wisdom/*`; faults of both protocols: `catalogue/common/*` |
//! | whether a scene is *harmed* | `harm::decide` in `harm.rs`; the severity of each incident: `harm/severity.rs` |
//! | the evidence of a scene | `collect/*` |
//! | a network fault, such as latency | its values: `network_fault.rs`; the delay itself: `src/stage.rs` of the crate `proxy` |
//! | a fault of packets | `packets.rs`, `catalogue/common/packets.rs` |
//! | a fault of a service that the target uses | `dependencies.rs` |
//! | the order of scenes | `schedule.rs` |
//! | the report of a run | `scorecard.rs`, `scorecard/*` |

pub mod builtin;
mod catalogue;
mod chaos_protocol;
mod collect;
pub mod command;
mod dependencies;
mod disk;
mod environment;
pub mod error;
pub mod fault;
mod flags;
mod harm;
mod index;
mod namespace;
mod network_fault;
mod outcome;
mod packets;
mod percentile;
mod progress;
pub mod protocols;
mod proxy_command;
mod relay;
mod run;
pub mod schedule;
mod scorecard;
mod scripts;
mod shrink;
mod single_run;
mod timing;
mod wisdom;
mod work;

pub use chaos_protocol::ChaosProtocol;
