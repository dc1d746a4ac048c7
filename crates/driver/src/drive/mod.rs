//! The execution of scripts: the only place with sockets and a clock for judged traffic.
//!
//! The driver makes the clients' moves and reports what happens; it neither judges nor prints. All clients run on one
//! thread, so that events are ordered and need no lock.

mod acknowledgement;
mod address;
mod barrier;
mod client;
mod connection;
mod execute;
mod limits;
mod run;

pub use execute::drive;
pub use limits::{Limits, NoProcess, Process};
