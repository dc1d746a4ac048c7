//! Conformance cases as data, and everything that turns them into verdicts.
//!
//! A [`case::Case`] is a row of a table: bytes to send, and the replies that are expected. A seed turns it into a
//! [`plan::CasePlan`] with names that no other case uses. [`run::run`] executes batches of cases, and a
//! [`judge::CaseJudge`] judges their events. A [`workload::Workload`] does the same for plans with many clients.
//!
//! ```
//! use std::time::Duration;
//!
//! use conformance::case::{ERROR, ask, case};
//! use conformance::dialects::index::DIALECT;
//! use conformance::plan::CasePlan;
//! use protocol::index::clauses::R1;
//!
//! static CASE: conformance::case::Case =
//!     case("index/R1/0", R1, "A line with one bar is answered ERROR.").steps(&[ask(b"QUERY|{a}\n", ERROR)]);
//! let plan = CasePlan::new(&DIALECT, &CASE, 1, Duration::from_secs(30));
//! assert_eq!(plan.expected(conformance::case::A, 0), [ERROR]);
//! ```

mod batch;
pub mod case;
pub mod collect;
pub mod dialect;
pub mod dialects;
pub mod exchange_checks;
pub mod judge;
pub mod limits;
pub mod linearizable;
mod memory_trend;
mod messages;
pub mod other_protocol;
pub mod plan;
pub mod reduce;
pub mod rejudge;
pub mod request_script;
pub mod resources;
pub mod results;
pub mod run;
mod schedule;
pub mod script;
pub mod suite;
pub mod template;
pub mod wire;
pub mod workload;

pub use batch::CaseBatch;
