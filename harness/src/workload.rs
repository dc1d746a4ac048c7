//! The workloads: the requests that many clients send to a target, and the judges of their replies.
//!
//! A workload implements `conformance::workload::Workload` and is listed in `protocols.rs`.

pub(crate) mod contention;
pub(crate) mod pace;
pub(crate) mod replay;
pub(crate) mod request_script;
pub(crate) mod schedule;
pub(crate) mod wisdom;
