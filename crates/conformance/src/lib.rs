//! Conformance cases as data, and everything that turns them into verdicts.
//!
//! A [`case::Case`] is a row of a table: bytes to send, and the replies that are expected. Under a seed it becomes a
//! [`plan::CasePlan`] with names of its own; [`run::run`] executes batches of them, and a [`judge::CaseJudge`] reads
//! the events.

mod batch;
pub mod case;
pub mod collect;
pub mod dialect;
pub mod dialects;
pub mod foreign;
pub mod judge;
pub mod limits;
pub mod linearizable;
pub mod plan;
pub mod reduce;
pub mod rejudge;
pub mod request_script;
pub mod resources;
pub mod results;
pub mod run;
pub mod schedule;
pub mod script;
pub mod suite;
pub mod template;
pub mod wire;
pub mod workload;

pub use batch::CaseBatch;
