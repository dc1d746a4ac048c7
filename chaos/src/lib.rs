//! The harness under faults: what breaks a server, who is harmed by that, and how to see it again.
//!
//! A [`fault`] is data, and in a state of the protocol it is a scene. A [`schedule`] puts scenes in an order; the
//! [`scripts`] of its clients are driven by the harness like any other, and the [`judge`] reads what came of it.

pub mod builtin;
mod catalogue;
pub mod command;
pub mod fault;
pub mod flags;
pub mod judge;
pub mod kit;
pub mod proxy;
pub mod run;
pub mod schedule;
pub mod scorecard;
pub mod scripts;
pub mod shrink;
pub mod stage;
